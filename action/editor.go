package action

import (
	"context"
	"fmt"

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
	// Secret says that the place keeps the text from others. It must not be written down elsewhere.
	Secret  bool   `json:",omitempty"`
	Version string `json:",omitempty"` // as the place numbers what it holds
	SHA256  string `json:",omitempty"` // of a secret text that was left out
}

// Discreet is the content without its text if that is secret: what may be written down, for Recall.
func (c Content) Discreet() Content {
	if c.Secret && c.Exists {
		c.Text, c.SHA256 = nil, sumOf(c.Text)
	}
	return c
}

// sum tells contents apart, with their text or without.
func (c Content) sum() string {
	if c.SHA256 != "" {
		return c.SHA256
	}
	return sumOf(c.Text)
}

// Same reports whether two contents are equal byte for byte.
func (c Content) Same(other Content) bool {
	return c.Exists == other.Exists && c.sum() == other.sum()
}

// Editor opens the fault set of a target. Nothing is changed.
func (f *Factory) Editor(ctx context.Context, t experiment.Target) (*Editor, error) {
	place, err := f.locate(ctx, t)
	if err != nil {
		return nil, err
	}
	s, err := f.open(place, "by-hand")
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
	return contentOf(now), err
}

func contentOf(s snapshot) Content {
	return Content{Text: s.data, Exists: s.exists, Secret: s.secret, Version: s.ref}
}

// Recall gives a content its text again, from the history of the place.
func (e *Editor) Recall(ctx context.Context, c Content) (Content, error) {
	if c.SHA256 == "" {
		return c, nil
	}
	text, err := recalled(ctx, e.store, c.Version, c.SHA256)
	if err != nil {
		return c, fmt.Errorf("%s: version %s: %w", e, c.Version, err)
	}
	c.Text, c.SHA256 = text, ""
	return c, nil
}

// Update replaces the document by what change makes of it, and nobody else's write falls between. change may be called
// several times. Where it changes nothing, nothing is written.
func (e *Editor) Update(ctx context.Context, change func(now Content) (next Content, err error)) error {
	return e.store.update(ctx, func(now snapshot) (snapshot, bool, error) {
		before := contentOf(now)
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
