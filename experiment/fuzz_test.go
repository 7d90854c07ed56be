package experiment

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/firedrill-dev/firedrill/fault"
)

// FuzzParse looks for files that make Parse panic, take for ever, accept with a mistake, or accept what the
// parts behind it would refuse.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add(Template())
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip("long files only make it slow")
		}
		x, problems := Parse(data, options("f.yaml"))
		if (x == nil) != anyFatal(problems) {
			t.Fatalf("x is %v with problems:\n%s", x, problemText(problems))
		}
		if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.Line - b.Line }) {
			t.Error("problems are not in the order of the file")
		}
		for _, p := range problems {
			if p.Message == "" || p.File != "f.yaml" || p.Line < 1 {
				t.Errorf("an incomplete problem: %+v", p)
			}
		}
		if x != nil {
			checkAccepted(t, x)
		}
	})
}

func checkAccepted(t *testing.T, x *Experiment) {
	if len(x.Measures) == 0 || len(x.Conditions) == 0 || x.Phases.Baseline <= 0 || x.Phases.Fault <= 0 || x.Phases.Recovery <= 0 || x.Lease <= 0 {
		t.Errorf("accepted without what a run needs: %+v", x)
	}
	for _, c := range x.Conditions {
		if _, err := fault.Member(fault.Kind(c.Fault), c.With, c.Percentage, c.Match); err != nil {
			t.Errorf("accepted a condition that no fault set can hold: %v", err)
		}
		given := 0
		for _, set := range []bool{c.Target.Lambda != "", len(c.Target.Functions) > 1, c.Target.Tag != "", c.Target.SSM != "", c.Target.S3 != "", c.Target.AppConfig != "", c.Target.File != ""} {
			if set {
				given++
			}
		}
		if given != 1 || c.Target.String() == "" {
			t.Errorf("accepted the target %+v", c.Target)
		}
	}
	for _, l := range x.Loads {
		if len(l.Rate) == 0 || l.Rate[len(l.Rate)-1].For != 0 || (l.HTTP == nil) == (l.Lambda == "") {
			t.Errorf("accepted the load %+v", l)
		}
	}
	if _, err := json.Marshal(x); err != nil {
		t.Errorf("accepted what no report can hold: %v", err)
	}
}
