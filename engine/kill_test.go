package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The variables that turn the test binary into a run, or a recovery, that kills itself at a journal record.
const (
	killMode   = "FIREDRILL_TEST_KILL_MODE" // run, recover
	killAt     = "FIREDRILL_TEST_KILL_AT"
	killBefore = "FIREDRILL_TEST_KILL_BEFORE" // set: before the record is written, else right after
	killDir    = "FIREDRILL_TEST_KILL_DIR"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(killMode); mode != "" {
		if err := victim(mode, os.Getenv(killDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// victim is the process that dies.
func victim(mode, dir string) error {
	ctx := context.Background()
	at, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return err
	}
	n := map[bool]int{} // records that were about to be written, and that were: some go to the disk together
	hook := func(_ int, written bool) {
		n[written]++
		if n[written] == at && written == (os.Getenv(killBefore) == "") {
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				_ = p.Kill()
			}
			select {}
		}
	}
	state := NewState(filepath.Join(dir, "state"))
	if mode == "recover" {
		_, err := state.Recover(ctx, "", RecoverOptions{Revert: fileRegistry().Revert, journalHook: hook})
		return err
	}
	x, err := killExperiment(dir)
	if err != nil {
		return err
	}
	r, err := Run(ctx, x, Options{Registry: fileRegistry(), State: state, journalHook: hook})
	if err == nil && r.Verdict != verdict.Inconclusive { // nobody counts injections here
		err = fmt.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	return err
}

// fileRegistry is the real action for fault-set files, and a probe that always reads.
func fileRegistry() Registry {
	factory := action.NewFactory(action.Deps{})
	return Registry{
		Actions: func(ctx context.Context, c experiment.Condition, p ActionParams) ([]Targeted, error) {
			var all []Targeted
			for _, name := range append(c.Target.Functions, c.Target.File) { // a group of files, or one
				if name == "" {
					continue
				}
				c.Target = experiment.Target{File: name}
				sets, err := factory.FaultSets(ctx, c, action.Params{Run: p.Run, Lease: p.Lease, Share: p.Share})
				if err != nil {
					return nil, err
				}
				all = append(all, Targeted{Action: sets[0], Key: sets[0].Key(), Label: filepath.Base(name)})
			}
			return all, nil
		},
		Revert: func(kind string) (Action, error) { return factory.Restore(kind) },
		Probe: func(experiment.Measure) (Probe, error) {
			return probeFunc(func(context.Context) (verdict.Observation, error) {
				return verdict.Observation{At: time.Now(), Value: 1}, nil
			}), nil
		},
	}
}

// killExperiment puts two faults on one file, one on a file that does not exist, and one on a group of files.
func killExperiment(dir string) (*experiment.Experiment, error) {
	always, err := verdict.ParseExpectation("count >= 1")
	if err != nil {
		return nil, err
	}
	present, absent := experiment.Target{File: filepath.Join(dir, "present.json")}, experiment.Target{File: filepath.Join(dir, "absent.json")}
	group := experiment.Target{Functions: []string{filepath.Join(dir, "first.json"), filepath.Join(dir, "second.json"), filepath.Join(dir, "third.json")}}
	return &experiment.Experiment{
		Title:    "kill",
		Measures: []experiment.Measure{{Name: "up", Of: "command", Expect: always, Every: 5 * time.Millisecond}},
		Conditions: []experiment.Condition{
			{Name: "slow", Fault: "latency", Target: present, Percentage: 100, With: fault.Attributes{"min_latency": 100.0, "max_latency": 200.0}},
			{Name: "wrong", Fault: "exception", Target: present, Percentage: 50, With: fault.Attributes{"exception_msg": "boom"}},
			{Name: "new", Fault: "statuscode", Target: absent, Percentage: 50, With: fault.Attributes{"status_code": 503.0}},
			{Name: "many", Fault: "latency", Target: group, Percentage: 100, With: fault.Attributes{"min_latency": 10.0, "max_latency": 20.0}},
		},
		Phases: experiment.Phases{Baseline: 10 * time.Millisecond, BaselineMax: 10 * time.Second, Fault: 30 * time.Millisecond, Recovery: 10 * time.Millisecond},
		Stages: []float64{50, 100}, Lease: 60 * time.Second,
	}, nil
}

// before is the fault set as its owner wrote it: odd spacing, a fault of their own, a kind that ours replaces.
const before = "{ \"statuscode\":{\"enabled\":true,\"status_code\":5e2} ,\n\t\"latency\": {\"enabled\": false}, \"firedrill\": {\"seed\": 7} }"

// killed starts a victim that dies at record n and reports whether it lived long enough.
func killed(t *testing.T, mode, dir string, n int, early bool) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), killMode+"="+mode, killDir+"="+dir, killAt+"="+strconv.Itoa(n))
	if early {
		cmd.Env = append(cmd.Env, killBefore+"=1")
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false
	case errors.As(err, &exit) && len(out) == 0:
		return true
	}
	t.Fatalf("the victim failed by itself: %v\n%s", err, out)
	return false
}

