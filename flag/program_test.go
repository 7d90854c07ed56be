package flag_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/flag"
)

// TestMain makes the test binary a provider of others', for one flag whose value is in a file.
func TestMain(m *testing.M) {
	if path := os.Getenv("PROVIDER_OF"); path != "" {
		provide(path)
		return
	}
	os.Exit(m.Run())
}

// provide is a provider as somebody else might write it.
func provide(path string) {
	var q struct {
		Do         string
		Attributes map[string]any
		Order      flag.Order
		Undo       string
	}
	in, _ := io.ReadAll(os.Stdin)
	if err := json.Unmarshal(in, &q); err != nil {
		panic(err)
	}
	now, _ := os.ReadFile(path)
	var answer any = map[string]any{}
	switch q.Do {
	case "evaluate":
		answer = map[string]any{"value": q.Attributes["cohort"] == string(now), "reason": "TARGETING_MATCH"}
	case "prepare":
		answer = map[string]any{"undo": string(now)}
	case "on":
		_ = os.WriteFile(path, []byte(q.Order.Cohort.Value), 0o600)
	case "off":
		if string(now) != q.Order.Cohort.Value && string(now) != q.Undo {
			answer = map[string]any{"drift": "it is on for " + string(now)}
			break
		}
		_ = os.WriteFile(path, []byte(q.Undo), 0o600)
	}
	switch os.Getenv("PROVIDER_ANSWERS") {
	case "nonsense":
		_, _ = os.Stdout.WriteString("<html>")
	case "refusal":
		answer = map[string]any{"error": "no token", "hint": "set TOKEN"}
		fallthrough
	case "":
		_ = json.NewEncoder(os.Stdout).Encode(answer)
	case "failure":
		_, _ = os.Stderr.WriteString("no network\n")
		os.Exit(3)
	case "silence":
		time.Sleep(time.Hour)
	}
}

func program(t *testing.T) (p *flag.Program, path string) {
	path = filepath.Join(t.TempDir(), "on-for")
	if err := os.WriteFile(path, []byte("nobody"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PROVIDER_OF", path)
	return &flag.Program{Path: self}, path
}

func TestProgram(t *testing.T) {
	p, path := program(t)
	on := func() bool {
		e, err := p.Evaluate(t.Context(), "new-pricing", order.Cohort.Member())
		if err != nil {
			t.Fatal(err)
		}
		return string(e.Value) == "true"
	}
	s := p.Switch(order)
	undo, err := s.Prepare(t.Context())
	if err != nil || on() {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), undo); err != nil || !on() {
		t.Fatalf("not on: %v", err)
	}
	if !flag.OfProgram(undo) || strings.Contains(string(undo), p.Path) {
		t.Errorf("the undo record is %s", undo)
	}
	for range 2 {
		if err := p.Switch(flag.Order{}).Revert(t.Context(), undo); err != nil || on() {
			t.Errorf("not off: %v", err)
		}
	}
	if text, _ := os.ReadFile(path); string(text) != "nobody" {
		t.Errorf("it is %q", text)
	}
	if err := os.WriteFile(path, []byte("gamma"), 0o600); err != nil {
		t.Fatal(err)
	}
	var drift *flag.Drift
	if err := s.Revert(t.Context(), undo); !errors.As(err, &drift) {
		t.Errorf("Revert: %v", err)
	}
}

// TestProgramFails: each way to fail has its words.
func TestProgramFails(t *testing.T) {
	p, _ := program(t)
	for answers, want := range map[string]string{"nonsense": "not JSON", "refusal": "no token", "failure": "exit status 3: no network"} {
		t.Setenv("PROVIDER_ANSWERS", answers)
		if _, err := p.Switch(order).Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answers, err)
		}
	}
	t.Setenv("PROVIDER_ANSWERS", "silence")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Evaluate(ctx, "f", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silence: %v", err)
	}
	if _, err := (&flag.Program{Path: filepath.Join(t.TempDir(), "none")}).Evaluate(t.Context(), "f", nil); err == nil {
		t.Error("there is no such program")
	}
	if flag.OfProgram(json.RawMessage(`{"v":1,"format":"flagd"}`)) {
		t.Error("a file's undo record is taken for a program's")
	}
}
