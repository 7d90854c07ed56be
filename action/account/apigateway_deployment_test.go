package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// deploy makes a deployment of the API that no stage has.
func deploy(t *testing.T, w world, description string) string {
	t.Helper()
	out, err := apigateway.NewFromConfig(w.cfg).CreateDeployment(t.Context(), &apigateway.CreateDeploymentInput{RestApiId: aws.String(restAPIID(t, w)), Description: &description})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Id
}

func deploymentFixture() fixture {
	return fixture{
		kind: "apigateway-deployment", target: experiment.Target{Resources: []string{"${id}/live"}}, with: fault.Attributes{"deployment": "broken CORS"},
		id: restAPIID,
		setup: func(t *testing.T, w world) {
			makeRESTAPI(t, w)
			deploy(t, w, "broken CORS")
		},
		state: func(t *testing.T, w world) any {
			out, err := apigateway.NewFromConfig(w.cfg).GetStage(t.Context(), &apigateway.GetStageInput{RestApiId: aws.String(restAPIID(t, w)), StageName: aws.String("live")})
			if err != nil {
				t.Fatal(err)
			}
			out.CreatedDate, out.LastUpdatedDate, out.ResultMetadata = nil, nil, middleware.Metadata{}
			return out
		},
		edit: func(t *testing.T, w world) { // a deployment that somebody makes meanwhile
			patchRESTStage(t, w, "/deploymentId", deploy(t, w, "new"))
		},
	}
}

func TestDeploymentIsRefused(t *testing.T) {
	f := deploymentFixture()
	w := newStand(t).world()
	f.setup(t, w)
	stage := restAPIID(t, w) + "/live"
	refused(t, w, f.kind, stage, fault.Attributes{"deployment": "zzzzzz"}, `no deployment "zzzzzz"`)
	deploy(t, w, "broken CORS")
	refused(t, w, f.kind, stage, f.with, `2 deployments "broken CORS"`)
	id := deploy(t, w, "other")
	patchRESTStage(t, w, "/deploymentId", id)
	refused(t, w, f.kind, stage, fault.Attributes{"deployment": id}, "already what the fault")
}
