package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The variables that turn the test binary into a run, or a recovery, that kills itself at a journal record.
const (
	killMode   = "FIREDRILL_TEST_KILL_MODE" // run, rollout, recover, sleep
	killAt     = "FIREDRILL_TEST_KILL_AT"
	killBefore = "FIREDRILL_TEST_KILL_BEFORE" // set: before the record is written, else right after
	killDir    = "FIREDRILL_TEST_KILL_DIR"
	killTable  = "FIREDRILL_TEST_KILL_TABLE" // where a DynamoDB is; empty: the state is in a folder
	killRun    = "FIREDRILL_TEST_KILL_RUN"   // what to recover
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

// home is where the state of a victim is: in its folder, or in a table that victims share.
func home(dir, table string) engine.Home {
	if table == "" {
		return engine.Folder(filepath.Join(dir, "state"))
	}
	return dynamostate.New(aws.Config{
		Region: moto.Region, BaseEndpoint: &table, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &http.Client{Timeout: 10 * time.Second},
	}, dynamostate.Location{Table: "drills", Lease: 3 * time.Second})
}

// victim is the process that dies.
func victim(mode, dir string) error {
	ctx := context.Background()
	at, err := strconv.Atoi(os.Getenv(killAt))
	if err != nil {
		return err
	}
	state := engine.StateAt(&dying{Home: home(dir, os.Getenv(killTable)), at: at, early: os.Getenv(killBefore) != ""})
	if mode == "rollout" {
		return rolloutVictim(ctx, state, dir)
	}
	if mode == "recover" {
		_, err := state.Recover(ctx, os.Getenv(killRun), engine.RecoverOptions{Revert: fileRegistry().Revert})
		return err
	}
	x, err := killExperiment(dir, os.Getenv(killTable) != "")
	if err != nil {
		return err
	}
	if mode == "sleep" { // its fault phase lasts until something ends it
		x.Phases.Fault = time.Hour
	}
	r, err := engine.Run(ctx, x, engine.Options{Registry: fileRegistry(), State: state})
	if mode == "sleep" && r != nil { // it could not report: what is left to say is said here
		fmt.Println(r.Verdict, len(r.Residue), r.Reason)
		return nil
	}
	if err == nil && r.Verdict != verdict.Inconclusive { // nobody counts injections here
		err = fmt.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	return err
}

// A dying home kills the process at a record of a journal.
type dying struct {
	engine.Home
	at    int
	early bool

	mu sync.Mutex
	n  map[bool]int // records that were about to be written, and that were: some are written together
}

// Claim claims a run in which one dies.
func (d *dying) Claim(ctx context.Context, run string, fresh bool) (engine.Claim, error) {
	c, err := d.Home.Claim(ctx, run, fresh)
	d.n = map[bool]int{}
	return dyingClaim{c, d}, err
}

type dyingClaim struct {
	engine.Claim
	home *dying
}

// Append kills the process before or after a record is written.
func (c dyingClaim) Append(lines []byte, durable bool) error {
	records := bytes.Count(lines, []byte("\n"))
	c.home.count(records, false)
	err := c.Claim.Append(lines, durable)
	if err == nil {
		c.home.count(records, true)
	}
	return err
}

func (d *dying) count(records int, written bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.n[written]
	d.n[written] += records
	if written == d.early || d.at <= before || d.at > before+records {
		return
	}
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Kill()
	}
	select {}
}

// fileRegistry is the real action for fault-set files, and a probe that always reads.
func fileRegistry() engine.Registry {
	factory := action.NewFactory(action.Deps{})
	return engine.Registry{
		Actions: func(ctx context.Context, c experiment.Condition, p engine.ActionParams) ([]engine.Targeted, error) {
			var all []engine.Targeted
			for _, name := range append(c.Target.Functions, c.Target.File) { // a group of files, or one
				if name == "" {
					continue
				}
				c.Target = experiment.Target{File: name}
				sets, err := factory.FaultSets(ctx, c, action.Params{Run: p.Run, Lease: p.Lease, Share: p.Share})
				if err != nil {
					return nil, err
				}
				all = append(all, engine.Targeted{Action: sets[0], Key: sets[0].Key(), Label: filepath.Base(name)})
			}
			return all, nil
		},
		Revert: func(kind string) (engine.Action, error) {
			if kind == "dial" {
				return dial{}, nil
			}
			return factory.Restore(kind)
		},
		Probe: func(experiment.Measure) (engine.Probe, error) {
			return always{}, nil
		},
	}
}

// always reads the same.
type always struct{}

// Read reads it.
func (always) Read(context.Context) (verdict.Observation, error) {
	return verdict.Observation{At: time.Now(), Value: 1}, nil
}

// killExperiment puts two faults on one file, one on a file that does not exist, and one on a group of files. A small
// one leaves the middle two out, which are about files.
func killExperiment(dir string, small bool) (*experiment.Experiment, error) {
	up, err := verdict.ParseExpectation("count >= 1")
	if err != nil {
		return nil, err
	}
	present, absent := experiment.Target{File: filepath.Join(dir, "present.json")}, experiment.Target{File: filepath.Join(dir, "absent.json")}
	group := experiment.Target{Functions: []string{filepath.Join(dir, "first.json"), filepath.Join(dir, "second.json"), filepath.Join(dir, "third.json")}}
	x := &experiment.Experiment{
		Title:    "kill",
		Measures: []experiment.Measure{{Name: "up", Of: "command", Expect: up, Every: 5 * time.Millisecond}},
		Conditions: []experiment.Condition{
			{Name: "slow", Fault: "latency", Target: present, Percentage: 100, With: fault.Attributes{"min_latency": 100.0, "max_latency": 200.0}},
			{Name: "wrong", Fault: "exception", Target: present, Percentage: 50, With: fault.Attributes{"exception_msg": "boom"}},
			{Name: "new", Fault: "statuscode", Target: absent, Percentage: 50, With: fault.Attributes{"status_code": 503.0}},
			{Name: "many", Fault: "latency", Target: group, Percentage: 100, With: fault.Attributes{"min_latency": 10.0, "max_latency": 20.0}},
		},
		Phases: experiment.Phases{Baseline: 10 * time.Millisecond, BaselineMax: 10 * time.Second, Fault: 30 * time.Millisecond, Recovery: 10 * time.Millisecond},
		Stages: []float64{50, 100}, Lease: 60 * time.Second,
	}
	if small {
		x.Conditions = slices.Delete(x.Conditions, 1, 3)
	}
	return x, nil
}

// before is the fault set as its owner wrote it: odd spacing, a fault of their own, a kind that ours replaces.
const before = "{ \"statuscode\":{\"enabled\":true,\"status_code\":5e2} ,\n\t\"latency\": {\"enabled\": false}, \"firedrill\": {\"seed\": 7} }"

// A disaster is a series of victims that share a state: one dies at each record.
type disaster struct {
	table   string // empty: each victim has a folder
	changes int    // of the experiment
	early   func(n int) bool
	dirs    []string
}

// places are the homes that promise the same. The stand-in for DynamoDB is slow, so victims die there before every
// other record, and after those between.
func places(t *testing.T, each func(t *testing.T, d *disaster)) {
	for name, early := range map[string]bool{"before": true, "after": false} {
		t.Run("folder/"+name, func(t *testing.T) {
			t.Parallel()
			each(t, &disaster{changes: 6, early: func(int) bool { return early }})
		})
	}
	t.Run("dynamodb", func(t *testing.T) {
		t.Parallel()
		d := &disaster{table: moto.NewRelay(t, moto.Start(t)).URL, changes: 4, early: func(n int) bool { return n%2 == 0 }}
		if _, err := home("", d.table).(*dynamostate.Table).Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		each(t, d)
	})
}

// states are those of the victims: one each, or one for all.
func (d *disaster) states() []*engine.State {
	if d.table != "" {
		return []*engine.State{engine.StateAt(home("", d.table))}
	}
	var all []*engine.State
	for _, dir := range d.dirs {
		all = append(all, engine.NewState(filepath.Join(dir, "state")))
	}
	return all
}

// killed starts a victim that dies at record n and reports whether it did not live to its end.
func (d *disaster) killed(t *testing.T, mode, dir, run string, n int, early bool) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), killMode+"="+mode, killDir+"="+dir, killTable+"="+d.table, killRun+"="+run, killAt+"="+strconv.Itoa(n))
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

