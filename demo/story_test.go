package demo_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/demo"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/local"
)

func TestFunctionsFileParses(t *testing.T) {
	data, err := fs.ReadFile(demo.Files, demo.FunctionsFile)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := local.ParseFile(demo.FunctionsFile, []byte(strings.ReplaceAll(string(data), "${self}", "/bin/firedrill")))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range cfg.Functions {
		if _, ok := demo.Function(f.Name, func(string) string { return "" }); !ok {
			t.Errorf("the file names a function %q that the demo does not have", f.Name)
		}
		if f.Layer == demo.WithSDK(f.Name) {
			t.Errorf("%s: layer is %v and SDK is %v: exactly one of them must inject", f.Name, f.Layer, demo.WithSDK(f.Name))
		}
		if !slices.Equal(f.Command, []string{"/bin/firedrill", "demo", "function", f.Name}) {
			t.Errorf("%s: command is %q", f.Name, f.Command)
		}
	}
}

func TestStoryParsesWithoutWarning(t *testing.T) {
	files, err := fs.Glob(demo.Files, "[el]*s/*.yaml") // experiments and lessons
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, act := range demo.Story() {
		told = append(told, act.File)
		data, err := fs.ReadFile(demo.Files, act.File)
		if err != nil {
			t.Fatal(err)
		}
		x, problems := experiment.Parse(data, experiment.Options{File: act.File, Vars: map[string]string{"api": "http://127.0.0.1:1"}})
		for _, p := range problems {
			t.Errorf("%s", p)
		}
		if x == nil {
			continue
		}
		if act.Expect != "held" && act.Expect != "disproved" {
			t.Errorf("%s: expects %q", act.File, act.Expect)
		}
		if longest := x.Phases.Baseline + x.Phases.Fault + x.Phases.Recovery; longest.Seconds() > 28 {
			t.Errorf("%s takes %s: three of them must end within 90 s", act.File, longest)
		}
	}
	slices.Sort(files)
	slices.Sort(told)
	if !slices.Equal(files, told) {
		t.Errorf("the story tells %q, the files are %q", told, files)
	}
}
