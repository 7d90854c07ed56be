package account

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeService makes a service of four tasks. moto starts none for a service, so they are started as the service would.
func makeService(t *testing.T, w world) {
	t.Helper()
	api := ecs.NewFromConfig(w.cfg)
	if _, err := api.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("live")}); err != nil {
		t.Fatal(err)
	}
	_, err := api.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("shop"), Cpu: aws.String("256"), Memory: aws.String("512"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("shop"), Image: aws.String("shop:1"), Memory: aws.Int32(256)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.CreateService(t.Context(), &ecs.CreateServiceInput{Cluster: aws.String("live"), ServiceName: aws.String("shop"), TaskDefinition: aws.String("shop"), DesiredCount: aws.Int32(4), LaunchType: types.LaunchTypeFargate})
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String("live"), TaskDefinition: aws.String("shop"), Count: aws.Int32(4), LaunchType: types.LaunchTypeFargate, Group: aws.String("service:shop")})
	if err != nil {
		t.Fatal(err)
	}
}

func tasksNow(t *testing.T, w world) any {
	t.Helper()
	out, err := ecs.NewFromConfig(w.cfg).ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String("live"), DesiredStatus: types.DesiredStatusRunning})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out.TaskArns)
	return out.TaskArns
}

func ecsStopTasksFixture() fixture {
	return fixture{
		kind: "ecs-stop-tasks", target: experiment.Target{Resources: []string{"live/shop"}}, with: fault.Attributes{"count": 2.0},
		front: sizesAsText, setup: makeService, state: tasksNow, stays: true,
	}
}

// sizesAsText tells the sizes of containers as ECS does, in texts; moto tells numbers, which no client reads.
func sizesAsText(moto http.Handler) http.Handler {
	sizes := regexp.MustCompile(`"(cpu|memory)": ?(\d+)`)
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		moto.ServeHTTP(answer, r)
		out.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		out.WriteHeader(answer.Code)
		text := answer.Body.Bytes()
		if target := r.Header.Get("X-Amz-Target"); strings.HasSuffix(target, "Task") || strings.HasSuffix(target, "Tasks") {
			text = sizes.ReplaceAll(text, []byte(`"$1": "$2"`))
		}
		_, _ = out.Write(text)
	})
}

func TestServiceName(t *testing.T) {
	for _, c := range []struct{ id, cluster, service, tasks string }{
		{"arn:aws:ecs:eu-west-1:111122223333:service/live/shop", "live", "shop", "arn:aws:ecs:eu-west-1:111122223333:task/live/*"},
		{"live/shop", "live", "shop", ""},
		{"arn:aws:ecs:eu-west-1:111122223333:service/shop", "", "shop", ""},
		{"shop", "", "shop", ""},
	} {
		if cluster, service := serviceNames(c.id); cluster != c.cluster || service != c.service {
			t.Errorf("%s: %s, %s", c.id, cluster, service)
		}
		if c.tasks != "" && tasksOf(c.id) != c.tasks {
			t.Errorf("%s: %s", c.id, tasksOf(c.id))
		}
	}
}
