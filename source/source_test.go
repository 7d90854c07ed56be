package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// environ looks variables up in a map.
func environ(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

const armed = `{"exception":{"enabled":true}}`

func TestFromEnv(t *testing.T) {
	tests := []struct {
		name  string
		env   []string
		armed bool
		log   string // what its only line must contain; "" for no line
	}{
		{"unset", nil, false, ""},
		{"inline", []string{Config, armed}, true, ""},
		{"inline with space", []string{Config, " \n" + armed}, true, ""},
		{"variable", []string{Config, "env:FAULTS", "FAULTS", armed}, true, ""},
		{"variable that is not set", []string{Config, "env:FAULTS"}, false, ""},
		{"disarmed", []string{Config, `{"exception":{"enabled":false}}`}, false, ""},
		{"malformed", []string{Config, `{"exception":`}, false, "is not a JSON object"},
		{"bad member", []string{Config, `{"exception":{"enabled":"yes"}}`}, false, "exception.enabled"},
		{"unknown scheme", []string{Config, "ftp://faults"}, false, "is not a source that is known"},
		{"on the network", []string{Config, "ssm:/faults"}, false, "remote.FromEnv"},
		{"on the network, with a secret", []string{Config, "https://h/?signature=1"}, false, `"https:..."`},
		{"no scheme", []string{Config, "/tmp/faults.json"}, false, "is not a source that is known"},
		{"empty file name", []string{Config, "file:"}, false, "is not a source that is known"},
		{"disabled", []string{Config, armed, Disabled, "true"}, false, ""},
		{"disabled by 1", []string{Config, armed, Disabled, "1"}, false, ""},
		{"disabled by a word nobody knows", []string{Config, armed, Disabled, "yes please"}, false, ""},
		{"disabled for failure-lambda", []string{Config, armed, DisabledFailureLambda, "true"}, false, ""},
		{"not disabled", []string{Config, armed, Disabled, "false", DisabledFailureLambda, "0"}, true, ""},
		{"failure-lambda's parameter", []string{"FAILURE_INJECTION_PARAM", "/f"}, false, "FAILURE_INJECTION_PARAM"},
		{"chaos-lambda's parameter", []string{"CHAOS_PARAM", "/c"}, false, "CHAOS_PARAM"},
		{"chaos-lambda's parameter beside ours", []string{"CHAOS_PARAM", "/c", Config, armed}, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			s := FromEnv(environ(test.env...), &log)
			if got := s != nil && s.Faults(time.Now()) != nil; got != test.armed {
				t.Errorf("armed %v, want %v", got, test.armed)
			}
			checkLog(t, log.String(), test.log)
		})
	}
}

func checkLog(t *testing.T, log, want string) {
	t.Helper()
	lines := strings.Count(log, "\n")
	if want == "" && lines != 0 || want != "" && (lines != 1 || !strings.Contains(log, want)) {
		t.Errorf("log %q, want one line with %q", log, want)
	}
	if want != "" && !json.Valid([]byte(log)) {
		t.Errorf("log %q is not JSON", log)
	}
}

// fixture is a file source whose clock the test moves.
type fixture struct {
	t    *testing.T
	path string
	log  bytes.Buffer
	s    Source
	now  time.Time
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "faults.json")}
	f.s = FromEnv(environ(Config, "file:"+f.path), &f.log)
	f.now = time.Now() // after its first look
	return f
}

