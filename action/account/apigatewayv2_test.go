package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeHTTPAPI makes an HTTP API with the stage live, which has limits only for one route.
func makeHTTPAPI(t *testing.T, w world) {
	t.Helper()
	api := apigatewayv2.NewFromConfig(w.cfg)
	made, err := api.CreateApi(t.Context(), &apigatewayv2.CreateApiInput{Name: aws.String("shop"), ProtocolType: types.ProtocolTypeHttp, CorsConfiguration: &types.Cors{
		AllowOrigins: []string{"https://shop.example.com", "https://admin.example.com"}, AllowMethods: []string{"GET", "POST"}, AllowHeaders: []string{"authorization"},
		AllowCredentials: aws.Bool(true), MaxAge: aws.Int32(300),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateStage(t.Context(), &apigatewayv2.CreateStageInput{ApiId: made.ApiId, StageName: aws.String("live"), AutoDeploy: aws.Bool(true),
		RouteSettings: map[string]types.RouteSettings{"GET /orders": {ThrottlingRateLimit: aws.Float64(50), ThrottlingBurstLimit: aws.Int32(20)}, "GET /health": {DetailedMetricsEnabled: aws.Bool(true)}}}); err != nil {
		t.Fatal(err)
	}
}

func httpAPIID(t *testing.T, w world) string {
	t.Helper()
	out, err := apigatewayv2.NewFromConfig(w.cfg).GetApis(t.Context(), &apigatewayv2.GetApisInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Items[0].ApiId
}

func updateHTTPAPI(t *testing.T, w world, change func(c *types.Cors)) {
	t.Helper()
	api, id := apigatewayv2.NewFromConfig(w.cfg), aws.String(httpAPIID(t, w))
	out, err := api.GetApi(t.Context(), &apigatewayv2.GetApiInput{ApiId: id})
	if err != nil {
		t.Fatal(err)
	}
	change(out.CorsConfiguration)
	if _, err := api.UpdateApi(t.Context(), &apigatewayv2.UpdateApiInput{ApiId: id, CorsConfiguration: out.CorsConfiguration}); err != nil {
		t.Fatal(err)
	}
}

func apiCORSFixture() fixture {
	return fixture{
		kind: "apigatewayv2-cors", target: experiment.Target{Resources: []string{"${id}"}}, with: fault.Attributes{"origin": "https://nobody.example"},
		setup: makeHTTPAPI, id: httpAPIID,
		state: func(t *testing.T, w world) any {
			out, err := apigatewayv2.NewFromConfig(w.cfg).GetApi(t.Context(), &apigatewayv2.GetApiInput{ApiId: aws.String(httpAPIID(t, w))})
			if err != nil {
				t.Fatal(err)
			}
			out.CreatedDate, out.ResultMetadata = nil, middleware.Metadata{}
			return out
		},
		edit: func(t *testing.T, w world) {
			updateHTTPAPI(t, w, func(c *types.Cors) { c.AllowOrigins = []string{"https://new.example.com"} })
		},
		beside: func(t *testing.T, w world) {
			updateHTTPAPI(t, w, func(c *types.Cors) { c.MaxAge = aws.Int32(5) })
		},
		unseen: []string{"apigateway:DELETE"}, // where nothing is to be left: TestAPICORSRemoved
	}
}

func TestAPICORSRemoved(t *testing.T) {
	f := apiCORSFixture()
	f.with, f.beside = nil, nil
	stand := newStand(t)
	restoresExactly(t, newSubject(t, stand, f))
	s := newSubject(t, stand, f)
	s.apply(t)
	refused(t, s.world, f.kind, httpAPIID(t, s.world), nil, "already what the fault")
	refused(t, s.world, f.kind, "nowhere", nil, "no HTTP API nowhere")
}

func updateHTTPStage(t *testing.T, w world, in apigatewayv2.UpdateStageInput) {
	t.Helper()
	in.ApiId, in.StageName = aws.String(httpAPIID(t, w)), aws.String("live")
	if _, err := apigatewayv2.NewFromConfig(w.cfg).UpdateStage(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func limited(rate float64, burst int32) types.RouteSettings {
	return types.RouteSettings{ThrottlingRateLimit: &rate, ThrottlingBurstLimit: &burst}
}

func httpThrottleFixture() fixture {
	return fixture{
		kind: "apigatewayv2-throttle", target: experiment.Target{Resources: []string{"${id}/live"}},
		with:  fault.Attributes{"rate": 1.0, "burst": 2.0, "routes": []string{"GET /orders", "POST /purchase"}},
		front: newStageServer, setup: makeHTTPAPI, id: httpAPIID,
		state: func(t *testing.T, w world) any {
			out, err := apigatewayv2.NewFromConfig(w.cfg).GetStage(t.Context(), &apigatewayv2.GetStageInput{ApiId: aws.String(httpAPIID(t, w)), StageName: aws.String("live")})
			if err != nil {
				t.Fatal(err)
			}
			out.CreatedDate, out.LastUpdatedDate, out.ResultMetadata = nil, nil, middleware.Metadata{}
			return out
		},
		edit: func(t *testing.T, w world) {
			updateHTTPStage(t, w, apigatewayv2.UpdateStageInput{RouteSettings: map[string]types.RouteSettings{"POST /purchase": limited(7, 7)}})
		},
		beside: func(t *testing.T, w world) {
			updateHTTPStage(t, w, apigatewayv2.UpdateStageInput{RouteSettings: map[string]types.RouteSettings{"GET /customers": limited(3, 3)}})
		},
	}
}

func TestHTTPStageAsAWhole(t *testing.T) {
	f := httpThrottleFixture()
	f.with = fault.Attributes{"rate": 0.0}
	stand := newStand(t).behind(t, f)
	w := stand.world()
	f.setup(t, w)
	refused(t, w, f.kind, httpAPIID(t, w)+"/live", f.with, "the stage has no limits of its own")
	refused(t, w, f.kind, httpAPIID(t, w)+"/test", f.with, "no stage")
	refused(t, w, f.kind, httpAPIID(t, w)+"/live", fault.Attributes{"routes": []string{"GET /health"}}, "route GET /health has settings without limits")
	setup := f.setup
	f.setup = func(t *testing.T, w world) {
		setup(t, w)
		whole := limited(100, 200)
		updateHTTPStage(t, w, apigatewayv2.UpdateStageInput{DefaultRouteSettings: &whole})
	}
	restoresExactly(t, newSubject(t, stand, f))
	f.edit = func(t *testing.T, w world) {
		whole := limited(7, 200)
		updateHTTPStage(t, w, apigatewayv2.UpdateStageInput{DefaultRouteSettings: &whole})
	}
	f.beside = nil
	otherEdit(t, newSubject(t, stand, f))
}

func TestSplitStage(t *testing.T) {
	for name, want := range map[string][2]string{
		"a1/live": {"a1", "live"}, "a1/$default": {"a1", "$default"},
		"arn:aws:apigateway:eu-west-1::/restapis/a1/stages/live": {"a1", "live"},
		"arn:aws:apigateway:eu-west-1::/apis/a1/stages/$default": {"a1", "$default"},
		"a1": {}, "a1/": {}, "/live": {}, "a1/live/x": {},
	} {
		api, stage, err := splitStage(name)
		if got := [2]string{api, stage}; got != want || (err != nil) != (want[0] == "") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
