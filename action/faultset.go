package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A FaultSet publishes one fault to a function: it adds a member to the function's fault set and a lease.
// Its methods must not be called at the same time, but for Proof.
type FaultSet struct {
	factory   *Factory
	condition experiment.Condition
	params    Params
	place     location
	functions []string  // that read it, as the experiment or a tag names them
	readers   []*reader // the same functions, and what they ask for
	proofFile string
	of        int // functions in the group that these are picked from; 0: they were named
}

// Key identifies the target: two conditions with one key change one fault set.
func (a *FaultSet) Key() string { return a.place.key() }

// Label tells the target from others of its condition.
func (a *FaultSet) Label() string {
	if len(a.functions) == 0 {
		return a.place.String()
	}
	return strings.Join(a.functions, ", ")
}

// Names are what a guard may protect: the functions, and the place of their fault set.
func (a *FaultSet) Names() []string {
	names := append([]string{a.place.Path, a.place.Name, a.place.Title, a.place.Function}, a.functions...)
	for _, function := range append(a.functions, a.place.Function) {
		names = append(names, plainName(function))
	}
	return names
}

// Where is the AWS account and region of the functions behind the fault set or, if they are not known, of the fault set itself; empty
// where that is not known, either, or they are in several.
func (a *FaultSet) Where() (account, region string) {
	if len(a.readers) == 0 {
		return a.place.Account, a.place.Region
	}
	account, region = a.readers[0].arn.AccountID, a.readers[0].arn.Region
	for _, r := range a.readers {
		if r.arn.AccountID != account {
			account = ""
		}
		if r.arn.Region != region {
			region = ""
		}
	}
	return account, region
}

// OnDisk says that the target is a file on this machine.
func (a *FaultSet) OnDisk() bool { return a.place.Kind == kindFile && len(a.readers) == 0 }

// Resources are the ARNs of what the condition names: its functions or, if they are not known, the place of the fault set. It is
// empty where nothing of it can have tags.
func (a *FaultSet) Resources() []string {
	var out []string
	for _, r := range a.readers {
		if r.arn.Service == "" {
			return nil
		}
		own := r.arn
		if parts := strings.SplitN(own.Resource, ":", 3); len(parts) == 3 {
			own.Resource = parts[0] + ":" + parts[1] // its versions have the function's tags
		}
		out = append(out, own.String())
	}
	if len(a.readers) == 0 && a.place.Kind == kindSSM {
		out = append(out, a.place.arn("ssm", "parameter/"+strings.TrimPrefix(a.place.Name, "/")))
	}
	return out
}

// Access is how to get to where the fault set is.
func (a *FaultSet) Access() Access { return a.place.Access }

// Group is how many functions there are in the group that the target was picked from; 0 if it was named.
func (a *FaultSet) Group() int { return a.of }

// member builds our member of the document at a share of the condition's percentage.
func (a *FaultSet) member(share float64) (json.RawMessage, error) {
	c := a.condition
	return fault.Member(fault.Kind(c.Fault), c.With, c.Percentage*share/100, c.Match)
}

