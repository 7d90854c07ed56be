package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// canaryFunctions are a function in four versions: 1 serves users, 2 is as good, 3 fails always, 4 fails once it is slow.
const canaryFunctions = `version: 1
http: {listen: 127.0.0.1:0, routes: {GET /hello: "hello:live"}}
lambda: {listen: 127.0.0.1:0}
functions:
  hello:
    command: ["${self}", demo, function, hello]
    environment: {` + asFiredrill + `: "1"}
    timeout: 20s
    versions:
      1: {}
      2: {description: as good}
      3: {command: ["${self}", demo, function, none]}
      4: {timeout: 1s}
    aliases: {live: 1}
`

// canaryExperiment compares both versions while greetings are late, in a way that no busy machine can mistake.
const canaryExperiment = `version: 1
title: Late greetings
objective: The new version fails no more than the old one while greetings are late
load:
  users:    {http: "GET ${api}/hello", rate: 2/s, timeout: 30s}
  canary:   {lambda: "${function}:${canary}", body: '{}', rate: 6/s, timeout: 30s}
  baseline: {lambda: "${function}:${baseline}", body: '{}', rate: 6/s, timeout: 30s}
measures:
  - {name: users, of: load.users, expect: error_rate < 60%}
  - {name: compared, of: load.canary, against: load.baseline, expect: error_rate <= +20%}
conditions:
  - {name: late, fault: latency, target: {lambda: hello}, with: {min: 1500ms, max: 1500ms}}
phases: {baseline: 3s, baseline_max: 30s, fault: ${fault}, recovery: 2s}
`

// A tower sees every change of an alias on its way to a host.
type tower struct {
	localHost
	url string

	mu      sync.Mutex
	changes []leads
}

// leads is where an alias is led.
type leads struct {
	FunctionVersion string
	RevisionId      string `json:"RevisionId,omitempty"`
	RoutingConfig   struct{ AdditionalVersionWeights map[string]float64 }
}

// newTower starts a host and a server in front of its Lambda API.
func newTower(t *testing.T) *tower {
	t.Helper()
	w := &tower{localHost: startLocal(t, canaryFunctions)}
	to, err := url.Parse(w.lambda)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/aliases/") {
			body, err := io.ReadAll(r.Body)
			var change leads
			if err = errors.Join(err, json.Unmarshal(body, &change)); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			w.mu.Lock()
			w.changes = append(w.changes, change)
			w.mu.Unlock()
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// shares are the shares of the canary, in percent, that changes have led to it.
func (w *tower) shares(canary string) (out []float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.changes {
		share := c.RoutingConfig.AdditionalVersionWeights[canary] * 100
		if c.FunctionVersion == canary {
			share = 100
		}
		out = append(out, share)
	}
	return out
}

// alias is where the alias leads now.
func (w *tower) alias(t *testing.T) string {
	t.Helper()
	var now leads
	if err := json.Unmarshal([]byte(fetch(t, http.MethodGet, w.lambda+"/2015-03-31/functions/hello/aliases/live")), &now); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(now.FunctionVersion, now.RoutingConfig.AdditionalVersionWeights)
}

// canary is the command that sends a version on its way, in a folder with the experiment.
func (w *tower) canary(t *testing.T, dir, version, fault string, more ...string) *exec.Cmd {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "late.yaml"), []byte(canaryExperiment), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"canary", "late.yaml", "--alias", "hello:live", "--version", version, "--bake", "100ms", "--endpoint-url", w.url, "--var", "api=" + w.api, "--var", "fault=" + fault}
	return command(t.Context(), dir, append(args, more...)...)
}

