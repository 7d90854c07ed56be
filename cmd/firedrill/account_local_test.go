package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultsAroundLocalFunctions runs the experiments of demo/statement on a host that outlives them: users feel the fault, and
// afterwards the function is what it was.
func TestFaultsAroundLocalFunctions(t *testing.T) {
	functions, err := os.ReadFile("../../demo/statement/functions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(functions), "TABLE: orders", "TABLE: orders, "+asFiredrill+`: "1"`, 1)
	experiments, err := filepath.Glob("../../demo/statement/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range experiments {
		name := filepath.Base(file)
		if name == "functions.yaml" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := startLocal(t, text)
			before := host.describe(t, "statement")
			file, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			out, err := command(t.Context(), t.TempDir(), "run", file, "--endpoint-url", host.lambda, "--var", "api="+host.api).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 3 {
				t.Errorf("%v, want exit code 3, disproved:\n%s", err, out)
			}
			if diff := cmp.Diff(before, host.describe(t, "statement")); diff != "" {
				t.Errorf("the function is not as before (-before +after):\n%s", diff)
			}
		})
	}
}

// describe is all that the Lambda API tells of a function, but for what changes with each write.
func (h localHost) describe(t *testing.T, function string) map[string]any {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal([]byte(fetch(t, "GET", h.lambda+"/2015-03-31/functions/"+function)), &whole); err != nil {
		t.Fatal(err)
	}
	configuration, ok := whole["Configuration"].(map[string]any)
	if !ok {
		t.Fatalf("no configuration: %v", whole)
	}
	delete(configuration, "RevisionId")
	delete(configuration, "LastModified")
	return whole
}

// TestAnAliasComesBack: half of the traffic goes to another version, and afterwards the alias leads where it led.
func TestAnAliasComesBack(t *testing.T) {
	t.Parallel()
	host := startLocal(t, `version: 1
http: {listen: 127.0.0.1:0, routes: {GET /hello: "hello:live"}}
lambda: {listen: 127.0.0.1:0}
functions:
  hello:
    command: ["${self}", demo, function, hello]
    environment: {`+asFiredrill+`: "1"}
    timeout: 9s
    versions: {1: {}, 2: {memory: 256}, 3: {memory: 512}}
    aliases: {live: {version: 2, weights: {1: 0.1}}}
`)
	alias := func() (got struct {
		FunctionVersion string
		RevisionId      string
		RoutingConfig   struct{ AdditionalVersionWeights map[string]float64 }
	}) {
		t.Helper()
		if err := json.Unmarshal([]byte(fetch(t, http.MethodGet, host.lambda+"/2015-03-31/functions/hello/aliases/live")), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	before := alias()
	dir := t.TempDir()
	const text = `version: 1
title: Half is old
objective: Greetings are answered
load: {greetings: {http: "GET ${api}/hello", rate: 20/s}}
measures: [{name: errors, of: load.greetings, expect: error_rate < 50%}]
conditions: [{name: half is old, fault: lambda-alias-weights, target: {alias: "hello:live"}, with: {version: 1, percent: 50}}]
phases: {baseline: 2s, fault: 2s, recovery: 2s}
`
	if err := os.WriteFile(filepath.Join(dir, "half.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := command(t.Context(), dir, "run", "half.yaml", "--endpoint-url", host.lambda, "--var", "api="+host.api).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	after := alias()
	if before.RevisionId == after.RevisionId {
		t.Error("nothing was changed")
	}
	after.RevisionId = before.RevisionId
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the alias is not as before (-before +after):\n%s", diff)
	}
}