// Prepare reads the fault set and says how to get it back. It changes nothing and may be called again until
// Apply. It refuses a document that another run has armed or that it does not understand.
func (a *FaultSet) Prepare(ctx context.Context) (json.RawMessage, error) {
	s, err := a.factory.open(a.place, a.params.Run)
	if err != nil {
		return nil, err
	}
	now, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	d, mine, err := a.understand(now)
	if err != nil {
		return nil, err
	}
	if slices.Contains(mine.Armed, a.condition.Fault) {
		return nil, &Refused{Reason: fmt.Sprintf("%s has the fault %s of this run already", a.place, a.condition.Fault), Tip: "a target takes each kind of fault once"}
	}
	pristine, err := a.factory.before(a.place.key(), a.params.Run, now, mine.Run != "")
	if err != nil {
		return nil, err
	}
	member, err := a.member(a.params.Share)
	if err != nil {
		return nil, err
	}
	if err := a.fits(ctx, s, now, member); err != nil {
		return nil, err
	}
	a.place.Secret = pristine.secret
	u := undoRecord{
		V: undoVersion, Place: a.place, Run: a.params.Run, Kind: a.condition.Fault,
		Original: pristine.data, Existed: pristine.exists, Mode: uint32(pristine.mode), Ref: pristine.ref,
		Before: d.get(a.condition.Fault), Member: member,
	}
	if pristine.secret {
		if u, err = u.discreet(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(u)
}

// understand parses a store's document. mine is what this run has armed there; zero if nothing.
func (a *FaultSet) understand(s snapshot) (d document, mine drill, err error) {
	d, err = a.members(s.data)
	var m drill
	if err == nil {
		m, err = d.drill()
	}
	var refused *Refused
	if errors.As(err, &refused) {
		return nil, m, err
	}
	if err != nil {
		return nil, m, &Refused{Reason: a.place.String(), Err: err, Tip: "Firedrill writes only fault sets that it understands: mend or remove it first"}
	}
	switch m.Run {
	case "":
		if on := d.enabled(); m.ExpiresAt != "" && len(on) > 0 {
			return nil, m, &Refused{
				Reason: fmt.Sprintf("%s has faults that were switched on by hand (%s), with a lease until %s", a.place, listed(on), m.ExpiresAt),
				Tip:    "a run's lease would prolong them, and they would spoil what it measures: firedrill faults disable --all",
			}
		}
		return d, drill{}, nil
	case a.params.Run:
		return d, m, nil
	}
	return nil, m, &Refused{
		Reason: fmt.Sprintf("%s is armed by run %s (lease until %s)", a.place, m.Run, m.ExpiresAt),
		Tip:    "if that run is over, put its target back: firedrill recover " + m.Run,
	}
}

// Apply adds the fault.
func (a *FaultSet) Apply(ctx context.Context, undo json.RawMessage) error {
	u, s, err := a.recorded(ctx, undo)
	if err != nil {
		return err
	}
	if u.lost {
		return u.changed()
	}
	return a.change(ctx, s, u, func(d document, mine drill) error {
		if !slices.Contains(mine.Armed, u.Kind) && canonical(d.get(u.Kind)) != canonical(u.Before) {
			return u.changed()
		}
		d.put(u.Kind, u.Member)
		return nil
	})
}

// recorded is what an undo record says, with its store.
func (a *FaultSet) recorded(ctx context.Context, undo json.RawMessage) (u undoRecord, s store, err error) {
	if u, err = decodeUndo(undo); err != nil {
		return u, nil, err
	}
	if s, err = a.factory.open(u.Place, u.Run); err != nil {
		return u, nil, err
	}
	u, err = u.recall(ctx, s)
	return u, s, err
}

// changed refuses a member that is not what it was when it was read.
func (u undoRecord) changed() error {
	return &Refused{Reason: fmt.Sprintf("%s: its member %s was changed while the run was starting", u.Place, u.Kind), Tip: "run it again when nobody edits the fault set"}
}

// Renew extends the lease and sets the share that is hit. It fails if the fault is not there any more.
func (a *FaultSet) Renew(ctx context.Context, undo json.RawMessage, share float64) error {
	u, err := decodeUndo(undo)
	if err != nil {
		return err
	}
	member, err := a.member(share)
	if err != nil {
		return err
	}
	s, err := a.factory.open(u.Place, u.Run)
	if err != nil {
		return err
	}
	early := a.early(s)
	return a.change(ctx, s, u, func(d document, mine drill) error {
		if !slices.Contains(mine.Armed, u.Kind) || canonical(d.get(u.Kind), "percentage") != canonical(u.Member, "percentage") {
			return fmt.Errorf("%s: somebody else has removed or changed the fault %s", u.Place, u.Kind)
		}
		if canonical(d.get(u.Kind)) == canonical(member) && longEnough(mine.ExpiresAt, early) {
			return errUnchanged
		}
		d.put(u.Kind, member)
		return nil
	})
}

// early is how long before its end a lease is renewed: three of the run's leases, or a third of the store's own, so that
// many targets have their turn.
func (a *FaultSet) early(s store) time.Duration {
	early := 3 * a.params.Lease
	if s, ok := s.(slow); ok {
		early += s.delay()
	}
	return max(early, s.lease(a.params.Lease)/3)
}

// Lease is how long the fault lives at least once it is applied or renewed.
func (a *FaultSet) Lease() time.Duration {
	s, err := a.factory.open(a.place, a.params.Run)
	if err != nil {
		return a.params.Lease
	}
	return min(s.lease(a.params.Lease), a.early(s))
}

// errUnchanged ends a change without writing.
var errUnchanged = errors.New("unchanged")

// longEnough says that a lease needs no renewal yet: more than enough of it is still to come, because the store gave
// it a longer one than the runner asked for.
func longEnough(expires string, enough time.Duration) bool {
	at, err := time.Parse(time.RFC3339Nano, expires)
	return err == nil && time.Until(at) > enough
}

// change edits the document and extends the lease, in one write.
func (a *FaultSet) change(ctx context.Context, s store, u undoRecord, edit func(d document, mine drill) error) error {
	return s.update(ctx, func(now snapshot) (snapshot, bool, error) {
		next, write, err := a.armed(s, now, edit)
		if err == nil && write {
			err = u.room(s, now)
		}
		return next, write && err == nil, err
	})
}

// armed is the document after an edit, with a new lease.
func (a *FaultSet) armed(s store, now snapshot, edit func(d document, mine drill) error) (next snapshot, write bool, err error) {
	d, mine, err := a.understand(now)
	if err != nil {
		return now, false, err
	}
	if err := edit(d, mine); err != nil {
		if errors.Is(err, errUnchanged) {
			err = nil
		}
		return now, false, err
	}
	expires := time.Now().Add(s.lease(a.params.Lease))
	if err := d.arm(a.params.Run, a.condition.Fault, expires, a.condition.Seed, a.condition.SampleBy); err != nil {
		return now, false, err
	}
	data, err := a.encode(d)
	return snapshot{data: data, exists: true, mode: now.mode}, true, err
}

// fits refuses a fault set that would be too large for its store, before anything is changed.
func (a *FaultSet) fits(ctx context.Context, s store, now snapshot, member json.RawMessage) error {
	b, ok := s.(bounded)
	if !ok {
		return nil
	}
	next, _, err := a.armed(s, now, func(d document, _ drill) error {
		d.put(a.condition.Fault, member)
		return nil
	})
	if err != nil {
		return err
	}
	return b.fits(ctx, next)
}

// Revert removes the fault. It needs nothing but the undo record and may be called any number of times. If
// nothing but our additions had changed, the document is the pristine one again, byte for byte. Otherwise what
// others changed is kept, and the error is a *Drift.
func (a *FaultSet) Revert(ctx context.Context, undo json.RawMessage) error {
	u, s, err := a.recorded(ctx, undo)
	if err != nil {
		return err
	}
	var drift string
	err = s.update(ctx, func(now snapshot) (next snapshot, write bool, err error) {
		next, write, drift, err = u.restore(now, a.again)
		return next, write, err
	})
	switch {
	case errors.Is(err, errGone):
		return nil // the place is no more: there is nothing to put back
	case err != nil:
		return err
	case drift != "":
		return &Drift{What: fmt.Sprintf("%s: %s", u.Place, drift)}
	}
	return nil
}

// original is the pristine snapshot and its members. A pristine text was parsed before it was recorded.
func (u undoRecord) original() (snapshot, document, error) {
	d, err := parseDocument(unsealed(u.Original))
	if err != nil {
		return snapshot{}, nil, fmt.Errorf("the undo record's original %w", err)
	}
	return snapshot{data: u.Original, exists: u.Existed, mode: fs.FileMode(u.Mode), ref: u.Ref}, d, nil
}
