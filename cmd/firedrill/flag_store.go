package main

import (
	"context"
	"encoding/json"
	"fmt"
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

// flags opens the document that holds a flag, for a run.
func (s *session) flags(ctx context.Context, where, run string) (*action.Flags, *flag.Document, error) {
	store, err := s.faultSets().Flags(ctx, where, run)
	if err != nil {
		return nil, nil, err
	}
	format := flag.AppConfig()
	if strings.HasPrefix(where, action.FlagsPrefix) {
		format = flag.Flagd()
	}
	return store, &flag.Document{Store: store, Format: format}, nil
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

// targetedFlag is a switch with what guards ask for.
func (s *session) targetedFlag(store *action.Flags, d *flag.Document, o flag.Order) engine.Targeted {
	number, region := store.Where()
	t := engine.Targeted{Action: flagSwitch{d.Switch(o), !store.InFile()}, Key: d.Key(o.Flag), Names: append(store.Names(), o.Flag)}
	t.Account, t.Region = whereabouts("", number, region, store.InFile())
	return t
}

// flagRestorer takes flags back from nothing but their undo records.
type flagRestorer struct{ s *session }

// Prepare refuses: what is taken back was prepared long ago.
func (flagRestorer) Prepare(context.Context) (json.RawMessage, error) { return nil, errFlagBack }

// Apply refuses, too.
func (flagRestorer) Apply(context.Context, json.RawMessage) error { return errFlagBack }

var errFlagBack = fmt.Errorf("a flag can only be turned off here")

// UndoTime implements engine.Slow.
func (flagRestorer) UndoTime() time.Duration { return slowFlag }

// Revert implements engine.Action.
func (r flagRestorer) Revert(ctx context.Context, undo json.RawMessage) error {
	return flag.Restore(ctx, undo, func(place json.RawMessage, run string) (flag.Store, error) {
		return r.s.faultSets().FlagsAt(place, run)
	})
}
