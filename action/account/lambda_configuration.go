package account

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
)

// configurationAPI is what kinds that change a function's configuration need of AWS Lambda.
type configurationAPI interface {
	functionFinder
	UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error)
}

// configured is a piece of a function's configuration. What guards its writes is not journaled.
type configured[V any] struct {
	Value    V `json:"value"`
	revision *string
	settled  bool // the function runs with it
	failed   bool // it does not, and will not
}

// A field is where a piece of the configuration is, and what becomes of it.
type field[V any] struct {
	what string
	get  func(out *lambda.GetFunctionConfigurationOutput) (V, error)
	// set puts the value into an update, and nothing else: what an update leaves out stays as it is.
	set  func(in *lambda.UpdateFunctionConfigurationInput, from, to V)
	want func(now V, o order) (V, error)
	say  func(before, after V) (change, undo string)
	// take and holds are as in setting.
	take  func(now, before, after V) (next V, drift string)
	holds func(now, after V) bool
}

// configuration is a piece of the configuration of a function: of the unpublished version, for published ones never
// change.
func configuration[V any](api configurationAPI, f field[V]) setting[configured[V]] {
	update := func(ctx context.Context, id string, from, to configured[V]) error {
		in := &lambda.UpdateFunctionConfigurationInput{FunctionName: &id, RevisionId: from.revision}
		f.set(in, from.Value, to.Value)
		return updateFunction(ctx, api, f.what, in)
	}
	return setting[configured[V]]{
		what:   f.what,
		lookup: func(ctx context.Context, name string) (string, error) { return findFunction(ctx, api, name) },
		read: func(ctx context.Context, id string) (c configured[V], err error) {
			out, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &id})
			if err != nil {
				return c, explain("function "+id+": read its "+f.what, err, "ResourceNotFoundException")
			}
			c.revision = out.RevisionId
			c.failed = out.LastUpdateStatus == types.LastUpdateStatusFailed
			c.settled = out.LastUpdateStatus != types.LastUpdateStatusInProgress && !c.failed
			c.Value, err = f.get(out)
			return c, err
		},
		want: func(now configured[V], o order) (configured[V], error) {
			v, err := f.want(now.Value, o)
			return configured[V]{Value: v}, err
		},
		write:  update,
		broken: func(now configured[V]) bool { return now.failed },
		say:    func(before, after configured[V]) (string, string) { return f.say(before.Value, after.Value) },
		holds:  func(now, after configured[V]) bool { return now.settled && f.has(now.Value, after.Value) },
		try: func(ctx context.Context, id string, now configured[V]) error {
			now.revision = aws.String(revisionOfNone)
			err := update(ctx, id, now, now)
			if hasCode(err, "PreconditionFailedException") {
				return nil // it may be written; that it was not is what the wrong revision was for
			}
			return err
		},
		take: func(now, before, after configured[V]) (configured[V], string) {
			next, drift := f.without(now.Value, before.Value, after.Value)
			return configured[V]{Value: next}, drift
		},
	}
}

func (f field[V]) has(now, after V) bool {
	if f.holds != nil {
		return f.holds(now, after)
	}
	return text(now) == text(after)
}

func (f field[V]) without(now, before, after V) (next V, drift string) {
	switch {
	case f.take != nil:
		return f.take(now, before, after)
	case text(now) == text(after):
		return before, ""
	}
	return now, fmt.Sprintf("its %s was changed to %s", f.what, text(now))
}

// revisionOfNone is one that nothing has: a write on top of it is allowed or not, and never made.
const revisionOfNone = "00000000-0000-0000-0000-000000000000"

// updateFunction changes a function and waits until it runs so.
func updateFunction(ctx context.Context, api configurationAPI, what string, in *lambda.UpdateFunctionConfigurationInput) error {
	_, err := api.UpdateFunctionConfiguration(ctx, in)
	id := *in.FunctionName
	doing := "function " + id + ": change its " + what
	switch {
	case hasCode(err, "PreconditionFailedException"):
		return fmt.Errorf("%s: %w: %w", doing, errConflict, err)
	case hasCode(err, "ResourceConflictException"): // an update of somebody else is under way
		if err := settleFunction(ctx, api, id); err != nil {
			return err
		}
		return fmt.Errorf("%s: %w: %w", doing, errConflict, err)
	case err != nil:
		return explain(doing, err, "ResourceNotFoundException")
	}
	return accepted(ctx, func(ctx context.Context) error { return settleFunction(ctx, api, id) })
}

// acceptance is how long a write waits until AWS Lambda has done what it was asked for. It is shorter than what the engine gives
// to a call, because that may take minutes.
const acceptance = 20 * time.Second

// accepted waits until an update is through. One that takes longer was accepted all the same: whether it is there is for
// Proof to see.
func accepted(ctx context.Context, settle func(context.Context) error) error {
	patient, cancel := context.WithTimeout(ctx, acceptance)
	defer cancel()
	err := settle(patient)
	if err != nil && patient.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// settleFunction waits until no update of a function is under way (AWS Lambda developer guide, "Lambda function states").
func settleFunction(ctx context.Context, api functionFinder, id string) error {
	for {
		out, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &id})
		if err != nil {
			return explain("function "+id+": see whether it is updated", err, "ResourceNotFoundException")
		}
		switch out.LastUpdateStatus {
		case types.LastUpdateStatusInProgress:
		case types.LastUpdateStatusFailed:
			return &action.Refused{Reason: fmt.Sprintf("function %s: its last update failed: %s", id, aws.ToString(out.LastUpdateStatusReason)), Tip: "it runs as before that update; see what AWS Lambda says of its state"}
		default:
			return nil
		}
		if err := pause(ctx, readPause); err != nil {
			return fmt.Errorf("function %s: its update is still under way: %w", id, err)
		}
	}
}

// configurationNeeds are the permissions of a kind that changes a function's configuration.
func configurationNeeds(id string) []action.Permission {
	return []action.Permission{{Resources: []string{id}, Actions: []string{"lambda:GetFunctionConfiguration", "lambda:UpdateFunctionConfiguration"}}}
}
