package main

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/flag"
)

// flagKind is what journals call the change of a flag.
const flagKind = "feature-flag"

// slowFlag is how long an undo may take that needs a deployment.
const slowFlag = 3 * time.Minute

// variableProvider names the program that knows flags of other makes, for "flag" and for "recover".
const variableProvider = "FIREDRILL_FLAG_PROVIDER"

// program is where --flag says that a program is to be asked.
const program = "program"

// flagged is where a flag is kept.
type flagged struct {
	flag.Provider
	store *action.Flags // of the document; nil: a program is asked
	name  string
}

// flags finds where a flag is kept, for a run.
func (s *session) flags(ctx context.Context, where, run string) (flagged, error) {
	if where == program {
		p, err := s.services.flagProgram()
		return flagged{p, nil, where}, err
	}
	store, err := s.faultSets().Flags(ctx, where, run)
	if err != nil {
		return flagged{}, err
	}
	format := flag.AppConfig()
	if strings.HasPrefix(where, action.FlagsPrefix) {
		format = flag.Flagd()
	}
	return flagged{&flag.Document{Store: store, Format: format}, store, store.String()}, nil
}

// flagProgram is the program that the environment names.
func (s *services) flagProgram() (*flag.Program, error) {
	path := s.getenv(variableProvider)
	if path == "" {
		return nil, usage(variableProvider+"=PROGRAM; docs/flags.md says what it is asked", "nobody said which program knows the flag")
	}
	found, err := exec.LookPath(path)
	if err != nil {
		return nil, usage("name a program that can be run", "%s: %w", variableProvider, err)
	}
	return &flag.Program{Path: found}, nil
}

// delay is how long functions may take to see a change, as far as that is known.
func (f flagged) delay() time.Duration {
	if f.store == nil {
		return 0
	}
	return f.store.Delay()
}

// permissions are those of AWS.
func (f flagged) permissions(ctx context.Context) ([]action.Permission, error) {
	if f.store == nil {
		return nil, nil
	}
	p, err := f.store.Permissions(ctx)
	return p.Runner, err
}

// flagSwitch gives the switch of a flag the engine's own types.
type flagSwitch struct {
	flag.Switch
	slow bool
}

// UndoTime implements engine.Slow.
func (s flagSwitch) UndoTime() time.Duration {
	if s.slow {
		return slowFlag
	}
	return 0
}

// Check implements engine.Checker.
func (s flagSwitch) Check(ctx context.Context, undo json.RawMessage) error {
	if c, ok := s.Switch.(flag.Checker); ok {
		return c.Check(ctx, undo)
	}
	return nil
}

// target is a switch with what guards ask for.
func (f flagged) target(o flag.Order) engine.Targeted {
	t := engine.Targeted{Action: flagSwitch{f.Switch(o), f.store == nil || !f.store.InFile()}, Key: f.Key(o.Flag), Names: []string{o.Flag}}
	if f.store != nil {
		number, region := f.store.Where()
		t.Names = append(t.Names, f.store.Names()...)
		t.Account, t.Region = whereabouts("", number, region, f.store.InFile())
	}
	return t
}

// flagRestorer takes flags back from nothing but their undo records.
type flagRestorer struct{ s *session }

// Prepare refuses: what is taken back was prepared long ago.
func (flagRestorer) Prepare(context.Context) (json.RawMessage, error) { return nil, errFlagBack }

// Apply refuses, too.
func (flagRestorer) Apply(context.Context, json.RawMessage) error { return errFlagBack }

var errFlagBack = errors.New("a flag can only be turned off here")

// UndoTime implements engine.Slow.
func (flagRestorer) UndoTime() time.Duration { return slowFlag }

// Revert implements engine.Action.
func (r flagRestorer) Revert(ctx context.Context, undo json.RawMessage) error {
	if flag.OfProgram(undo) {
		p, err := r.s.services.flagProgram()
		if err != nil {
			return err
		}
		return p.Switch(flag.Order{}).Revert(ctx, undo)
	}
	return flag.Restore(ctx, undo, func(place json.RawMessage, run string) (flag.Store, error) {
		return r.s.faultSets().FlagsAt(place, run)
	})
}
