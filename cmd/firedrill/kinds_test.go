package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	for _, page := range pages {
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
// the same promise, and the exit code that belongs to it.
func TestEachKind(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute")
	}
	runs := shownRuns(t)
	if len(runs) < 36 {
		t.Fatalf("only %d runs are shown", len(runs))
	}
	firedrill := filepath.Join(t.TempDir(), "firedrill")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", firedrill, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	atOnce := make(chan struct{}, 3) // they mostly wait
	var all sync.WaitGroup
	for _, run := range runs {
		all.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			run.check(t, firedrill)
		})
	}
	all.Wait()
}

func (r shownRun) check(t *testing.T, firedrill string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, firedrill, append(r.args, "--state", t.TempDir())...)
	cmd.Dir = "../.." // where the pages say that the reader is
	cmd.Env = append(os.Environ(), "TERM=dumb")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code is looked at
	word, _, _ := strings.Cut(strings.TrimLeft(r.headline, "✔✘ "), " ")
	want, known := map[string]int{"HELD": exitHeld, "DISPROVED": exitDisproved}[word]
	headline, _, _ := strings.Cut(stdout.String(), "\n")
	if code := cmd.ProcessState.ExitCode(); !known || code != want || headline != r.headline {
		t.Errorf("%s: firedrill %s\nshows %q, but exit code %d and:\n%s\n%s", r.page, strings.Join(r.args, " "), r.headline, code, stdout.String(), stderr.String())
	}
}
