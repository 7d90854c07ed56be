package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

const drilledExperiment = `version: 1
title: Drilled
objective: It answers
measures:
  - {name: answers, of: http, http: "GET %s/", every: 20ms, expect: p50 < 20s}
conditions:
  - {name: slow, fault: latency, target: {file: %s.json}, with: {min: 10ms, max: 20ms}}
phases: {baseline: 1s, fault: 60s, recovery: 1s}
`

// TestVerifyCancelled: a pipeline that cancels its job sends one signal, and soon another one. All runs put everything back, and
// what is known is written.
func TestVerifyCancelled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no such signals on Windows")
	}
	for name, signals := range map[string][]os.Signal{"GitLab": {syscall.SIGTERM}, "GitHub": {os.Interrupt, syscall.SIGTERM}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{"verify", "--parallel", "2", "--junit", "out.xml", "--markdown", "out.md"}
			for i, name := range []string{"a", "b", "c"} {
				server := httptest.NewServer(http.HandlerFunc(serve))
				t.Cleanup(server.Close)
				if i == 2 { // c shares its target with b, and waits
					name = "b"
				}
				file := fmt.Sprintf("%d.yaml", i)
				if err := os.WriteFile(filepath.Join(dir, file), fmt.Appendf(nil, drilledExperiment, server.URL, name), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := command(ctx, dir, args...)
			var told bytes.Buffer
			progress, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			injected := 0
			for lines := bufio.NewScanner(io.TeeReader(progress, &told)); lines.Scan(); {
				if strings.Contains(lines.Text(), "injected") {
					injected++
				}
				for injected == 2 && len(signals) > 0 {
					_ = cmd.Process.Signal(signals[0])
					signals = signals[1:]
				}
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
				t.Errorf("ended with %v\n%s", err, &told)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*.json")); left != nil {
				t.Errorf("left behind: %q", left)
			}
			junit, err := os.ReadFile(filepath.Join(dir, "out.xml"))
			if err != nil || strings.Count(string(junit), "<testsuite ") != 3 || !strings.Contains(string(junit), "interrupted") {
				t.Errorf("%s, %v", junit, err)
			}
			if summary, err := os.ReadFile(filepath.Join(dir, "out.md")); err != nil || !strings.Contains(string(summary), "Drilled") {
				t.Errorf("%s, %v", summary, err)
			}
		})
	}
}

// TestVerifyInterruptedWhileStarting: Ctrl-C while functions are built has the exit code of interruptions, the end of the time that of
// stops, and the outputs are there.
func TestVerifyInterruptedWhileStarting(t *testing.T) {
	for _, test := range []struct {
		timeout time.Duration
		want    int
	}{{0, exitInterrupted}, {time.Nanosecond, exitStopped}} {
		dir := t.TempDir()
		functions, file, junit := filepath.Join(dir, "functions.yaml"), filepath.Join(dir, "a.yaml"), filepath.Join(dir, "out.xml")
		err := errors.Join(
			os.WriteFile(functions, []byte("version: 1\nlambda: {listen: 127.0.0.1:0}\nfunctions:\n  hello: {go: .}\n"), 0o600),
			os.WriteFile(file, []byte("version: 1\n"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		a := &app{stdout: io.Discard, stderr: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }, state: filepath.Join(dir, "state"), output: "text"}
		ctx, cancel := context.WithCancel(t.Context())
		if test.timeout == 0 {
			cancel()
		}
		err = a.verify(ctx, []string{file}, suite{in: inputs{local: functions}, timeout: test.timeout, out: outputs{junit: junit, annotations: "none"}})
		cancel()
		var f *failure
		if !errors.As(err, &f) || f.code != test.want {
			t.Errorf("%d instead of %d: %v", f.code, test.want, err)
		}
		if text, err := os.ReadFile(junit); err != nil || !strings.Contains(string(text), "skipped") {
			t.Errorf("%s, %v", text, err)
		}
	}
}

// TestVerifyNotBegun: what keeps a drill from being begun is an error of each experiment for whoever reads the files alone.
func TestVerifyNotBegun(t *testing.T) {
	dir := t.TempDir()
	file, junit := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "out.xml")
	if err := os.WriteFile(file, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{stdout: io.Discard, stderr: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }, state: filepath.Join(dir, "state"), output: "text"}
	err := a.verify(t.Context(), []string{file}, suite{in: inputs{local: filepath.Join(dir, "nowhere.yaml")}, out: outputs{junit: junit, annotations: "none"}})
	if err == nil {
		t.Error("it was begun")
	}
	if text, err := os.ReadFile(junit); err != nil || !strings.Contains(string(text), `failures="0" errors="1"`) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestVerifyHostileName: no name of a file is a command to GitHub's runner, in the last words neither, and on a terminal each stays in its
// line.
func TestVerifyHostileName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no name has such signs on Windows")
	}
	t.Chdir(t.TempDir())
	const name = "a\n::error::hostile"
	if err := os.WriteFile(name+".yaml", []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := &app{stdout: io.Discard, stderr: &out, lookupEnv: func(string) (string, bool) { return "", false }, output: "text"}
	if code := a.report(a.verify(t.Context(), []string{name + ".yaml"}, suite{out: outputs{annotations: "github"}})); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	begin, rest, _ := strings.Cut(out.String(), "\n")
	word := strings.TrimPrefix(begin, "::stop-commands::")
	if silent, loud, ended := strings.Cut(rest, "\n::"+word+"::\n"); !ended || !strings.Contains(silent, "\n::error::hostile") || strings.Contains(loud, "\n::error::hostile") {
		t.Errorf("it says\n%s", &out)
	}
	if got := namesOf([]drill.Job{{File: name + ".yaml"}})[name+".yaml"]; got != "a ::error::hostile" {
		t.Errorf("the board calls it %q", got)
	}
}

// TestUnrunInJSON: a list of results that held is not all where something was not run.
func TestUnrunInJSON(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: io.Discard, output: "json"}
	x := &experiment.Experiment{Title: "A"}
	err := a.concludeAll([]drill.Outcome{{Job: &drill.Job{File: "a.yaml", Experiment: x}, Ending: errTimeout}}, nil)
	if err == nil || !strings.Contains(out.String(), `"not_run": "the time of --timeout is over"`) {
		t.Errorf("%v: %s", err, &out)
	}
}

