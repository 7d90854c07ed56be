package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// restStage is the target of faults on stages of REST APIs.
func restStage() experiment.Resource {
	return experiment.Resource{Key: "rest_stage", Doc: "A stage of a REST API, as API/STAGE: a1b2c3d4e5/live"}
}

// httpStage is the target of faults on stages of HTTP and WebSocket APIs.
func httpStage() experiment.Resource {
	return experiment.Resource{Key: "http_stage", Doc: "A stage of an HTTP or WebSocket API, as API/STAGE: a1b2c3d4e5/$default"}
}

// splitStage tells an API from its stage, in what a target says or in an ARN.
func splitStage(text string) (api, stage string, err error) {
	if at := strings.Index(text, "apis/"); at >= 0 { // arn:aws:apigateway:REGION::/restapis/API/stages/STAGE
		text = strings.Replace(text[at+len("apis/"):], "/stages/", "/", 1)
	}
	api, stage, ok := strings.Cut(text, "/")
	if !ok || api == "" || stage == "" || strings.Contains(stage, "/") {
		return "", "", &action.Refused{Reason: fmt.Sprintf("target %q is not API/STAGE", text), Tip: "such as a1b2c3d4e5/live: the API's id and the stage's name"}
	}
	return api, stage, nil
}

// findStage looks stages up by reading them. arn is the start of the ARNs of their sort of API.
func findStage[S any](arn string, read func(ctx context.Context, id string) (S, error)) func(context.Context, string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		number, stage, err := splitStage(name)
		if err != nil {
			return "", err
		}
		if _, err := read(ctx, name); errors.Is(err, errGone) {
			return "", missing("stage", name, "this account and region", nil)
		} else if err != nil {
			return "", err
		}
		return arn + number + "/stages/" + stage, nil
	}
}

// apiARN is the start of the ARNs of a region's APIs, which name no account.
func apiARN(cfg aws.Config) string {
	return "arn:" + partition(cfg.Region) + ":apigateway:" + cfg.Region + "::"
}

// throttleAttributes are those of the faults that throttle a stage.
func throttleAttributes() []fault.Attribute {
	return []fault.Attribute{
		{Name: "rate", Type: fault.TypeInteger, Max: maxCapacity, Doc: "requests in a second; default 0: every one is throttled"},
		{Name: "burst", Type: fault.TypeInteger, Max: 100_000, Doc: "requests at the same time; default 0: every one is throttled"},
	}
}

// limits are how many requests are let through.
type limits struct {
	Rate  float64 `json:"rate"`
	Burst int32   `json:"burst"`
}

func wantedLimits(o order) limits {
	rate, _ := o.With["rate"].(float64)
	burst, _ := o.With["burst"].(float64)
	return limits{rate, int32(burst)}
}

// String is the limits in words.
func (l limits) String() string {
	return fmt.Sprintf("%v requests a second, %d at once", l.Rate, l.Burst)
}
