package main

import (
	"encoding/json"
	"errors"
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