// newDir is the world of one victim.
func (d *disaster) newDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range there {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(before), 0o640), os.Chmod(path, 0o640)); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	d.dirs = append(d.dirs, dir)
	return dir
}

// dead waits until nobody counts as alive any more: in a table, claims must run out first.
func dead(t *testing.T, state *engine.State) (unfinished []engine.RunInfo) {
	t.Helper()
	for {
		live, unfinished, err := state.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(live) == 0 {
			return unfinished
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("still alive: %+v", live)
		}
	}
}

// restored recovers everything, in this process, and compares each victim's world with what it was, byte for byte.
func (d *disaster) restored(t *testing.T) {
	t.Helper()
	for _, state := range d.states() {
		dead(t, state)
		for range 2 { // the second time there is nothing left to do
			recoverAll(t, state)
		}
		if unfinished := dead(t, state); len(unfinished) > 0 {
			t.Errorf("still unfinished: %+v", unfinished)
		}
	}
	for _, dir := range d.dirs {
		compareWorld(t, dir)
	}
}

func recoverAll(t *testing.T, state *engine.State) {
	t.Helper()
	got, err := state.Recover(t.Context(), "", engine.RecoverOptions{Revert: fileRegistry().Revert})
	if err != nil {
		t.Fatalf("recover: %v", err)
	}
	for _, r := range got {
		if r.Failed() || len(r.Notes) > 0 {
			t.Errorf("recover: %+v", r)
		}
		for _, c := range r.Conditions {
			if c.Drift != "" {
				t.Errorf("%s: nobody else changed anything, but: %s", r.Run, c.Drift)
			}
		}
	}
}

