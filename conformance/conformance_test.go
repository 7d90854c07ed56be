package conformance

import (
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// The least of each kind is valid and does something: otherwise the tests that break it would show nothing.
func TestLeast(t *testing.T) {
	for _, k := range fault.Kinds() {
		if _, ok := Least(k); !ok {
			t.Errorf("%s: nothing valid was found", k.Kind)
			continue
		}
		set, problems := fault.Parse([]byte(Document(k, Member(k, nil), nil)))
		if set.Empty() || len(problems) > 0 {
			t.Errorf("%s: %v", k.Kind, problems)
		}
	}
}

// There is something wrong with every attribute of every kind, and no two inputs share a name.
func TestBadInputs(t *testing.T) {
	inputs := BadInputs(time.Now())
	seen, fields := map[string]bool{}, map[string]bool{}
	for _, in := range inputs {
		if seen[in.Name] {
			t.Errorf("%s: twice", in.Name)
		}
		seen[in.Name], fields[in.Field] = true, true
	}
	for _, k := range fault.Kinds() {
		for _, a := range k.Attributes {
			if !fields[string(k.Kind)+"."+a.Name] {
				t.Errorf("nothing is wrong with %s.%s", k.Kind, a.Name)
			}
		}
	}
	t.Logf("%d inputs", len(inputs))
}
