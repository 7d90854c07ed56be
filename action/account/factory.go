package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// Deps are what changes of accounts need of the world.
type Deps struct {
	// Place is where a service's resources of a target are: in an account of the experiment, or nil for the runner's
	// own; in a region, or "" for that account's.
	Place func(ctx context.Context, service string, in *experiment.Account, region string) (Place, error)
	// Config is the access to a service at a place. Sessions of assumed roles carry the run's name.
	Config func(ctx context.Context, service string, at Place, run string) (aws.Config, error)
	// Selves is as whom this process works: the ARNs of a role, of a session of it, or of a user in its own account, and of
	// the roles that the experiment assumes.
	Selves func(ctx context.Context) ([]string, error)
	// Embedded says that this process has the services of embedded places.
	Embedded bool
}

// A Factory makes the changes of one process. It is safe for concurrent use.
type Factory struct {
	deps Deps

	mu    sync.Mutex
	taken map[string]string // the condition's name, by run and key
}

// NewFactory makes a factory.
func NewFactory(d Deps) *Factory { return &Factory{deps: d, taken: map[string]string{}} }

// Has says whether a kind of fault is one of this package.
func Has(name string) bool {
	_, ok := kindByName(name)
	return ok
}

// Changes makes the changes of a condition, one for each of its targets. The targets are looked up, and nothing is
// changed.
func (f *Factory) Changes(ctx context.Context, c experiment.Condition, p action.Params) ([]*Change, error) {
	k, ok := kindByName(c.Fault)
	if !ok {
		return nil, fmt.Errorf("%q is not a kind of fault of an AWS account", c.Fault)
	}
	place, err := f.deps.Place(ctx, k.service, c.Target.Assume, c.Target.Region)
	if err != nil {
		return nil, err
	}
	resources, err := f.open(ctx, k, place, p.Run)
	if err != nil {
		return nil, err
	}
	names, of, err := f.expand(ctx, k, c, p.Run)
	if err != nil {
		return nil, err
	}
	var out []*Change
	for _, name := range names {
		id, err := resources.find(ctx, name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(have *Change) bool { return have.id == id }) {
			continue // two names of one resource
		}
		if err := f.spare(ctx, k, place, id); err != nil {
			return nil, err
		}
		a := &Change{kind: k, resources: resources, condition: c, params: p, place: place, name: name, id: id, of: of}
		if err := f.take(a); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// spare refuses to take the runner's own permissions away: it could not put them back.
func (f *Factory) spare(ctx context.Context, k kind, at Place, id string) error {
	if !k.self {
		return nil
	}
	selves, err := f.deps.Selves(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(append(selves, at.Role), func(self string) bool { return sameRole(self, id) }) {
		return &action.Refused{Reason: fmt.Sprintf("target %s is a role that this run itself works as: it could not take its faults back", id), Tip: "run it as another role, or choose another target"}
	}
	return nil
}

// take sees to it that no two conditions of a run change the same thing: the second would take the first one's fault
// for what was there before.
func (f *Factory) take(a *Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := a.params.Run + "\x00" + a.Key()
	if other, ok := f.taken[id]; ok && other != a.condition.Name {
		return &action.Refused{Reason: fmt.Sprintf("target %s: condition %q puts the same fault on it", a.id, other), Tip: "a target takes each kind of fault once: write a second experiment"}
	}
	f.taken[id] = a.condition.Name
	return nil
}

func (f *Factory) open(ctx context.Context, k kind, at Place, run string) (change, error) {
	cfg, err := f.deps.Config(ctx, k.service, at, run)
	if err != nil {
		return nil, err
	}
	return k.open(cfg), nil
}

// Restore makes a change that can only Revert, from nothing but its undo record; for recover.
func (f *Factory) Restore(name string) (*Restorer, error) {
	k, ok := kindByName(name)
	if !ok {
		return nil, fmt.Errorf("the undo record is of a change %q that this version does not know: use the one that wrote it", name)
	}
	return &Restorer{factory: f, kind: k}, nil
}

// A Restorer takes changes of one kind back.
type Restorer struct {
	factory *Factory
	kind    kind
}

// UndoTime is how long Revert may take, where that is longer than for others; else 0.
func (r *Restorer) UndoTime() time.Duration { return r.kind.undo }

// Prepare refuses: what a Restorer takes back was prepared long ago.
func (r *Restorer) Prepare(context.Context) (json.RawMessage, error) { return nil, errOnlyRevert }

// Apply refuses, too.
func (r *Restorer) Apply(context.Context, json.RawMessage) error { return errOnlyRevert }

var errOnlyRevert = errors.New("this can only be taken back")

// Revert takes the change of an undo record back.
func (r *Restorer) Revert(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	if u.Place.Embedded && !r.factory.deps.Embedded {
		return nil // it went with its process: whoever answers there now is somebody else
	}
	resources, err := r.factory.open(ctx, r.kind, u.Place, u.Run)
	if err != nil {
		return err
	}
	return revert(ctx, resources, u)
}

func revert(ctx context.Context, resources change, u record) error {
	drift, err := resources.revert(ctx, u.order, u.states)
	if err == nil && drift != "" {
		return &action.Drift{What: drift}
	}
	return err
}

// until is when a fault may end by itself, if it is not renewed.
func until(c change, wanted time.Duration) time.Time {
	if d, ok := c.(dated); ok {
		least, _ := d.dates()
		wanted = max(wanted, least)
	}
	return time.Now().Add(wanted).UTC().Truncate(time.Second)
}
