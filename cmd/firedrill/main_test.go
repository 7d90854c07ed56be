package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// atOnce is how many tests run side by side. Most of them wait for runs, which last as long as their phases.
const atOnce = 4

// TestMain makes firedrill a command of the scripts: each runs it as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv(asFiredrill) != "" {
		os.Exit(run(os.Args[1:]))
	}
	_ = flag.Set("test.parallel", strconv.Itoa(atOnce)) // unless -parallel says otherwise
	testscript.Main(m, map[string]func(){
		"firedrill": func() { os.Exit(run(os.Args[1:])) },
	})
}

// TestScripts runs the command line as a user types it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"server", "other"} { // an application, and another one that shares nothing with it
				server := httptest.NewServer(http.HandlerFunc(serve))
				env.Defer(server.Close)
				env.Setenv(name, server.URL)
			}
			env.Setenv("TERM", "dumb")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command of a race build ends a second late
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor,
			"sub":     substitute,
			"bigfile": bigFile,
			"exits":   exits,

			"demofolder": demoFolder,

			"checkout":    checkout,
			"functionzip": functionZip,
		},
	})
}

// waitFor FILE TEXT waits until a file, named with wildcards if need be, holds a text; with ! until none does.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE TEXT")
	}
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if holds(ts.MkAbs(args[0]), args[1]) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never came to hold %q", args[0], args[1])
		}
		<-tick.C
	}
}

func holds(pattern, text string) bool {
	names, _ := filepath.Glob(pattern)
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}

// substitute FILE OLD NEW replaces a text in a file.
func substitute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sub FILE OLD NEW")
	}
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	if !strings.Contains(string(data), args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(string(data), args[1], args[2])), 0o644))
}

// serve is the application of the scripts: a page with a number, and a Prometheus that knows one query.
func serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/v1/query") {
		fmt.Fprintln(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"7"]}]}}`)
		return
	}
	fmt.Fprintln(w, `{"ok":true,"n":41}`)
}

// exits CODE PROGRAM ARG... runs a program that must end with an exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = strconv.Itoa(exit.ExitCode())
	}
	if code != args[0] {
		ts.Fatalf("exit code %s instead of %s", code, args[0])
	}
}

// bigFile FILE makes a file of 100 MB that takes no room.
func bigFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: bigfile FILE")
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(f.Truncate(100 << 20))
	ts.Check(f.Close())
}
