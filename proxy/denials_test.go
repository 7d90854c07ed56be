//go:build linux && (amd64 || arm64)

package proxy

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/denylist"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// asLibrary writes to a state as the library does.
func asLibrary(t *testing.T, state *denylist.State, at int64, n byte) {
	t.Helper()
	file, err := os.OpenFile(state.Path(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{n}, at); err != nil {
		t.Fatal(err)
	}
}

const atLoaded, atDenied = 12, 16

func denylistOf(t *testing.T, pattern string) fault.Injection {
	t.Helper()
	set, problems := fault.Parse([]byte(`{"denylist":{"enabled":true,"deny_list":["` + pattern + `"]}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return set.Plan(fault.Invocation{}, time.Now()).Before[0]
}

// What is recorded for a denylist is what the library has counted while it was in force.
func TestDenials(t *testing.T) {
	state, err := denylist.Open("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	log := &safeBuffer{}
	d := &denials{state: state}
	during := func(i fault.Injection, fn func()) string {
		t.Helper()
		before := len(log.records())
		var taken holds
		taken.deny(d, i, time.Now().Add(time.Hour), time.Time{}, entry{journal: &journal{log: log}, id: "r"})
		fn()
		taken.release()
		taken.release()
		records := log.records()[before:]
		if len(records) != 1 {
			t.Fatalf("%d records: %v", len(records), records)
		}
		return records[0]
	}
	simple := denylistOf(t, "a")
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("recorded %q, want %q", got, want)
		}
	}
	expect(during(simple, func() {}), "r denylist 0/1 unsupported")
	asLibrary(t, state, atLoaded, 1)
	expect(during(simple, func() {}), "r denylist 0/1 no lookup of a denied host")
	number := byte(3) // the next one
	expect(during(simple, func() { asLibrary(t, state, atDenied+4*int64(number&1), 2) }), "r denylist 1/1")
	second := &safeBuffer{}
	during(simple, func() {
		var none holds
		none.deny(d, simple, time.Now().Add(time.Hour), time.Time{}, entry{journal: &journal{log: second}, id: "r"})
	})
	expect(strings.Join(second.records(), ""), "r denylist 0/1 another invocation's denylist is in force")
	expect(during(denylistOf(t, "a.{40}b"), func() {}), "r denylist 0/1 the patterns are too large")
	if text := log.String(); !strings.Contains(text, `a.{40}b`) {
		t.Errorf("no problem names the pattern: %s", text)
	}
	expect(during(simple, func() {}), "r denylist 0/1 no lookup of a denied host")
}

// A denylist that has hit something is in the mark on the response, although it is recorded after that.
func TestDenialIsInTheMark(t *testing.T) {
	const set = `{"denylist":{"enabled":true,"hosts":["db"]},"firedrill":{"run":"01J"}}`
	for hits, want := range map[byte]string{0: "none;run=01J", 2: "denylist;run=01J"} {
		state, err := denylist.Open("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		asLibrary(t, state, atLoaded, 1)
		got := make(chan string, 1)
		g := behind(t, Options{Source: parse(t, set), Getenv: marking, Denylist: state}, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				w.Header().Set(runtimeapi.HeaderRequestID, "r-1")
				return
			}
			body, _ := io.ReadAll(r.Body)
			got <- fault.ReadMark(body)
			w.WriteHeader(http.StatusAccepted)
		})
		c := g.dial(t)
		c.send(askNext)
		c.answer("GET")
		asLibrary(t, state, atDenied+4, hits) // of the first denial
		c.send(respondWith(`{"statusCode":200}`))
		c.answer("POST")
		if mark := <-got; mark != want {
			t.Errorf("%d hits: %q, want %q", hits, mark, want)
		}
	}
}

func TestPreload(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, spaced := write("lib.so"), write("a lib.so")
	for name, tt := range map[string]struct {
		environ []string
		preload string // the variable; "" is what it was
		problem string
	}{
		"beside the program, where there is none": {[]string{"A=b"}, "", ""},
		"named":   {[]string{Preload + "=" + good}, good, ""},
		"others":  {[]string{Preload + "=" + good, linker + "=x.so y.so", denylist.Variable + "=/old"}, good + ":x.so y.so", ""},
		"missing": {[]string{Preload + "=/nowhere/lib.so", linker + "=x.so"}, "", "no such file"},
		"spaces":  {[]string{Preload + "=" + spaced}, "", "takes no such path"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			got, state := preload(tt.environ, lookup(tt.environ), &journal{log: &log})
			if (tt.problem == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.problem) {
				t.Errorf("problems: %s", log.String())
			}
			if tt.preload == "" {
				if state != nil || !slices.Equal(got, tt.environ) {
					t.Errorf("the environment became %v", got)
				}
				return
			}
			defer state.Close()
			if v := lookup(got)(linker); v != tt.preload {
				t.Errorf("%s=%s, want %s", linker, v, tt.preload)
			}
			if v := lookup(got)(denylist.Variable); v != state.Path() {
				t.Errorf("%s=%s, want %s", denylist.Variable, v, state.Path())
			}
		})
	}
}
