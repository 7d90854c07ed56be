package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A Change puts one fault on one resource of an account. Its methods must not be called at the same time.
type Change struct {
	kind      kind
	resources change
	condition experiment.Condition
	params    action.Params
	place     Place
	name, id  string
	of        int    // the size of the group that it was picked from; 0 if it was named
	record    record // as Prepare told it last
	// applied, reverted and lost say what became of the change; Proof may come from another goroutine.
	applied, reverted, lost atomic.Bool
	// ends is when the fault is over unless it is extended, in seconds of Unix time: a clock that goes on while a machine sleeps.
	ends atomic.Int64
}

// Key identifies the target: two runs with one key would change the same thing.
func (a *Change) Key() string {
	key := string(a.kind.Kind.Kind) + ":"
	if !arn.IsARN(a.id) { // which says account and region itself
		key += a.place.Account + ":" + a.place.Region + ":"
	}
	if a.place.Endpoint != "" {
		return key + a.id + "@" + a.place.Endpoint
	}
	return key + a.id
}

// Label tells the target from others of its condition. What AWS has found by tag has one account and region, and is called by its ARN:
// the rest of that says enough.
func (a *Change) Label() string {
	if parsed, err := arn.Parse(a.name); err == nil && a.of > 0 {
		return parsed.Resource
	}
	return a.name
}

// Names are what a guard may protect: the target as it is called, its identity, and each part of that. An alias is a part of
// its function, a stage one of its API: whoever protects the one means the other, too.
func (a *Change) Names() []string {
	parts := strings.SplitN(a.id, ":", 6) // of an ARN; the last is TYPE/NAME, and for some what it is part of: a table, a bus
	path := strings.FieldsFunc(parts[len(parts)-1], func(c rune) bool { return c == ':' || c == '/' })
	if len(parts) == 6 && len(path) > 1 {
		path = path[1:]
	}
	return append([]string{a.name, a.id}, path...)
}

// ID is the resource's ARN or, where there is none, its name.
func (a *Change) ID() string { return a.id }

// Place is where the target is.
func (a *Change) Place() Place {
	p := a.place
	if parsed, err := arn.Parse(a.id); err == nil { // a stand-in for AWS may not tell its account in another way
		p.Account, p.Region = cmp.Or(p.Account, parsed.AccountID), cmp.Or(p.Region, parsed.Region)
	}
	return p
}

// Group is the size of the group that the target was picked from; 0 if it was named.
func (a *Change) Group() int { return a.of }

func (a *Change) order() order {
	return order{ID: a.id, With: a.condition.With, Run: a.params.Run, Condition: a.condition.Name, Until: until(a.resources, a.params.Lease)}
}

// Prepare reads the resource and says how to get it back. It changes nothing.
func (a *Change) Prepare(ctx context.Context) (json.RawMessage, error) {
	o := a.order()
	p, err := a.resources.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	a.record = record{V: recordVersion, Kind: a.condition.Fault, Place: a.place, order: o, states: p.states}
	return json.Marshal(a.record)
}

// Apply makes the change, and sees that it was made.
func (a *Change) Apply(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	u.Until = until(a.resources, a.params.Lease) // from now: a baseline has passed since it was prepared
	a.record = u
	if err := a.resources.apply(ctx, u.order, u.states); err != nil {
		return err
	}
	a.ends.Store(u.Until.Unix())
	a.applied.Store(true)
	return nil
}

// Revert takes the change back, and nothing else.
func (a *Change) Revert(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	a.reverted.Store(true)
	return revert(ctx, a.resources, u)
}

// Proof says whether the change was in effect: it was read back when it was made, and is read once more until it is taken
// back. A change is one injection.
func (a *Change) Proof(ctx context.Context) (action.Proof, error) {
	p := action.Proof{Known: true, Planned: 1}
	if a.applied.Load() && !a.reverted.Load() {
		there, err := a.resources.inEffect(ctx, a.record.order, a.record.states)
		if err != nil {
			return action.Proof{}, err
		}
		a.lost.Store(!there || a.Ends() && a.left() <= 0)
	}
	if a.applied.Load() && !a.lost.Load() {
		p.Fired = 1
	}
	return p, nil
}

// Describe reads the resource and says what Apply would change. It refuses what Prepare refuses.
func (a *Change) Describe(ctx context.Context) (action.Description, error) {
	o := a.order()
	p, err := a.resources.prepare(ctx, o)
	if err != nil {
		return action.Description{}, err
	}
	undo := p.undo
	if d, ok := a.resources.(dated); ok {
		if least, ends := d.dates(); ends {
			undo += fmt.Sprintf("; AWS itself ends it after %s in any case", max(a.params.Lease, least))
		}
	}
	return action.Description{Target: a.Key(), Change: p.change, Where: a.where(), Undo: undo}, nil
}

func (a *Change) where() string {
	text := a.kind.Target.Key + " " + a.name
	if a.place.Account != "" {
		text += ", account " + a.place.Account
	}
	return text + ", " + a.place.Region
}

// Permissions are what changing the resource and taking it back needs.
func (a *Change) Permissions() []action.Permission { return a.kind.permissions(a.id, a.condition.With) }

// UndoTime is how long Revert may take, where that is longer than for others; else 0.
func (a *Change) UndoTime() time.Duration { return a.kind.undo }

// ErrNotRehearsed says that a change cannot be tried without effect.
var ErrNotRehearsed = errNotRehearsed

// Rehearse shows that the change could be taken back: it writes what is there already. It returns ErrNotRehearsed for
// changes where even that would have an effect.
func (a *Change) Rehearse(ctx context.Context) error { return a.resources.rehearse(ctx, a.order()) }

// Ends says whether AWS itself ends the fault unless it is extended.
func (a *Change) Ends() bool {
	d, ok := a.resources.(dated)
	if !ok {
		return false
	}
	_, ends := d.dates()
	return ends
}

// Lifetime is how long a fault that ends by itself is there after Apply or Extend.
func (a *Change) Lifetime() time.Duration {
	return time.Until(until(a.resources, a.params.Lease)).Round(time.Second)
}

// left is the time until the fault is over.
func (a *Change) left() time.Duration { return time.Until(time.Unix(a.ends.Load(), 0)) }

// Extend moves the end date of a fault that ends by itself, once half of the time until it is over.
func (a *Change) Extend(ctx context.Context, undo json.RawMessage) error {
	switch left := a.left(); {
	case left <= 0:
		return fmt.Errorf("%s: the fault has ended by itself, for it was not extended in time", a.id)
	case left > a.Lifetime()/2:
		return nil
	}
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	d, ok := a.resources.(dated)
	if !ok {
		return errors.New("this fault has no end date")
	}
	o := u.order
	o.Until = until(a.resources, a.params.Lease)
	if err := d.renew(ctx, o, u.states); err != nil {
		return err
	}
	a.ends.Store(o.Until.Unix())
	return nil
}
