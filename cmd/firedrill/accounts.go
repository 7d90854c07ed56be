package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// accounts is the way into the accounts of AWS that an experiment names.
func (s *session) accounts() account.Deps {
	return account.Deps{Place: s.place, Config: s.access, Embedded: s.host != nil}
}

// place is where a service's resources are: in an account of the experiment, or the runner's own.
func (s *session) place(ctx context.Context, service string, in *experiment.Account, region string) (account.Place, error) {
	if service == "lambda" && s.endpoint != "" && in == nil {
		return account.Place{Region: cmp.Or(region, s.services.getenv("AWS_REGION"), "local"), Endpoint: s.endpoint, Embedded: s.host != nil}, nil
	}
	home, err := s.services.home(ctx, service)
	if err != nil {
		return account.Place{}, err
	}
	out := account.Place{Account: home.Account, Region: cmp.Or(region, home.Region), Endpoint: home.Endpoint}
	if in != nil {
		out.Account, out.Region = in.ID(), cmp.Or(region, in.Region, home.Region)
		out.Role, out.ExternalID = in.Role, in.ExternalID
	}
	return out, nil
}

// access is the access to a service at a place. The session of a role that is assumed has the run's name, and its tag, so
// that the account's own log tells whose doing it was.
func (s *session) access(ctx context.Context, service string, at account.Place, run string) (aws.Config, error) {
	own := action.Service{Region: at.Region, Endpoint: at.Endpoint}
	if at.Role == "" {
		own.Account = at.Account
	}
	cfg, err := s.services.config(ctx, service, own)
	if err != nil || at.Role == "" {
		return cfg, err
	}
	tokens, err := s.services.home(ctx, "sts")
	if err != nil {
		return cfg, err
	}
	base, err := s.services.config(ctx, "sts", action.Service{Region: at.Region, Endpoint: tokens.Endpoint})
	if err != nil {
		return cfg, err
	}
	cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), at.Role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "firedrill-" + run
		o.Tags = []ststypes.Tag{{Key: aws.String("firedrill-run"), Value: aws.String(run)}}
		if at.ExternalID != "" {
			o.ExternalID = &at.ExternalID
		}
	}))
	return cfg, nil
}

// targetedChanges gives each change of an account what the engine must know of its target.
func (s *session) targetedChanges(list []*account.Change, tags *tags) []engine.Targeted {
	var out []engine.Targeted
	for _, a := range list {
		change := accountChange{a, tags.of(a.Place(), []string{a.ID()})}
		t := engine.Targeted{Action: change, Key: a.Key(), Names: a.Names(), Of: a.Group()}
		t.Account, t.Region = whereabouts(a.ID(), a.Place().Account, a.Place().Region, s.host != nil)
		if a.Ends() {
			t.Action = datedChange{change}
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
func (a accountChange) Rehearse(ctx context.Context) error {
	err := a.Change.Rehearse(ctx)
	if errors.Is(err, account.ErrNotRehearsed) {
		return engine.ErrNotRehearsed
	}
	return err
}

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
