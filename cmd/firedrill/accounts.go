package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// accounts is the way into the accounts of AWS that an experiment names.
func (s *session) accounts() account.Deps {
	return account.Deps{Place: s.place, Config: s.access, Selves: s.selves, Embedded: s.host != nil}
}

// place is where a service's resources are: in an account of the experiment, or the runner's own.
func (s *session) place(ctx context.Context, service string, in *experiment.Account, region string) (account.Place, error) {
	if service == "lambda" && s.endpoint != "" && in == nil {
		return account.Place{Region: cmp.Or(region, s.services.getenv("AWS_REGION"), "local"), Endpoint: s.endpoint, Embedded: s.host != nil}, nil
	}
	access := action.AccessTo(experiment.Target{Assume: in, Region: region})
	home, err := s.within(access, "plan").services.home(ctx, service)
	return account.Place{Account: home.Account, Region: home.Region, Endpoint: home.Endpoint, Role: access.Role, ExternalID: access.ExternalID}, err
}

// access is the access to a service at a place.
func (s *session) access(ctx context.Context, service string, at account.Place, run string) (aws.Config, error) {
	in := s.within(action.Access{Role: at.Role, ExternalID: at.ExternalID, Region: at.Region}, run)
	return in.services.config(ctx, service, action.Service{Region: at.Region, Account: at.Account, Endpoint: at.Endpoint})
}

// selves is as whom this process works: in its own account, where asking needs no permission, and in those of its experiment.
func (s *session) selves(ctx context.Context) ([]string, error) {
	at, err := s.services.home(ctx, "sts")
	if err != nil {
		return nil, err
	}
	cfg, err := s.services.config(ctx, "sts", at)
	if err != nil {
		return nil, err
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("find out which role this run works as: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{aws.ToString(out.Arn)}, s.roles...), nil
}

// within is the session in another account or region, for one run. The same is the same session, so that a role is
// assumed once.
func (s *session) within(a action.Access, run string) *session {
	if a == (action.Access{}) {
		return s
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := a.Role + " " + a.ExternalID + " " + a.Region + " " + run
	if in := s.others[key]; in != nil {
		return in
	}
	in := &session{region: a.Region, vars: s.vars, signer: s.signer, audience: s.audience, price: s.price,
		services: &services{getenv: s.services.getenv, region: a.Region, role: assumption{a.Role, a.ExternalID, run}, pacer: s.services.pacer}}
	if a.Role == "" {
		in.endpoint = s.endpoint
	}
	in.logs = action.NewLogs(lazyLambda{in}, in.services.logs, in.services.metrics)
	if s.others == nil {
		s.others = map[string]*session{}
	}
	s.others[key] = in
	return in
}

// targetedChanges gives each change of an account what the engine must know of its target.
func (s *session) targetedChanges(list []*account.Change, tags *tags) []engine.Targeted {
	var out []engine.Targeted
	for _, a := range list {
		change := accountChange{a, tags.of(a.Place(), []string{a.ID()})}
		t := engine.Targeted{Action: change, Key: a.Key(), Names: a.Names(), Of: a.Group()}
		t.Account, t.Region = whereabouts(a.ID(), a.Place().Account, a.Place().Region, s.host != nil)
		if a.Ends() {
			t.Action, t.Fixed = datedChange{change}, true
		}
		if len(list) > 1 {
			t.Label = a.Label()
		}
		out = append(out, t)
	}
	return out
}

// accountChange gives a change of an account the engine's own types, which the action packages may not know.
type accountChange struct {
	*account.Change
	tags func(context.Context) (map[string]string, error)
}

// Tags implements engine.Tagged.
func (a accountChange) Tags(ctx context.Context) (map[string]string, error) { return a.tags(ctx) }

// Rehearse implements engine.Rehearser.
func (a accountChange) Rehearse(ctx context.Context) error { return rehearsed(a.Change.Rehearse(ctx)) }

// Proof implements engine.Prover.
func (a accountChange) Proof(ctx context.Context) (engine.Proof, error) {
	proof, err := a.Change.Proof(ctx)
	return engine.Proof(proof), err
}

// Describe implements engine.Describer.
func (a accountChange) Describe(ctx context.Context) (engine.Description, error) {
	d, err := a.Change.Describe(ctx)
	return engine.Description(d), err
}

// datedChange is one whose fault ends by itself; it implements engine.Renewer and engine.Lessor, too.
type datedChange struct{ accountChange }

// Renew implements engine.Renewer. Such a fault is there or it is not: its share is always the whole.
func (a datedChange) Renew(ctx context.Context, undo json.RawMessage, _ float64) error {
	return a.Extend(ctx, undo)
}

// Lease implements engine.Lessor.
func (a datedChange) Lease() time.Duration { return a.Lifetime() }
