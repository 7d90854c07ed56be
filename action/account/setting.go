package account

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/action"
)

// A setting is a piece of configuration of one resource. S is all of it that the kind changes and nothing more, so that
// whatever else is changed at the resource does not matter; it is journaled as JSON, so it holds no secrets.
type setting[S any] struct {
	// what it is, in words: "reserved concurrency".
	what string
	// lookup is change.find.
	lookup func(ctx context.Context, name string) (id string, err error)
	// read is the present configuration. A resource that is no more is errGone.
	read func(ctx context.Context, id string) (S, error)
	// want is what now should become. It is pure, and refuses what cannot be.
	want func(now S, o order) (S, error)
	// fits looks at whatever else decides whether the service would take it, and refuses if it would not; nil: nothing does.
	fits func(ctx context.Context, id string, before, after S) error
	// write replaces from, which was just read, by to, and returns when the resource has it. Where the service can tell
	// that from is not there any more, it is errConflict. A write that is made twice does no harm.
	write func(ctx context.Context, id string, from, to S) error
	// say tells for people what becomes of before, and how it is undone.
	say func(before, after S) (change, undo string)

	// equal reports whether two configurations mean the same; nil: if they are written alike.
	equal func(a, b S) bool
	// take takes our change, after, out of what is there now; drift says what somebody else's doing was left alone.
	// Pure. nil: all or nothing, as fits a single value.
	take func(now, before, after S) (next S, drift string)
	// holds says whether our change is in what is there now. nil: if they are equal.
	holds func(now, after S) bool
	// extend moves the end date of our change, which is in now. nil: the service knows no end dates.
	extend func(now, after S, until time.Time) S
	// lease is the least time until an end date; writing one costs the service something.
	lease time.Duration
	// broken says that what was read is not in effect, because the service could not do what it was asked for; nil: it always is.
	broken func(now S) bool
	// eventual says that what was written may be read late, so that a first look proves nothing.
	eventual bool
	// effects says that even a write of what is there already has an effect, so that it is no rehearsal.
	effects bool
	// try shows that a write would be allowed, without making it; nil: writing what is there already shows it.
	try func(ctx context.Context, id string, now S) error
}

var (
	// errGone says that a resource is no more.
	errGone = errors.New("gone")
	// errConflict says that somebody else wrote at the same time.
	errConflict = errors.New("changed at the same time")
	// errNotRehearsed says that a kind has no way to try without effect.
	errNotRehearsed = errors.New("not rehearsed")
)

const (
	attempts  = 6                      // to get a write in between those of others
	readPause = 250 * time.Millisecond // between looks at what was written
	lateness  = 2 * time.Second        // after which an eventual service has most likely told the truth
	patience  = 20 * time.Second       // for a write to be seen
)

func (s setting[S]) find(ctx context.Context, name string) (string, error) {
	return s.lookup(ctx, name)
}

func (s setting[S]) prepare(ctx context.Context, o order) (prepared, error) {
	before, err := s.read(ctx, o.ID)
	if err != nil {
		return prepared{}, err
	}
	if s.isBroken(before) {
		return prepared{}, &action.Refused{Reason: fmt.Sprintf("%s: its last update failed, so that its %s is not what it seems to be", o.ID, s.what), Tip: "see what AWS says of its state, and update it again"}
	}
	after, err := s.want(before, o)
	if err != nil {
		return prepared{}, err
	}
	if s.same(before, after) {
		return prepared{}, &action.Refused{Reason: fmt.Sprintf("%s: its %s is already what the fault would make it", o.ID, s.what), Tip: "a fault that changes nothing proves nothing: choose another value"}
	}
	if s.fits != nil {
		if err := s.fits(ctx, o.ID, before, after); err != nil {
			return prepared{}, err
		}
	}
	p := prepared{}
	p.change, p.undo = s.say(before, after)
	p.states, err = encodeStates(before, after)
	return p, err
}

