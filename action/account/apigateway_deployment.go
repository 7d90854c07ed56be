package account

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// deploymentAPI is what the kind needs of Amazon API Gateway.
type deploymentAPI interface {
	restStageAPI
	GetDeployments(ctx context.Context, in *apigateway.GetDeploymentsInput, opts ...func(*apigateway.Options)) (*apigateway.GetDeploymentsOutput, error)
}

// apigatewayDeployment gives a stage of a REST API another deployment: one from before, or one whose CORS is broken. It
// makes none itself: a new deployment would take along whatever others have changed and not yet deployed.
func apigatewayDeployment() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "apigateway-deployment", Doc: "Give a stage of a REST API another deployment: an old one, or one whose CORS is broken",
				Attributes: []fault.Attribute{{Name: "deployment", Type: fault.TypeText, Required: true, Doc: "a deployment of the API, by id or description"}},
			},
			Target: restStage(),
		},
		service: "apigateway",
		open: func(cfg aws.Config) change {
			return stageDeployment(apigateway.NewFromConfig(cfg), apiARN(cfg)+"/restapis/")
		},
		needs: func(id string) []action.Permission {
			api, _, _ := strings.Cut(id, "/stages/")
			return []action.Permission{
				{Resources: []string{id, api + "/deployments"}, Actions: []string{"apigateway:GET"}},
				{Resources: []string{id}, Actions: []string{"apigateway:PATCH"}},
			}
		},
	}
}

// deployed is the deployment that a stage has.
type deployed struct {
	Deployment string `json:"deployment"`

	all []types.Deployment // of the API
}

// find is the id of the one deployment that has this id or description.
func (d deployed) find(name string) (id string, err error) {
	var found, ids []string
	for _, one := range d.all {
		ids = append(ids, aws.ToString(one.Id))
		if aws.ToString(one.Id) == name || aws.ToString(one.Description) == name {
			found = append(found, aws.ToString(one.Id))
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &action.Refused{Reason: fmt.Sprintf("the API has no deployment %q", name), Tip: "by id, or by a description that only one of them has; these are their ids: " + strings.Join(ids, ", ")}
	}
	return "", &action.Refused{Reason: fmt.Sprintf("the API has %d deployments %q", len(found), name), Tip: "name one by its id: " + strings.Join(found, ", ")}
}

// stageDeployment is the deployment of a stage.
func stageDeployment(api deploymentAPI, arn string) setting[deployed] {
	read := func(ctx context.Context, id string) (deployed, error) {
		number, stage, err := splitStage(id)
		if err != nil {
			return deployed{}, err
		}
		out, err := api.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &number, StageName: &stage})
		if err != nil {
			return deployed{}, explain("stage "+number+"/"+stage+": read it", err, "NotFoundException")
		}
		now := deployed{Deployment: aws.ToString(out.DeploymentId)}
		pages := apigateway.NewGetDeploymentsPaginator(api, &apigateway.GetDeploymentsInput{RestApiId: &number, Limit: aws.Int32(500)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return now, explain("API "+number+": list its deployments", err, "NotFoundException")
			}
			now.all = append(now.all, page.Items...)
		}
		return now, nil
	}
	return setting[deployed]{
		what:   "deployment",
		lookup: findStage(arn, read),
		read:   read,
		want: func(now deployed, o order) (deployed, error) {
			wanted, _ := o.With["deployment"].(string)
			next, err := now.find(wanted)
			return deployed{Deployment: next}, err
		},
		write: func(ctx context.Context, id string, _, to deployed) error {
			number, stage, err := splitStage(id)
			if err != nil {
				return err
			}
			_, err = api.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &number, StageName: &stage, PatchOperations: []types.PatchOperation{
				{Op: types.OpReplace, Path: aws.String("/deploymentId"), Value: &to.Deployment}}})
			if hasCode(err, "ConflictException") {
				return fmt.Errorf("stage %s: %w: %w", id, errConflict, err)
			}
			return explain("stage "+id+": give it the deployment "+to.Deployment, err, "NotFoundException")
		},
		say: func(before, after deployed) (string, string) {
			return "give it the deployment " + after.Deployment + " (now: " + before.Deployment + ")", "give it " + before.Deployment + " again"
		},
	}
}