// there are the files that exist before the run; the third of the group does not.
var there = []string{"first.json", "present.json", "second.json"}

func writePresent(t *testing.T, dir string) {
	t.Helper()
	for _, name := range there {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(before), 0o640), os.Chmod(path, 0o640)); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
}

// restored recovers in this process and compares the world with what it was, byte for byte.
func restored(t *testing.T, dir, when string) {
	t.Helper()
	state := NewState(filepath.Join(dir, "state"))
	for range 2 { // the second time there is nothing left to do
		got, err := state.Recover(t.Context(), "", RecoverOptions{Revert: fileRegistry().Revert})
		if err != nil {
			t.Fatalf("%s: recover: %v", when, err)
		}
		for _, r := range got {
			if r.Failed() || len(r.Notes) > 0 {
				t.Errorf("%s: recover: %+v", when, r)
			}
			for _, c := range r.Conditions {
				if c.Drift != "" {
					t.Errorf("%s: nobody else changed anything, but: %s", when, c.Drift)
				}
			}
		}
	}
	for _, name := range there {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil || string(text) != before {
			t.Errorf("%s: the fault set %s is now %q, %v", when, name, text, err)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm() != 0o640 {
			t.Errorf("%s: the mode of %s is now %v", when, name, info.Mode())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "state" && !slices.Contains(there, e.Name()) {
			t.Errorf("%s: left behind: %s", when, e.Name())
		}
	}
}

// TestKillAtEveryRecord kills a run with SIGKILL before and after every record of its journal, then recovers.
func TestKillAtEveryRecord(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("before=%v", early), func(t *testing.T) {
			t.Parallel()
			n := 1
			for ; ; n++ {
				dir := t.TempDir()
				writePresent(t, dir)
				died := killed(t, "run", dir, n, early)
				restored(t, dir, fmt.Sprintf("killed at record %d", n))
				if !died {
					break
				}
			}
			if n < 31 { // the second stage may be missing on a machine too busy to read the probe in the first
				t.Errorf("only %d records: this was no whole run", n-1)
			}
		})
	}
}

// TestKillRecoveryAtEveryRecord kills a run in its fault phase, then the recovery at every record of its own.
func TestKillRecoveryAtEveryRecord(t *testing.T) {
	const inFault = 16 // run, frozen, baseline, 6 prepared, 6 applied, fault
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprintf("before=%v", early), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				dir := t.TempDir()
				writePresent(t, dir)
				if !killed(t, "run", dir, inFault, false) {
					t.Fatal("the run survived")
				}
				died := killed(t, "recover", dir, n, early)
				restored(t, dir, fmt.Sprintf("recovery killed at record %d", n))
				if !died {
					if n < 14 {
						t.Errorf("only %d records: this was no whole recovery", n-1)
					}
					return
				}
			}
		})
	}
}
