package awsfault

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/firedrill-dev/firedrill"
)

// Install lets faults reach all clients that are made from cfg afterwards. If Firedrill is disabled, or
// FIREDRILL_CONFIG is not set, it leaves cfg as it is. The options are those of firedrill.Wrap, and should be the same.
//
// Calls should carry the context that the handler was given: it tells which invocation makes them. Set
// cfg.HTTPClient, if at all, before: its timeout is the one that ends a call that hangs.
func Install(cfg *aws.Config, options ...firedrill.Option) {
	calls := firedrill.NewAWSCalls(options...)
	if calls == nil {
		return
	}
	f := faults{calls: calls, limits: limitsOf(cfg.HTTPClient)}
	// Configurations are copied by value, and may share what stands behind a slice.
	n := len(cfg.APIOptions)
	cfg.APIOptions = append(cfg.APIOptions[:n:n], f.add)
}

// faults is the middleware of one configuration.
type faults struct {
	calls  *firedrill.AWSCalls
	limits limits
}

// add puts the middleware into the stack of one call: plan, around each attempt, before it is signed, and enact, next
// to the HTTP client. A stack without retries sends nothing: it presigns.
func (f faults) add(stack *middleware.Stack) error {
	if _, sends := stack.Finalize.Get("Retry"); !sends {
		return nil
	}
	plan := &planner{calls: f.calls}
	if err := stack.Finalize.Insert(plan, "Retry", middleware.After); err != nil {
		return err
	}
	return stack.Deserialize.Add(enacter{f.limits}, middleware.After)
}

// plannedKey is where the context carries an attempt's fault from plan to enact.
type plannedKey struct{}

// planned is what is to happen to an attempt.
type planned struct {
	firedrill.AWSAttempt
	batch *batch // for a fault in part
}

// planner plans the attempts of one call.
type planner struct {
	calls *firedrill.AWSCalls
	call  *firedrill.AWSCall
}

// ID implements middleware.FinalizeMiddleware.
func (*planner) ID() string { return "FiredrillPlan" }

// HandleFinalize implements middleware.FinalizeMiddleware.
func (p *planner) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	request, ok := in.Request.(*smithyhttp.Request)
	if !ok {
		return next.HandleFinalize(ctx, in)
	}
	if p.call == nil {
		p.call = p.calls.Call(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))
	}
	attempt, hit := p.call.Attempt(ctx)
	if !hit {
		return next.HandleFinalize(ctx, in)
	}
	to := planned{AWSAttempt: attempt}
	if attempt.Partial > 0 {
		changed, b, reason := split(request, service(ctx), awsmiddleware.GetOperationName(ctx), attempt.Injection)
		if reason != "" {
			attempt.Missed(reason)
			return next.HandleFinalize(ctx, in)
		}
		in.Request, to.batch = changed, b
	}
	return next.HandleFinalize(middleware.WithStackValue(ctx, plannedKey{}, to), in)
}

// enacter makes what was planned happen in place of the HTTP client.
type enacter struct{ limits limits }

// ID implements middleware.DeserializeMiddleware.
func (enacter) ID() string { return "FiredrillEnact" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (e enacter) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
) {
	to, hit := middleware.GetStackValue(ctx, plannedKey{}).(planned)
	request, ok := in.Request.(*smithyhttp.Request)
	if !hit || !ok {
		return next.HandleDeserialize(ctx, in)
	}
	to.Fired()
	response, err := stand{to, service(ctx), e.limits}.handle(ctx, request)
	if response != nil {
		out.RawResponse = response
		return out, metadata, err
	}
	out, metadata, err = next.HandleDeserialize(ctx, in)
	if err == nil && to.batch != nil {
		err = to.batch.merge(out.RawResponse)
	}
	return out, metadata, err
}