func (s setting[S]) apply(ctx context.Context, o order, raw states) error {
	before, after, err := decodeStates[S](raw)
	if err != nil {
		return err
	}
	if s.extend != nil {
		after = s.extend(after, after, o.Until)
	}
	for range attempts {
		now, err := s.read(ctx, o.ID)
		switch {
		case err != nil:
			return err
		case s.same(now, after), s.extend != nil && s.has(now, after):
			return nil
		case !s.same(now, before):
			return &action.Refused{Reason: fmt.Sprintf("%s: its %s was changed while the run was starting", o.ID, s.what), Tip: "run it again when nobody edits it"}
		}
		err = s.put(ctx, o.ID, now, after)
		if err == nil || !errors.Is(err, errConflict) {
			return err
		}
		if err := pause(ctx, readPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: it is changed by others all the time", o.ID)
}

// put writes and sees that it was written. An error of the write does not count if the write was made all the same.
func (s setting[S]) put(ctx context.Context, id string, from, to S) error {
	failed := s.write(ctx, id, from, to)
	if failed != nil {
		if now, err := s.read(ctx, id); err != nil || !s.same(now, to) || s.isBroken(now) {
			return failed
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now, err := s.read(ctx, id)
		if err == nil && s.same(now, to) {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		if pause(ctx, readPause) != nil {
			return fmt.Errorf("%s: its %s was written, but does not read back as it was written", id, s.what)
		}
	}
}

func (s setting[S]) revert(ctx context.Context, o order, raw states) (drift string, err error) {
	before, after, err := decodeStates[S](raw)
	if err != nil {
		return "", err
	}
	looked := false
	for range attempts {
		now, err := s.read(ctx, o.ID)
		if errors.Is(err, errGone) {
			return "it was deleted", nil
		}
		if err != nil {
			return "", err
		}
		next, drift := s.without(now, before, after)
		if s.same(next, now) && !s.isBroken(now) {
			if !s.eventual || looked {
				return drift, nil
			}
			looked = true
			if err := pause(ctx, lateness); err != nil {
				return "", err
			}
			continue
		}
		err = s.put(ctx, o.ID, now, next)
		if err == nil || !errors.Is(err, errConflict) {
			return drift, err
		}
		if err := pause(ctx, readPause); err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s: its %s is changed by others all the time", o.ID, s.what)
}

// without is what is left of now when our change is taken out.
func (s setting[S]) without(now, before, after S) (next S, drift string) {
	if s.same(now, before) {
		return now, ""
	}
	if s.take != nil {
		return s.take(now, before, after)
	}
	if s.same(now, after) {
		return before, ""
	}
	return now, fmt.Sprintf("its %s was changed to %s", s.what, text(now))
}

func (s setting[S]) inEffect(ctx context.Context, o order, raw states) (bool, error) {
	_, after, err := decodeStates[S](raw)
	if err != nil {
		return false, err
	}
	now, err := s.read(ctx, o.ID)
	if errors.Is(err, errGone) {
		return false, nil
	}
	return err == nil && s.has(now, after), err
}

func (s setting[S]) isBroken(now S) bool { return s.broken != nil && s.broken(now) }

func (s setting[S]) has(now, after S) bool {
	if s.holds != nil {
		return s.holds(now, after)
	}
	return s.same(now, after)
}

// renew implements dated.
func (s setting[S]) renew(ctx context.Context, o order, raw states) error {
	_, after, err := decodeStates[S](raw)
	if err != nil {
		return err
	}
	for range attempts {
		now, err := s.read(ctx, o.ID)
		if err != nil {
			return err
		}
		if !s.has(now, after) {
			return fmt.Errorf("%s: somebody else has removed or changed the fault", o.ID)
		}
		err = s.put(ctx, o.ID, now, s.extend(now, after, o.Until))
		if err == nil || !errors.Is(err, errConflict) {
			return err
		}
		if err := pause(ctx, readPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: its %s is changed by others all the time", o.ID, s.what)
}

// dates implements dated.
func (s setting[S]) dates() (lease time.Duration, ok bool) { return s.lease, s.extend != nil }

// dated is a change whose fault ends by itself.
type dated interface {
	renew(ctx context.Context, o order, s states) error
	dates() (lease time.Duration, ok bool)
}

func (s setting[S]) rehearse(ctx context.Context, o order) error {
	if s.effects {
		return errNotRehearsed
	}
	now, err := s.read(ctx, o.ID)
	if err != nil {
		return err
	}
	if s.try != nil {
		return s.try(ctx, o.ID, now)
	}
	return s.write(ctx, o.ID, now, now)
}

func encodeStates[S any](before, after S) (states, error) {
	b, err := json.Marshal(before)
	if err != nil {
		return states{}, err
	}
	a, err := json.Marshal(after)
	return states{Before: b, After: a}, err
}

func decodeStates[S any](raw states) (before, after S, err error) {
	if err := json.Unmarshal(raw.Before, &before); err != nil {
		return before, after, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	if err := json.Unmarshal(raw.After, &after); err != nil {
		return before, after, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	return before, after, nil
}

func (s setting[S]) same(a, b S) bool {
	if s.equal != nil {
		return s.equal(a, b)
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