// TestVerifyCodes: the worst outcome of a drill is its exit code.
func TestVerifyCodes(t *testing.T) {
	result := func(v verdict.Outcome, stop engine.StopKind, residue ...engine.Residue) *engine.Result {
		r := &engine.Result{Verdict: v, Residue: residue}
		if stop != "" {
			r.Stop = &engine.Stop{Kind: stop}
		}
		return r
	}
	for _, test := range []struct {
		name     string
		outcomes []drill.Outcome
		want     int
	}{
		{"held", []drill.Outcome{{Result: result(verdict.Held, "")}}, exitHeld},
		{"disproved beside inconclusive", []drill.Outcome{{Result: result(verdict.Inconclusive, "")}, {Result: result(verdict.Disproved, "")}}, exitDisproved},
		{"fail fast", []drill.Outcome{{Result: result(verdict.Disproved, "")}, {Ending: drill.ErrFailFast}}, exitDisproved},
		{"not begun", []drill.Outcome{{Result: result(verdict.Disproved, "")}, {Ending: errTimeout}}, exitStopped},
		{"timeout", []drill.Outcome{{Result: result(verdict.Stopped, engine.StopInterrupted), Ending: errTimeout}}, exitStopped},
		{"firedrill stop", []drill.Outcome{{Result: result(verdict.Stopped, engine.StopRequested)}, {Result: result(verdict.Stopped, engine.StopInterrupted), Ending: drill.ErrOrdered}}, exitStopped},
		{"Ctrl-C", []drill.Outcome{{Result: result(verdict.Stopped, engine.StopInterrupted), Ending: context.Canceled}, {Ending: context.Canceled}}, exitInterrupted},
		{"Ctrl-C before the first", []drill.Outcome{{Ending: context.Canceled}}, exitInterrupted},
		{"a run that failed", []drill.Outcome{{Result: result(verdict.Error, engine.StopError)}, {Ending: context.Canceled}}, exitError},
		{"residue", []drill.Outcome{{Result: result(verdict.Error, "", engine.Residue{})}, {Result: result(verdict.Stopped, engine.StopInterrupted), Ending: drill.ErrResidue}}, exitUndo},
	} {
		code := exitHeld
		for _, o := range test.outcomes {
			code = worse(code, outcomeCode(o))
		}
		if code != test.want {
			t.Errorf("%s: %d instead of %d", test.name, code, test.want)
		}
	}
}

// TestBoard: on a terminal each run has a line that redraws itself; what happened stays above.
func TestBoard(t *testing.T) {
	jobs := []drill.Job{{File: "x/a.yaml", Experiment: &experiment.Experiment{Title: "A"}}, {File: "y/a.yaml", Experiment: &experiment.Experiment{Title: "B"}}}
	var out bytes.Buffer
	a := &app{stderr: io.Discard, output: "text"}
	b := a.newBoard(jobs, &out)
	b.terminal, b.width = true, func() int { return 60 }
	two, one := b.begin(&jobs[1], 1), b.begin(&jobs[0], 1)
	one.observe(engine.Event{Kind: engine.EventPhase, Phase: engine.PhaseFault, Length: time.Hour, At: time.Now()})
	one.observe(engine.Event{Kind: engine.EventApplied, Condition: "slow", Target: "hello"})
	two.observe(engine.Event{Kind: engine.EventNote, Message: "two\nlines"})
	if left := b.left(); len(left) != 1 || left[0] != `"slow" on hello` {
		t.Errorf("left: %q", left)
	}
	b.end(two)
	b.standing(drill.Standing{Ended: &drill.Outcome{Job: &jobs[1], Result: &engine.Result{Verdict: verdict.Held}}, Done: 1, Running: 1, All: 2, Left: time.Hour})
	b.end(one)
	b.clear()
	got := screen(out.String())
	if want := "y/a.yaml | note: two lines\ny/a.yaml | held: B\n"; got != want {
		t.Errorf("the screen shows %q", got)
	}
	for _, text := range []string{"1 of 2 done, 1 running, about 1h0m0s left\n", "x/a.yaml                 fault     [            ] 1h0m0s…\n"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q was never shown: %q", text, out.String())
		}
	}
}

// screen is what a terminal shows in the end.
func screen(text string) string {
	var lines []string
	for text != "" {
		var up int
		if n, _ := fmt.Sscanf(text, "\x1b[%dA", &up); n == 1 {
			lines = lines[:len(lines)-up]
			_, text, _ = strings.Cut(text, "\r\x1b[J")
			continue
		}
		line, rest, _ := strings.Cut(text, "\n")
		lines, text = append(lines, line), rest
	}
	return strings.Join(append(lines, ""), "\n")
}
