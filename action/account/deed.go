package account

import (
	"context"
	"encoding/json"
	"fmt"
)

// A deed is what is done to a resource and cannot be taken back: an instance is terminated, a task stopped. Some deeds end
// by themselves, and can be cut short. S is whom it hits, as it was picked before; it is journaled as JSON.
type deed[S any] struct {
	// what it is, in words: "termination".
	what string
	// lookup is change.find.
	lookup func(ctx context.Context, name string) (id string, err error)
	// aim reads the resource and picks whom it hits. It refuses what cannot be, and changes nothing.
	aim func(ctx context.Context, o order) (S, error)
	// say tells for people what is done, and what will be left of it.
	say func(hit S) (change, left string)
	// do does it. If it was done already, because a reply was lost, it does it no second time, or no more comes of it.
	do func(ctx context.Context, o order, hit S) error

	// seen says whether it has happened. nil: AWS tells nobody, so that its taking of the order is all the proof there is.
	seen func(ctx context.Context, o order, hit S) (bool, error)
	// cancel cuts short what is still going on, of this run alone, and returns when it has ended. It is idempotent. nil:
	// there is nothing to cut short.
	cancel func(ctx context.Context, o order, hit S) error
	// permitted asks AWS whether it would be allowed, without doing it. nil: AWS cannot be asked.
	permitted func(ctx context.Context, o order, hit S) error
}

func (d deed[S]) find(ctx context.Context, name string) (string, error) { return d.lookup(ctx, name) }

func (d deed[S]) prepare(ctx context.Context, o order) (prepared, error) {
	hit, err := d.aim(ctx, o)
	if err != nil {
		return prepared{}, err
	}
	p := prepared{}
	p.change, p.undo = d.say(hit)
	p.states, err = encodeStates[any](hit, nil)
	return p, err
}

func (d deed[S]) apply(ctx context.Context, o order, raw states) error {
	hit, err := d.decode(raw)
	if err != nil {
		return err
	}
	failed := d.do(ctx, o, hit)
	if d.seen == nil {
		return failed
	}
	if failed != nil {
		if happened, err := d.seen(ctx, o, hit); err != nil || !happened {
			return failed
		}
		return nil // only the reply was lost
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		happened, err := d.seen(ctx, o, hit)
		if err == nil && happened {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		if pause(ctx, readPause) != nil {
			return fmt.Errorf("%s: AWS took the order for its %s, but nothing is to be seen of it", o.ID, d.what)
		}
	}
}

// revert cuts short what is still going on. What was done stays done: the file has said irreversible.
func (d deed[S]) revert(ctx context.Context, o order, raw states) (drift string, err error) {
	if d.cancel == nil {
		return "", nil
	}
	hit, err := d.decode(raw)
	if err != nil {
		return "", err
	}
	return "", d.cancel(ctx, o, hit)
}

func (d deed[S]) inEffect(ctx context.Context, o order, raw states) (bool, error) {
	if d.seen == nil {
		return true, nil // it is asked only after AWS took the order
	}
	hit, err := d.decode(raw)
	if err != nil {
		return false, err
	}
	return d.seen(ctx, o, hit)
}

func (d deed[S]) rehearse(ctx context.Context, o order) error {
	if d.permitted == nil {
		return errNotRehearsed
	}
	hit, err := d.aim(ctx, o)
	if err != nil {
		return err
	}
	return d.permitted(ctx, o, hit)
}

func (d deed[S]) decode(raw states) (hit S, err error) {
	if err := json.Unmarshal(raw.Before, &hit); err != nil {
		return hit, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	return hit, nil
}
