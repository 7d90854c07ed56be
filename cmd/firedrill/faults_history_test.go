package main

import (
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/action"
)

// A change that failed does not hide the way back from the one before; one that was made, but not noted as made, has its
// own.
func TestHistory(t *testing.T) {
	h := waysBack{t.TempDir()}
	text := func(s string) action.Content { return action.Content{Text: []byte(s), Exists: true} }
	if _, err := h.lastOf("a", text("x")); err == nil {
		t.Error("a way back from nowhere")
	}
	one := way{Before: action.Content{}, After: text("1"), At: time.Now()}
	if err := h.keep("a", one); err != nil {
		t.Fatal(err)
	}
	if _, err := h.lastOf("a", text("x")); err == nil {
		t.Error("a way back from a change that was not made")
	}
	if err := h.made("a"); err != nil {
		t.Fatal(err)
	}
	two := way{Before: text("1"), After: text("2"), At: time.Now()}
	if err := h.keep("a", two); err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]action.Content{"1": {}, "2": text("1"), "3": {}} {
		if got, err := h.lastOf("a", text(now)); err != nil || !got.Before.Same(want) || got.Place != "a" {
			t.Errorf("from %s: %+v, %v", now, got, err)
		}
	}
	if _, err := h.lastOf("b", text("1")); err == nil {
		t.Error("two places share a way back")
	}
}
