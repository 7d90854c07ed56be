package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/engine"
)

// TestProgressOfMany: a thousand targets are ten lines, or one that redraws itself; what is out of the ordinary has its own.
func TestProgressOfMany(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		var out bytes.Buffer
		p := &progress{w: &out, terminal: terminal, applied: map[string]string{}, words: eventText}
		for i := range 1000 {
			p.observe(engine.Event{Kind: engine.EventApplied, Condition: fmt.Sprint("slow: it: ", i), Of: "slow: it", Target: "t", Done: i + 1, All: 1000})
		}
		text := out.String()
		want := 10
		if terminal {
			want = 1
		}
		if n := strings.Count(text, "\n"); n != want || !strings.HasSuffix(text, "injected \"slow: it\" on 1000 of 1000\n") {
			t.Errorf("terminal %v: %d lines, the end is %q", terminal, n, text[max(0, len(text)-80):])
		}
		if got := strings.Count(text, "on 500 of 1000"); got != 1 {
			t.Errorf("terminal %v: the half is shown %d times", terminal, got)
		}
		out.Reset()
		p.observe(engine.Event{Kind: engine.EventReverted, Condition: "slow: it: 7", Of: "slow: it", Target: "t", Message: "somebody else", Done: 7, All: 1000})
		if !strings.Contains(out.String(), "put back \"slow: it: 7\": somebody else\n") {
			t.Errorf("terminal %v: drift is %q", terminal, out.String())
		}
		out.Reset()
		p.observe(engine.Event{Kind: engine.EventReverted, Condition: "one", Of: "one", Done: 1, All: 1})
		if !strings.Contains(out.String(), "put back \"one\"\n") {
			t.Errorf("terminal %v: a single one is %q", terminal, out.String())
		}
	}
}