func compareWorld(t *testing.T, dir string) {
	t.Helper()
	for _, name := range there {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil || string(text) != before {
			t.Errorf("the fault set %s is now %q, %v", path, text, err)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm() != 0o640 {
			t.Errorf("the mode of %s is now %v", path, info.Mode())
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "state" && !slices.Contains(there, e.Name()) {
			t.Errorf("left behind in %s: %s", dir, e.Name())
		}
	}
}

// TestKillAtEveryRecord kills a run with SIGKILL before and after every record of its journal, then recovers.
func TestKillAtEveryRecord(t *testing.T) {
	places(t, func(t *testing.T, d *disaster) {
		n := 1
		for d.killed(t, "run", d.newDir(t), "", n, d.early(n)) {
			n++
		}
		d.restored(t)
		if n <= 5*d.changes { // the second stage may be missing on a machine too busy to read the probe in the first
			t.Errorf("only %d records: this was no whole run", n-1)
		}
	})
}

// TestKillRecoveryAtEveryRecord kills runs in their fault phase, then their recoveries at every record of their own.
func TestKillRecoveryAtEveryRecord(t *testing.T) {
	places(t, func(t *testing.T, d *disaster) {
		inFault := 4 + 2*d.changes // run, frozen, baseline, prepared, applied, fault
		most := 2*d.changes + 4    // a recovery's records, and room for doubt
		var runs []string
		for range most {
			dir := d.newDir(t)
			if !d.killed(t, "run", dir, "", inFault, false) {
				t.Fatal("the run survived")
			}
			run, err := engine.StateAt(home(dir, d.table)).Find(t.Context(), "latest")
			if err != nil {
				t.Fatal(err)
			}
			runs = append(runs, run)
		}
		for _, state := range d.states() {
			dead(t, state)
		}
		n := 1
		for n < most && d.killed(t, "recover", d.dirs[n-1], runs[n-1], n, d.early(n)) {
			n++
		}
		d.restored(t)
		if n < 2*d.changes+2 || n == most {
			t.Errorf("%d records: this was no whole recovery", n-1)
		}
	})
}