func (f *fixture) write(text string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// replace writes the file as careful writers do: beside it, then over it.
func (f *fixture) replace(text string) {
	f.t.Helper()
	next := f.path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(next, f.path); err != nil {
		f.t.Fatal(err)
	}
}

// armedAfter moves the clock and says whether there are faults.
func (f *fixture) armedAfter(d time.Duration) bool {
	f.now = f.now.Add(d)
	return f.s.Faults(f.now) != nil
}

func TestFileIsReadWhenItChanges(t *testing.T) {
	f := newFixture(t)
	steps := []struct {
		name   string
		change func()
		after  time.Duration
		want   bool
	}{
		{"no file", func() {}, pollEvery, false},
		{"written", func() { f.write(armed) }, pollEvery, true},
		{"disarmed, but not looked at yet", func() { f.replace(`{}`) }, pollEvery / 2, true},
		{"looked at", func() {}, pollEvery / 2, false},
		{"armed after an hour of frost", func() { f.replace(armed) }, time.Hour, true},
		{"clock set back, and disarmed", func() { f.replace(`{}`) }, -2 * time.Hour, false},
		{"armed again", func() { f.replace(armed) }, pollEvery, true},
		{"removed", func() { _ = os.Remove(f.path) }, pollEvery, false},
		{"empty", func() { f.write(" ") }, pollEvery, false},
	}
	for _, step := range steps {
		step.change()
		if got := f.armedAfter(step.after); got != step.want {
			t.Fatalf("%s: armed %v, want %v", step.name, got, step.want)
		}
	}
	checkLog(t, f.log.String(), "")
}

// A file that is written twice within a tick of the file system, to the same length, still counts.
func TestFileChangesWithinATick(t *testing.T) {
	f := newFixture(t)
	on, off := `{"exception":{"enabled":true }}`, `{"exception":{"enabled":false}}`
	stamp := time.Now()
	for i, text := range []string{on, off, on, off} {
		f.write(text)
		if err := os.Chtimes(f.path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
		f.now = stamp.Add(time.Duration(i) * time.Microsecond)
		f.s.(*file).looked.Store(0)
		if got := f.armedAfter(0); got != (text == on) {
			t.Fatalf("write %d: armed %v", i, got)
		}
	}
}

func TestFileThatCannotBeUsed(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *fixture)
		log    string
	}{
		{"malformed", func(f *fixture) { f.replace(`{"exception":`) }, "is not a JSON object"},
		{"binary", func(f *fixture) { f.replace("\x00\xff\xfe") }, "is not a JSON object"},
		{"too large for a fault set", func(f *fixture) { f.replace(strings.Repeat(" ", 1<<20) + armed) }, "bytes"},
		{"too large to read", func(f *fixture) { f.replace(strings.Repeat(" ", maxFile) + armed) }, "bytes"},
		{"a folder", func(f *fixture) {
			if err := os.Remove(f.path); err != nil {
				f.t.Fatal(err)
			}
			if err := os.Mkdir(f.path, 0o700); err != nil {
				f.t.Fatal(err)
			}
		}, "is not a regular file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			f.write(armed)
			if !f.armedAfter(pollEvery) {
				t.Fatal("not armed to begin with")
			}
			test.change(f)
			for range 5 {
				if f.armedAfter(pollEvery) {
					t.Fatal("the last good set outlives its replacement")
				}
			}
			checkLog(t, f.log.String(), test.log)
		})
	}
}

// Invocations read while a writer writes: no torn read may show, and nothing may race.
func TestFileConcurrently(t *testing.T) {
	f := newFixture(t)
	f.replace(armed)
	var wg sync.WaitGroup
	start := time.Now()
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				set := f.s.Faults(start.Add(time.Duration(i*4+g) * pollEvery))
				if set != nil && set.Plan(fault.Invocation{}, start).Empty() {
					t.Error("a set that plans nothing")
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 50 {
			f.replace([]string{armed, `{}`}[i%2])
		}
	})
	wg.Wait()
	checkLog(t, f.log.String(), "")
}

func TestFaultsDoesNotAllocate(t *testing.T) {
	f := newFixture(t)
	f.write(armed)
	now := f.now.Add(pollEvery)
	f.s.Faults(now)
	if n := testing.AllocsPerRun(100, func() { f.s.Faults(now) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkFaults(b *testing.B) {
	path := filepath.Join(b.TempDir(), "faults.json")
	if err := os.WriteFile(path, []byte(`{"latency":{"enabled":true,"percentage":0}}`), 0o600); err != nil {
		b.Fatal(err)
	}
	s := FromEnv(environ(Config, "file:"+path), nil)
	b.Run("between looks", func(b *testing.B) {
		now := time.Now()
		b.ReportAllocs()
		for b.Loop() {
			s.Faults(now)
		}
	})
	b.Run("looking", func(b *testing.B) {
		now := time.Now()
		b.ReportAllocs()
		for b.Loop() {
			now = now.Add(pollEvery)
			s.Faults(now)
		}
	})
}

func ExampleFromEnv() {
	getenv := environ(Config, `{"exception":{"enabled":true,"exception_msg":"drill"}}`)
	s := FromEnv(getenv, os.Stderr)
	plan := s.Faults(time.Now()).Plan(fault.Invocation{RequestID: "1"}, time.Now())
	fmt.Println(plan.Before[0].Kind, plan.Before[0].ErrorMessage)
	// Output: exception drill
}

func TestUnreadableFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	f := newFixture(t)
	f.write(armed)
	if err := errors.Join(os.Remove(f.path), os.Symlink(f.path, f.path)); err != nil { // permissions do not bind root
		t.Fatal(err)
	}
	if f.armedAfter(pollEvery) {
		t.Error("armed")
	}
	checkLog(t, f.log.String(), "symbolic links")
}