func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// TestCanary sends a good version to all users, and bad ones back: one that fails always, and one that only a fault shows.
// Neither of these ever gets all of the traffic.
func TestCanary(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version string
		exit    int
		shares  []float64
		alias   string
		says    string
	}{
		{"2", exitHeld, []float64{5, 25, 50, 100}, "2map[]", "PROMOTED: it held at 5, 25, 50 and 100 %"},
		{"3", exitDisproved, []float64{5, 0}, "1map[]", "without any fault"},
		{"4", exitDisproved, []float64{5, 0}, "1map[]", "DISPROVED, ROLLED BACK: at 5 %"},
	} {
		t.Run("version "+tc.version, func(t *testing.T) {
			t.Parallel()
			w := newTower(t)
			dir := t.TempDir()
			out, err := w.canary(t, dir, tc.version, "7s", "--retries", "2").CombinedOutput()
			if exitOf(err) != tc.exit || !strings.Contains(string(out), tc.says) {
				t.Errorf("%v, want exit code %d and %q:\n%s", err, tc.exit, tc.says, out)
			}
			if got := w.shares(tc.version); !slices.Equal(got, tc.shares) {
				t.Errorf("it was led to %v, want %v", got, tc.shares)
			}
			if got := w.alias(t); got != tc.alias {
				t.Errorf("the alias leads to %s, want %s", got, tc.alias)
			}
			if out, err := command(t.Context(), dir, "status").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing is left to undo") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// inTheAir waits until the alias leads to the canary, and a fault is there as well.
func (w *tower) inTheAir(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		journals, _ := filepath.Glob(filepath.Join(dir, ".firedrill/runs/*/journal.jsonl"))
		applied := 0
		for _, name := range journals {
			text, _ := os.ReadFile(name)
			applied += min(bytes.Count(text, []byte(`"type":"applied"`)), 1)
		}
		if applied == 2 {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the canary never took off")
		}
	}
}

// TestCanaryComesBack in each way that ends it before its time, from the middle of an experiment; after a kill -9 as well.
func TestCanaryComesBack(t *testing.T) {
	t.Parallel()
	stop := func(t *testing.T, _ *exec.Cmd, dir string, _ *tower) {
		out, err := command(t.Context(), dir, "stop").CombinedOutput()
		if err != nil {
			t.Errorf("stop: %v: %s", err, out)
		}
	}
	for name, tc := range map[string]struct {
		exit  int
		alias string
		end   func(t *testing.T, cmd *exec.Cmd, dir string, w *tower)
	}{
		"interrupted": {exitInterrupted, "1map[]", func(t *testing.T, cmd *exec.Cmd, _ string, _ *tower) {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}},
		"stopped": {exitStopped, "1map[]", stop},
		"kill switch": {exitStopped, "1map[]", func(t *testing.T, _ *exec.Cmd, dir string, _ *tower) {
			if out, err := command(t.Context(), dir, "killswitch", "on").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}},
		"moved": {exitStopped, "1map[3:0.5]", func(t *testing.T, _ *exec.Cmd, _ string, w *tower) {
			w.theirs(t, `{"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.5}}}`)
		}},
		"a second one": {exitStopped, "1map[]", func(t *testing.T, cmd *exec.Cmd, dir string, w *tower) {
			out, err := w.canary(t, dir, "4", "1s").CombinedOutput()
			if exitOf(err) != exitError || !strings.Contains(string(out), "is in use by 01") {
				t.Errorf("%v, %s", err, out)
			}
			stop(t, cmd, dir, w)
		}},
		"killed": {-1, "1map[]", func(t *testing.T, cmd *exec.Cmd, _ string, _ *tower) {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTower(t)
			dir := t.TempDir()
			cmd := w.canary(t, dir, "2", "10m")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.inTheAir(t, dir)
			tc.end(t, cmd, dir, w)
			if code := exitOf(cmd.Wait()); code != tc.exit {
				t.Errorf("exit code %d, want %d:\n%s", code, tc.exit, &out)
			}
			if name == "killed" {
				if got := w.alias(t); got != "1map[2:0.05]" {
					t.Errorf("a process that is killed puts nothing back, but the alias leads to %s", got)
				}
				if out, err := command(t.Context(), dir, "recover", "--endpoint-url", w.url).CombinedOutput(); err != nil {
					t.Errorf("recover: %v: %s", err, out)
				}
			}
			if got := w.alias(t); got != tc.alias {
				t.Errorf("the alias leads to %s, want %s:\n%s", got, tc.alias, &out)
			}
			noFaultIsLeft(t, dir)
		})
	}
}

// theirs is somebody else's change of the alias.
func (w *tower) theirs(t *testing.T, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, w.lambda+"/2015-03-31/functions/hello/aliases/live", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
}

var faultSetFile = regexp.MustCompile(`file:([^"]+\.json)`)

// noFaultIsLeft looks into all fault sets that the journals of a folder name.
func noFaultIsLeft(t *testing.T, dir string) {
	t.Helper()
	journals, _ := filepath.Glob(filepath.Join(dir, ".firedrill/runs/*/journal.jsonl"))
	seen := 0
	for _, name := range journals {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range faultSetFile.FindAllSubmatch(text, -1) {
			seen++
			if set, err := os.ReadFile(string(match[1])); err == nil && strings.Contains(string(set), "latency") {
				t.Errorf("the fault is still there: %s", set)
			}
		}
	}
	if seen == 0 {
		t.Error("no journal names a fault set")
	}
}

// TestDemoCanary plans the canary of the demo's shop.
func TestDemoCanary(t *testing.T) {
	folder, err := filepath.Abs("../../demo")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t.Context(), t.TempDir(), "canary", filepath.Join(folder, "canary"), "--local", filepath.Join(folder, "versions.yaml"), "--alias", "purchase:live", "--version", "4", "--dry-run").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "lead 100 % of the invocations to version 4") || !strings.Contains(string(out), `condition "slow inventory"`) {
		t.Errorf("%v:\n%s", err, out)
	}
}
