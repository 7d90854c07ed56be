package kinds_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/demo/kinds"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/local"
)

func environment(name string) string {
	return map[string]string{"AWS_REGION": "us-east-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}[name]
}

// functions are the names in the functions file.
func functions(t *testing.T) (names []string) {
	t.Helper()
	text, err := fs.ReadFile(kinds.Files, kinds.FunctionsFile)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := local.ParseFile(kinds.FunctionsFile, []byte(strings.ReplaceAll(string(text), "${self}", "/bin/firedrill")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range cfg.Functions {
		if !slices.Equal(f.Command, []string{"/bin/firedrill", "demo", "function", f.Name}) || f.Layer {
			t.Errorf("%s is started by %q, layer %v", f.Name, f.Command, f.Layer)
		}
		names = append(names, f.Name)
	}
	return names
}

// TestFunctionsComeInPairs: each function of the file exists, and where there is a careless one, there is a careful one.
func TestFunctionsComeInPairs(t *testing.T) {
	names := functions(t)
	for _, name := range names {
		if strings.HasPrefix(name, "letter") || strings.HasPrefix(name, "resize") {
			continue // these limit the process that they run in, which is the test's
		}
		if _, err := kinds.Function(name, environment); err != nil {
			t.Error(err)
		}
		if pair, ok := strings.CutSuffix(name, "-careless"); ok && !slices.Contains(names, pair+"-careful") {
			t.Errorf("nothing mends %s", name)
		}
	}
	if _, err := kinds.Function("nothing", environment); err == nil {
		t.Error("there is a function called nothing")
	}
}

// TestEachKindHasAnExperiment: it parses without a warning for either variant, breaks with the kind that it is named
// after, and names functions that there are.
func TestEachKindHasAnExperiment(t *testing.T) {
	names := functions(t)
	for _, info := range fault.Kinds() {
		file := string(info.Kind) + ".yaml"
		text, err := fs.ReadFile(kinds.Files, file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, variant := range []string{"careless", "careful"} {
			x, problems := experiment.Parse(text, experiment.Options{File: file, Vars: map[string]string{"variant": variant}})
			for _, p := range problems {
				t.Errorf("%s", p)
			}
			if x == nil {
				continue
			}
			if c := x.Conditions[0]; c.Fault != string(info.Kind) || !slices.Contains(names, c.Target.Lambda) {
				t.Errorf("%s: %s on %q", file, c.Fault, c.Target.Lambda)
			}
			if longest := x.Phases.Baseline + x.Phases.Fault; longest.Seconds() > 9 {
				t.Errorf("%s takes %s: it is to be looked at, not waited for", file, longest)
			}
		}
	}
}
