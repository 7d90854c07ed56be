package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// tasksAPI is what the kind needs of ECS.
type tasksAPI interface {
	DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, opts ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	ListTasks(ctx context.Context, in *ecs.ListTasksInput, opts ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, opts ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	StopTask(ctx context.Context, in *ecs.StopTaskInput, opts ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
}

// ecsStopTasks stops some tasks of a service, which starts others.
func ecsStopTasks() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo:     fault.KindInfo{Kind: "ecs-stop-tasks", Doc: "Stop some tasks of an ECS service, which has to replace them", Attributes: share("tasks")},
			Target:       experiment.Resource{Key: "ecs_service", Doc: "An ECS service, by ARN or as CLUSTER/SERVICE", Tagged: "ecs:service", CloudFormation: "AWS::ECS::Service"},
			Irreversible: true,
			Check:        oneShare,
		},
		service: "ecs",
		open:    func(cfg aws.Config) change { return stopTasks(ecs.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ecs:ListTasks"}},
				{Resources: []string{id}, Actions: []string{"ecs:DescribeServices"}},
				{Resources: []string{tasksOf(id)}, Actions: []string{"ecs:DescribeTasks", "ecs:StopTask"}},
			}
		},
	}
}

// someTasks are some tasks of a service, by ARN.
type someTasks struct {
	Tasks []string `json:"tasks"`
	Of    int      `json:"of"`
}

func stopTasks(api tasksAPI) deed[someTasks] {
	return deed[someTasks]{
		what:   "stop of tasks",
		lookup: func(ctx context.Context, name string) (string, error) { return findService(ctx, api, name) },
		aim: func(ctx context.Context, o order) (someTasks, error) {
			cluster, service := serviceNames(o.ID)
			var running []string
			pages := ecs.NewListTasksPaginator(api, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: &service, DesiredStatus: types.DesiredStatusRunning})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return someTasks{}, explain("ECS service "+service+": list its tasks", err)
				}
				running = append(running, page.TaskArns...)
			}
			picked, err := pickShare("running tasks", running, o)
			return someTasks{Tasks: picked, Of: len(running)}, err
		},
		say: func(hit someTasks) (string, string) {
			var ids []string
			for _, task := range hit.Tasks {
				ids = append(ids, ec2ID(task))
			}
			return fmt.Sprintf("stop %d of its %d running tasks: %s", len(ids), hit.Of, strings.Join(ids, ", ")), "none: the service starts others in their place"
		},
		do: func(ctx context.Context, o order, hit someTasks) error {
			cluster, _ := serviceNames(o.ID)
			left, err := stillRunning(ctx, api, cluster, hit.Tasks)
			if err != nil {
				return err
			}
			for _, task := range left {
				if _, err := api.StopTask(ctx, &ecs.StopTaskInput{Cluster: &cluster, Task: &task, Reason: aws.String("firedrill " + o.Run)}); err != nil {
					return explain("ECS task "+ec2ID(task)+": stop it", err)
				}
			}
			return nil
		},
		seen: func(ctx context.Context, o order, hit someTasks) (bool, error) {
			cluster, _ := serviceNames(o.ID)
			left, err := stillRunning(ctx, api, cluster, hit.Tasks)
			return err == nil && len(left) == 0, err
		},
	}
}

// stillRunning are those of some tasks that nobody has told to stop.
func stillRunning(ctx context.Context, api tasksAPI, cluster string, tasks []string) ([]string, error) {
	var left []string
	for some := range slices.Chunk(tasks, 100) { // as many as ECS describes at once
		out, err := api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: some})
		if err != nil {
			return nil, explain("ECS cluster "+cluster+": look at its tasks", err)
		}
		for _, task := range out.Tasks {
			if aws.ToString(task.DesiredStatus) != string(types.DesiredStatusStopped) {
				left = append(left, aws.ToString(task.TaskArn))
			}
		}
	}
	return left, nil
}

// findService is the ARN of a service, with its cluster.
func findService(ctx context.Context, api tasksAPI, name string) (string, error) {
	cluster, service := serviceNames(name)
	if cluster == "" {
		return "", &action.Refused{Reason: "ECS service " + name + ": its cluster is not said", Tip: "ecs_service: CLUSTER/SERVICE"}
	}
	out, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
	switch {
	case hasCode(err, "ClusterNotFoundException"):
		return "", missing("ECS cluster", cluster, "this account and region", nil)
	case err != nil:
		return "", explain("ECS service "+name+": look it up", err)
	}
	i := slices.IndexFunc(out.Services, func(s types.Service) bool { return aws.ToString(s.Status) == "ACTIVE" })
	if i < 0 {
		return "", missing("ECS service", service, "cluster "+cluster, nil)
	}
	arn := aws.ToString(out.Services[i].ServiceArn)
	if _, rest, ok := strings.Cut(arn, ":service/"); ok && !strings.Contains(rest, "/") { // from before ARNs named clusters
		arn = strings.Replace(arn, ":service/", ":service/"+cluster+"/", 1)
	}
	return arn, nil
}

// serviceNames are the names in arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE or CLUSTER/SERVICE.
func serviceNames(id string) (cluster, service string) {
	if _, rest, ok := strings.Cut(id, ":service/"); ok {
		id = rest
	}
	cluster, service, ok := strings.Cut(id, "/")
	if !ok {
		return "", id
	}
	return cluster, service
}

// tasksOf are the ARNs that tasks of a service may have.
func tasksOf(id string) string {
	cluster, _ := serviceNames(id)
	before, _, _ := strings.Cut(id, ":service/")
	return before + ":task/" + cluster + "/*"
}
