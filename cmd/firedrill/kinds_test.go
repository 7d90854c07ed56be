package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A shownRun is a run that a page shows: its arguments, and the first line of what it printed.
type shownRun struct {
	page, headline string
	args           []string
}

// shownRuns are the runs in the pages about kinds.
func shownRuns(t *testing.T) (runs []shownRun) {
	t.Helper()
	pages, err := filepath.Glob("../../docs/kinds/*.md")
	if err != nil {
		t.Fatal(err)
	}
	around, err := filepath.Glob("../../docs/account/lambda-*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, around...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		for i, line := range lines {
			if command, ok := strings.CutPrefix(line, "$ firedrill "); ok {
				runs = append(runs, shownRun{filepath.Base(page), lines[i+1], strings.Fields(command)})
			}
		}
	}
	return runs
}

// TestEachKind runs every run that the pages about kinds show. Each must end as it is shown: with the same verdict about
// the same promise, and the exit code that belongs to it. A machine that is busy with other things may leave a few
// without enough samples for a verdict; none may have another verdict.
func TestEachKind(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "kinds") {
		t.Skip("takes two minutes: set FIREDRILL_REQUIRE=kinds")
	}
	runs := shownRuns(t)
	if len(runs) < 30 {
		t.Fatalf("only %d runs are shown", len(runs))
	}
	firedrill := filepath.Join(t.TempDir(), "firedrill")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", firedrill, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var unsettled atomic.Int64
	atOnce := make(chan struct{}, 3) // they mostly wait
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			if !run.settles(t, firedrill) {
				unsettled.Add(1)
			}
		})
	}
	all.Wait()
	if n := unsettled.Load(); n > int64(len(runs)/10) {
		t.Errorf("%d of %d runs came to no verdict", n, len(runs))
	}
}

// settles runs it, and is false if it came to no verdict.
func (r shownRun) settles(t *testing.T, firedrill string) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, firedrill, append(r.args, "--state", t.TempDir())...)
	cmd.Dir = "../.." // where the pages say that the reader is
	cmd.Env = append(os.Environ(), "TERM=dumb")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code is looked at
	code := cmd.ProcessState.ExitCode()
	word, _, _ := strings.Cut(strings.TrimLeft(r.headline, "✔✘ "), " ")
	want, known := map[string]int{"HELD": exitHeld, "DISPROVED": exitDisproved}[word]
	headline, _, _ := strings.Cut(stdout.String(), "\n")
	outcome := fmt.Sprintf("%s: firedrill %s\nshows %q, but exit code %d and:\n%s\n%s", r.page, strings.Join(r.args, " "), r.headline, code, stdout.String(), stderr.String())
	switch {
	case code == exitUnsettled:
		t.Log(outcome)
		return false
	case !known || code != want || headline != r.headline:
		t.Error(outcome)
	}
	return true
}
