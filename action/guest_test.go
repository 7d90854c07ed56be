package action

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// TestAnotherRunsFault: two runs from different state folders put the same fault on one target. The second is refused,
// and its undo, which nothing but its journal calls for, takes nothing of the first's away.
func TestAnotherRunsFault(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		second, _, err := one(p.factory().FaultSets(t.Context(), p.latency(), params("SECOND")))
		if err != nil {
			t.Fatal(err)
		}
		late, err := second.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.applied(t, p.factory(), p.latency())
		text, _ := p.get()
		var refused *Refused
		if err := second.Apply(t.Context(), late); !errors.As(err, &refused) {
			t.Errorf("the second run was not refused: %v", err)
		}
		if err := p.elsewhere(t, late); err != nil {
			t.Errorf("the second run has nothing to put back, and nothing of its own was changed: %v", err)
		}
		p.is(t, text, true)
	})
}

// TestOneKindTwice: two conditions whose targets turn out to be one would overwrite each other's fault.
func TestOneKindTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		f, again := p.factory(), p.latency()
		again.Name = "slow again"
		p.action(t, f, p.latency())
		p.action(t, f, p.latency()) // the same condition may be built again
		if _, _, err := one(f.FaultSets(t.Context(), again, params("RUN"))); hint(err) == "" {
			t.Errorf("got %v", err)
		}
		if _, _, err := one(f.FaultSets(t.Context(), again, params("ANOTHER"))); err != nil {
			t.Error(err)
		}
	})
}

// TestDanglingLink: replacing a link that leads nowhere would lose the link.
func TestDanglingLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink("nowhere.json", link); err != nil {
		t.Fatal(err)
	}
	c := experiment.Condition{Fault: "latency", Target: experiment.Target{File: link}}
	if _, _, err := one(NewFactory(Deps{}).FaultSets(t.Context(), c, params("RUN"))); hint(err) == "" {
		t.Errorf("got %v", err)
	}
}

// TestFilesOfFunctions: a function's file is only written where it is certain which one it is.
func TestFilesOfFunctions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "faults.json")
	tests := []struct {
		name, config string
		remote       bool
		want         string
	}{
		{"on this machine", "file:" + path, false, ""},
		{"on another machine", "file:" + path, true, "another machine"},
		{"relative to who knows what", "file:faults.json", false, "not absolute"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := &fakeLambda{variables: map[string]string{variableConfig: test.config}, calls: &faults{}}
			c := experiment.Condition{Fault: "latency", Target: experiment.Target{Lambda: "shop"}}
			_, _, err := one(NewFactory(Deps{Lambda: l, Remote: test.remote}).FaultSets(t.Context(), c, params("RUN")))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (hint(err) == "" || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want ...%s...", err, test.want)
			}
		})
	}
}

// TestAskingTheWrongEndpoint: a function that is missing where it never was is not a function that is gone.
func TestAskingTheWrongEndpoint(t *testing.T) {
	p := envPlace(t, "variable", "FAULTS", ownerText, true)
	p.deps.Endpoint = "http://127.0.0.1:9001"
	_, undo := p.applied(t, p.factory(), p.latency())
	missing := &fakeLambda{calls: &faults{}, gone: &types.ResourceNotFoundException{}}
	nobody := &fakeLambda{calls: &faults{}, gone: refused()}
	tests := []struct {
		name, endpoint string
		there          *fakeLambda
		hint           string
	}{
		{"AWS", "", missing, "--endpoint-url http://127.0.0.1:9001"},
		{"no AWS", "", nobody, "--endpoint-url http://127.0.0.1:9001"},
		{"another host", "http://127.0.0.1:9002", missing, "--endpoint-url http://127.0.0.1:9001"},
		{"the same host", "http://127.0.0.1:9001", missing, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, err := NewFactory(Deps{Lambda: test.there, Endpoint: test.endpoint}).Restore("latency")
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Revert(t.Context(), undo); (err != nil) != (test.hint != "") || !strings.Contains(hint(err), test.hint) {
				t.Errorf("got %v (hint %q)", err, hint(err))
			}
		})
	}
	moved := NewFactory(Deps{Lambda: p.deps.Lambda, Endpoint: "http://127.0.0.1:9003"})
	a, err := moved.Restore("latency")
	if err == nil {
		err = a.Revert(t.Context(), undo)
	}
	if err != nil {
		t.Errorf("the function is found at a new address: %v", err)
	}
	p.is(t, ownerText, true)
}
