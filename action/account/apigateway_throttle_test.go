package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeRESTAPI makes a REST API with the stage live, where one method has limits of its own.
func makeRESTAPI(t *testing.T, w world) {
	t.Helper()
	api := apigateway.NewFromConfig(w.cfg)
	made, err := api.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: aws.String("shop")})
	if err != nil {
		t.Fatal(err)
	}
	resources, err := api.GetResources(t.Context(), &apigateway.GetResourcesInput{RestApiId: made.Id})
	if err != nil {
		t.Fatal(err)
	}
	root := resources.Items[0].Id
	if _, err := api.PutMethod(t.Context(), &apigateway.PutMethodInput{RestApiId: made.Id, ResourceId: root, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.PutIntegration(t.Context(), &apigateway.PutIntegrationInput{RestApiId: made.Id, ResourceId: root, HttpMethod: aws.String("GET"), Type: types.IntegrationTypeMock}); err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateDeployment(t.Context(), &apigateway.CreateDeploymentInput{RestApiId: made.Id, StageName: aws.String("live")}); err != nil {
		t.Fatal(err)
	}
	patchRESTStage(t, w, "/~1orders/GET/throttling/rateLimit", "50")
	patchRESTStage(t, w, "/~1orders/GET/throttling/burstLimit", "20")
}

func restAPIID(t *testing.T, w world) string {
	t.Helper()
	out, err := apigateway.NewFromConfig(w.cfg).GetRestApis(t.Context(), &apigateway.GetRestApisInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Items[0].Id
}

func patchRESTStage(t *testing.T, w world, path, value string) {
	t.Helper()
	if _, err := apigateway.NewFromConfig(w.cfg).UpdateStage(t.Context(), &apigateway.UpdateStageInput{RestApiId: aws.String(restAPIID(t, w)), StageName: aws.String("live"),
		PatchOperations: []types.PatchOperation{{Op: types.OpReplace, Path: &path, Value: &value}}}); err != nil {
		t.Fatal(err)
	}
}

func restThrottleFixture() fixture {
	return fixture{
		kind: "apigateway-throttle", target: experiment.Target{Resources: []string{"${id}/live"}}, with: fault.Attributes{"rate": 1.0, "burst": 2.0},
		front: newStageServer, setup: makeRESTAPI, id: restAPIID,
		state: func(t *testing.T, w world) any {
			out, err := apigateway.NewFromConfig(w.cfg).GetStage(t.Context(), &apigateway.GetStageInput{RestApiId: aws.String(restAPIID(t, w)), StageName: aws.String("live")})
			if err != nil {
				t.Fatal(err)
			}
			out.DeploymentId, out.CreatedDate, out.LastUpdatedDate, out.ResultMetadata = nil, nil, nil, middleware.Metadata{}
			return out
		},
		edit: func(t *testing.T, w world) { patchRESTStage(t, w, "/~1orders/GET/throttling/rateLimit", "7") },
		beside: func(t *testing.T, w world) {
			patchRESTStage(t, w, "/~1orders/GET/metrics/enabled", "true")
			patchRESTStage(t, w, "/~1orders/PUT/throttling/rateLimit", "5")
		},
	}
}

func TestRESTStageIsRefused(t *testing.T) {
	f := restThrottleFixture()
	w := newStand(t).behind(t, f).world()
	f.setup(t, w)
	refused(t, w, f.kind, "live", f.with, "is not API/STAGE")
	refused(t, w, f.kind, restAPIID(t, w)+"/test", f.with, "no stage")
}

func TestLimitPatch(t *testing.T) {
	from := map[string]limits{"*/*": {1, 2}, "~1orders/GET": {50, 20}, "/a/b/PUT": {3, 4}}
	to := map[string]limits{"~1orders/GET": {50, 20}, "/a/b/PUT": {5, 4}}
	got := map[string]string{}
	for _, o := range limitPatch(from, to) {
		got[string(o.Op)+" "+*o.Path] = aws.ToString(o.Value)
	}
	want := map[string]string{"replace /~1a~1b/PUT/throttling/rateLimit": "5", "replace /~1a~1b/PUT/throttling/burstLimit": "4", "remove /*/*": ""}
	if text(got) != text(want) {
		t.Errorf("%s", text(got))
	}
}

func TestTakeLimits(t *testing.T) {
	before := map[string]limits{"a/GET": {50, 20}}
	after := map[string]limits{"a/GET": {0, 0}, "*/*": {0, 0}}
	for name, c := range map[string]struct {
		now, next map[string]limits
		drift     bool
	}{
		"ours":             {after, before, false},
		"never applied":    {before, before, false},
		"one added":        {map[string]limits{"a/GET": {0, 0}, "*/*": {0, 0}, "b/PUT": {1, 1}}, map[string]limits{"a/GET": {50, 20}, "b/PUT": {1, 1}}, false},
		"one changed":      {map[string]limits{"a/GET": {7, 7}, "*/*": {0, 0}}, map[string]limits{"a/GET": {7, 7}}, true},
		"all were removed": {map[string]limits{}, map[string]limits{}, true},
	} {
		if next, drift := takeLimits(c.now, before, after); text(next) != text(c.next) || (drift != "") != c.drift {
			t.Errorf("%s: %s, %q", name, text(next), drift)
		}
	}
}
