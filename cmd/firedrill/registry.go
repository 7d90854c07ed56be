package main

import (
	"context"
	"errors"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/load"
)

// faultSets makes what changes fault sets in the session's world.
func (s *session) faultSets() *action.Factory { return action.NewFactory(s.deps()) }

// deps are what changes of fault sets need.
func (s *session) deps() action.Deps {
	deps := action.Deps{
		Lambda:     lazyLambda{s},
		SSM:        s.services.ssm,
		S3:         s.services.s3,
		AppConfig:  s.services.appConfig,
		Home:       s.services.home,
		Injections: s.injections,
		Endpoint:   s.endpoint,
		Remote:     s.host == nil && !isLoopback(s.endpoint),
		Embedded:   s.host != nil,
		Signer:     s.signer,
		Audience:   s.audience,
	}
	if s.host == nil {
		deps.Tagged, deps.InStack = s.services.functionsTagged, s.services.functionsInStack
		deps.Into = func(a action.Access, run string) (action.Deps, error) { return s.within(a, run).deps(), nil }
	}
	return deps
}

// registry lists every kind of action and load that an experiment can name; guarded adds the probes. The engine knows no other.
func (s *session) registry() engine.Registry {
	faultSets, changes, tags := s.faultSets(), account.NewFactory(s.accounts()), newTags(s)
	return engine.Registry{
		Actions: func(ctx context.Context, c experiment.Condition, p engine.ActionParams) ([]engine.Targeted, error) {
			if account.Has(c.Fault) {
				list, err := changes.Changes(ctx, c, action.Params{Run: p.Run, Lease: p.Lease, Share: p.Share})
				return s.targetedChanges(list, tags), err
			}
			sets, err := faultSets.FaultSets(ctx, c, action.Params{Run: p.Run, Lease: p.Lease, Share: p.Share})
			return s.targeted(sets, tags), err
		},
		Revert: func(kind string) (engine.Action, error) {
			if account.Has(kind) {
				return changes.Restore(kind)
			}
			if kind == flagKind {
				return flagRestorer{s}, nil
			}
			a, err := faultSets.Restore(kind)
			if err != nil {
				return nil, err
			}
			return faultSet{FaultSet: a}, nil
		},
		Load: func(l experiment.Load) (engine.Generator, error) {
			return load.New(l, load.Deps{Invoke: s.invokeLoad})
		},
	}
}

// targeted gives each action what the engine must know of its target.
func (s *session) targeted(sets []*action.FaultSet, tags *tags) []engine.Targeted {
	var out []engine.Targeted
	for _, a := range sets {
		number, region := a.Where()
		resources := a.Resources()
		in := a.Access()
		read := tags.of(account.Place{Account: number, Region: region, Role: in.Role, ExternalID: in.ExternalID}, resources)
		t := engine.Targeted{Action: faultSet{a, read, s.usualOf(a)}, Key: a.Key(), Names: a.Names(), Of: a.Group()}
		t.Account, t.Region = whereabouts("", number, region, s.host != nil || a.OnDisk())
		if len(sets) > 1 {
			t.Label = a.Label()
		}
		out = append(out, t)
	}
	return out
}

// faultSet gives a fault-set action the engine's own types, which the action package may not know.
type faultSet struct {
	*action.FaultSet
	tags  func(context.Context) (map[string]string, error)
	usual func(context.Context) (engine.Usual, error)
}

// Tags implements engine.Tagged.
func (a faultSet) Tags(ctx context.Context) (map[string]string, error) { return a.tags(ctx) }

// Rehearse implements engine.Rehearser.
func (a faultSet) Rehearse(ctx context.Context) error { return rehearsed(a.FaultSet.Rehearse(ctx)) }

// rehearsed gives the answer of a rehearsal the engine's own word for none.
func rehearsed(err error) error {
	if errors.Is(err, action.ErrNotRehearsed) || errors.Is(err, account.ErrNotRehearsed) {
		return engine.ErrNotRehearsed
	}
	return err
}

// Proof implements engine.Prover.
func (a faultSet) Proof(ctx context.Context) (engine.Proof, error) {
	proof, err := a.FaultSet.Proof(ctx)
	return engine.Proof(proof), err
}

// Describe implements engine.Describer.
func (a faultSet) Describe(ctx context.Context) (engine.Description, error) {
	d, err := a.FaultSet.Describe(ctx)
	return engine.Description(d), err
}

// invokeLoad invokes a function for a load.
func (s *session) invokeLoad(ctx context.Context, name string, payload []byte) (load.Invoked, error) {
	out, err := s.invoke(ctx, name, payload)
	return load.Invoked{Status: out.status, FunctionError: out.functionError, Mark: fault.ReadMark(out.payload), Version: out.version}, err
}
