package action

import (
	"bytes"
	"context"

	"github.com/firedrill-dev/firedrill/experiment"
)

// An Editor reads and changes one fault set by hand, outside of any run.
type Editor struct {
	place location
	store store
}

// Content is what a place holds.
type Content struct {
	Text   []byte
	Exists bool
}

// Same reports whether two contents are equal byte for byte.
func (c Content) Same(other Content) bool {
	return c.Exists == other.Exists && bytes.Equal(c.Text, other.Text)
}

// Editor opens the fault set of a target. Nothing is changed.
func (f *Factory) Editor(ctx context.Context, t experiment.Target) (*Editor, error) {
	place, err := f.locate(ctx, t)
	if err != nil {
		return nil, err
	}
	s, err := f.open(place)
	if err != nil {
		return nil, err
	}
	return &Editor{place, s}, nil
}

// Key identifies the place; two targets with one key are one place.
func (e *Editor) Key() string { return e.place.key() }

// String is the place in words.
func (e *Editor) String() string { return e.place.String() }

// Read returns what is there. A document that does not exist is not an error.
func (e *Editor) Read(ctx context.Context) (Content, error) {
	now, err := e.store.read(ctx)
	return Content{now.data, now.exists}, err
}

// Update replaces the document by what change makes of it, and nobody else's write falls between. change may be called
// several times. Where it changes nothing, nothing is written.
func (e *Editor) Update(ctx context.Context, change func(now Content) (next Content, err error)) error {
	return e.store.update(ctx, func(now snapshot) (snapshot, bool, error) {
		before := Content{now.data, now.exists}
		next, err := change(before)
		if err != nil || next.Same(before) {
			return now, false, err
		}
		if err := e.place.takes(next.Text); err != nil {
			return now, false, err
		}
		return snapshot{data: next.Text, exists: next.Exists, mode: now.mode}, true, nil
	})
}
