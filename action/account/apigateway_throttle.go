package account

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// restStageAPI is what the kind needs of Amazon API Gateway.
type restStageAPI interface {
	GetStage(ctx context.Context, in *apigateway.GetStageInput, opts ...func(*apigateway.Options)) (*apigateway.GetStageOutput, error)
	UpdateStage(ctx context.Context, in *apigateway.UpdateStageInput, opts ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error)
}

// apigatewayThrottle lets API Gateway refuse requests to a REST API as too many.
func apigatewayThrottle() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "apigateway-throttle", Doc: "Throttle a stage of a REST API, so that callers are told that they are too many",
				Attributes: throttleAttributes(),
			},
			Target: restStage(),
		},
		service: "apigateway",
		open: func(cfg aws.Config) change {
			return restThrottle(apigateway.NewFromConfig(cfg), apiARN(cfg)+"/restapis/")
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{"apigateway:GET", "apigateway:PATCH"}}}
		},
	}
}

// allMethods is the key of the settings for methods that have none of their own.
const allMethods = "*/*"

// restThrottle are the limits of a stage, by method.
func restThrottle(api restStageAPI, arn string) setting[map[string]limits] {
	read := func(ctx context.Context, id string) (map[string]limits, error) {
		number, stage, err := splitStage(id)
		if err != nil {
			return nil, err
		}
		out, err := api.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &number, StageName: &stage})
		if err != nil {
			return nil, explain("stage "+number+"/"+stage+": read it", err, "NotFoundException")
		}
		now := map[string]limits{}
		for method, s := range out.MethodSettings {
			now[method] = limits{s.ThrottlingRateLimit, s.ThrottlingBurstLimit}
		}
		return now, nil
	}
	return setting[map[string]limits]{
		what:   "throttling",
		lookup: findStage(arn, read),
		read:   read,
		want: func(now map[string]limits, o order) (map[string]limits, error) {
			after := map[string]limits{allMethods: wantedLimits(o)}
			for method := range now {
				after[method] = wantedLimits(o)
			}
			return after, nil
		},
		write: func(ctx context.Context, id string, from, to map[string]limits) error {
			number, stage, err := splitStage(id)
			if err != nil {
				return err
			}
			patch := limitPatch(from, to)
			if len(patch) == 0 { // of a rehearsal: settings that nobody has are removed
				patch = []types.PatchOperation{{Op: types.OpRemove, Path: aws.String("/~1firedrill~1rehearsal/GET")}}
			}
			_, err = api.UpdateStage(ctx, &apigateway.UpdateStageInput{RestApiId: &number, StageName: &stage, PatchOperations: patch})
			switch {
			case hasCode(err, "ConflictException"):
				return fmt.Errorf("stage %s: %w: %w", id, errConflict, err)
			case maps.Equal(from, to) && hasCode(err, "BadRequestException", "NotFoundException"): // there are none, but it was allowed
				return nil
			}
			return explain("stage "+id+": change its limits", err, "NotFoundException")
		},
		take: takeLimits,
		say: func(before, after map[string]limits) (string, string) {
			now := "none of its own"
			if have, ok := before[allMethods]; ok {
				now = have.String()
			}
			return fmt.Sprintf("allow %s (now: %s)", after[allMethods], now), "put the limits of now back"
		},
	}
}

// limitPatch is what makes limits of others. A patch is made as a whole or not at all.
func limitPatch(from, to map[string]limits) []types.PatchOperation {
	var patch []types.PatchOperation
	for _, method := range slices.Sorted(maps.Keys(to)) {
		if have, ok := from[method]; ok && have == to[method] {
			continue
		}
		for name, value := range map[string]string{
			"rateLimit":  strconv.FormatFloat(to[method].Rate, 'f', -1, 64),
			"burstLimit": strconv.Itoa(int(to[method].Burst)),
		} {
			patch = append(patch, types.PatchOperation{Op: types.OpReplace, Path: aws.String(methodPath(method) + "/throttling/" + name), Value: &value})
		}
	}
	for _, method := range slices.Sorted(maps.Keys(from)) {
		if _, ok := to[method]; !ok {
			patch = append(patch, types.PatchOperation{Op: types.OpRemove, Path: aws.String(methodPath(method))})
		}
	}
	return patch
}

// methodPath is the place of a method's settings in a patch: RESOURCE/METHOD, where a slash of the resource is "~1".
func methodPath(method string) string {
	at := strings.LastIndexByte(method, '/')
	if at < 0 {
		return "/" + method
	}
	return "/" + strings.ReplaceAll(method[:at], "/", "~1") + method[at:]
}

// takeLimits puts back the limits of each method that are as we have made them.
func takeLimits(now, before, after map[string]limits) (next map[string]limits, drift string) {
	next = maps.Clone(now)
	var others []string
	for _, method := range slices.Sorted(maps.Keys(after)) {
		have, there := now[method]
		was, had := before[method]
		switch {
		case there && have == after[method] && had:
			next[method] = was
		case there && have == after[method]:
			delete(next, method)
		case there != had || have != was:
			others = append(others, method)
		}
	}
	if len(others) > 0 {
		return next, "the limits of " + strings.Join(others, ", ") + " were changed"
	}
	return next, ""
}
