package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// mappingAPI is what the kind needs of AWS Lambda.
type mappingAPI interface {
	GetEventSourceMapping(ctx context.Context, in *lambda.GetEventSourceMappingInput, opts ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error)
	ListEventSourceMappings(ctx context.Context, in *lambda.ListEventSourceMappingsInput, opts ...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error)
	UpdateEventSourceMapping(ctx context.Context, in *lambda.UpdateEventSourceMappingInput, opts ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error)
}

// lambdaEventSource stops the delivery from a queue or stream to a function.
func lambdaEventSource() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{Kind: "lambda-event-source", Doc: "Stop the delivery from a queue or stream to a function"},
			Target: experiment.Resource{
				Key: "event_source", Doc: "An event source mapping of AWS Lambda, by UUID or ARN, or the function whose only one it is",
				Tagged: "lambda:event-source-mapping", CloudFormation: "AWS::Lambda::EventSourceMapping",
			},
		},
		service: "lambda",
		open:    func(cfg aws.Config) change { return mapping(lambda.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{id}, Actions: []string{"lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping"}},
				{Resources: []string{"*"}, Actions: []string{"lambda:ListEventSourceMappings"}}, // which knows no resources
			}
		},
	}
}

// A delivery is whether a mapping delivers, or is to.
type delivery struct {
	Enabled bool `json:"enabled"`
	settled bool // it is as it is to be
}

// mapping is whether an event source mapping delivers. It has no revision: only this flag is written, and nothing else can be
// lost.
func mapping(api mappingAPI) setting[delivery] {
	return setting[delivery]{
		what:   "delivery of events",
		lookup: func(ctx context.Context, name string) (string, error) { return findMapping(ctx, api, name) },
		read:   func(ctx context.Context, id string) (delivery, error) { return readMapping(ctx, api, id) },
		want:   func(delivery, order) (delivery, error) { return delivery{}, nil },
		write: func(ctx context.Context, id string, _, to delivery) error {
			return writeMapping(ctx, api, id, to)
		},
		say:     func(_, _ delivery) (string, string) { return "disable the event source mapping", "enable it again" },
		holds:   func(now, _ delivery) bool { return !now.Enabled && now.settled },
		effects: true, // any update has the mapping started anew
	}
}

func mappingUUID(id string) *string { return aws.String(id[strings.LastIndexByte(id, ':')+1:]) }

// readMapping waits while it is not clear what will become of a mapping (AWS Lambda API reference,
// "UpdateEventSourceMapping", State).
func readMapping(ctx context.Context, api mappingAPI, id string) (delivery, error) {
	for {
		out, err := api.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: mappingUUID(id)})
		if err != nil {
			return delivery{}, explain("event source mapping "+id+": read it", err, "ResourceNotFoundException")
		}
		switch state := aws.ToString(out.State); state {
		case "Enabled", "Disabled":
			return delivery{Enabled: state == "Enabled", settled: true}, nil
		case "Enabling", "Disabling":
			return delivery{Enabled: state == "Enabling"}, nil
		case "Deleting":
			return delivery{}, fmt.Errorf("event source mapping %s: %w", id, errGone)
		default: // Creating, Updating
			if err := pause(ctx, readPause); err != nil {
				return delivery{}, fmt.Errorf("event source mapping %s: it is still %s: %w", id, state, err)
			}
		}
	}
}

func writeMapping(ctx context.Context, api mappingAPI, id string, to delivery) error {
	doing := "event source mapping " + id + ": change its delivery of events"
	_, err := api.UpdateEventSourceMapping(ctx, &lambda.UpdateEventSourceMappingInput{UUID: mappingUUID(id), Enabled: &to.Enabled})
	switch {
	case hasCode(err, "ResourceInUseException", "ResourceConflictException"): // another update is under way
		if err := settleMapping(ctx, api, id); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w: %w", doing, errConflict, err)
	case err != nil:
		return explain(doing, err, "ResourceNotFoundException")
	}
	return accepted(ctx, func(ctx context.Context) error { return settleMapping(ctx, api, id) })
}

func settleMapping(ctx context.Context, api mappingAPI, id string) error {
	for {
		now, err := readMapping(ctx, api, id)
		if err != nil || now.settled {
			return err
		}
		if err := pause(ctx, readPause); err != nil {
			return fmt.Errorf("event source mapping %s: its update is still under way: %w", id, err)
		}
	}
}

var mappingName = regexp.MustCompile(`^(arn:.*:event-source-mapping:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// findMapping is the ARN of a mapping that is named by itself or by its function.
func findMapping(ctx context.Context, api mappingAPI, name string) (string, error) {
	if !mappingName.MatchString(name) {
		return findOnlyMapping(ctx, api, name)
	}
	out, err := api.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: mappingUUID(name)})
	err = explain("event source mapping "+name+": look it up", err, "ResourceNotFoundException")
	if errors.Is(err, errGone) {
		return "", missing("event source mapping", name, "this account and region", nil)
	}
	if err != nil {
		return "", err
	}
	return cmp.Or(aws.ToString(out.EventSourceMappingArn), name), nil
}

// findOnlyMapping is the one mapping of a function. Two are enough to refuse, so that one page is.
func findOnlyMapping(ctx context.Context, api mappingAPI, function string) (string, error) {
	out, err := api.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{FunctionName: &function})
	err = explain("function "+function+": list its event source mappings", err, "ResourceNotFoundException")
	if errors.Is(err, errGone) {
		return "", missing("function", function, "this account and region", nil)
	}
	if err != nil {
		return "", err
	}
	switch list := out.EventSourceMappings; len(list) {
	case 0:
		return "", &action.Refused{Reason: "function " + function + " has no event source mapping", Tip: "check its spelling, the account and the region; one of an alias is named by its UUID"}
	case 1:
		return cmp.Or(aws.ToString(list[0].EventSourceMappingArn), aws.ToString(list[0].UUID)), nil
	default:
		return "", &action.Refused{Reason: fmt.Sprintf("function %s has several event source mappings: %s", function, sources(list)), Tip: "name one by its UUID"}
	}
}

func sources(list []types.EventSourceMappingConfiguration) string {
	var out []string
	for _, m := range list {
		out = append(out, fmt.Sprintf("%s (%s)", aws.ToString(m.UUID), cmp.Or(aws.ToString(m.EventSourceArn), "self-managed")))
	}
	return strings.Join(out, ", ")
}
