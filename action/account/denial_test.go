package account

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A policy as somebody has typed it: it must come back to the letter.
const typedPolicy = `{
  "Version": "2012-10-17",   "Id": "shop",
  "Statement": [
    {"Sid": "Reports", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["ACTION"],
     "Resource": "RESOURCE"}
  ]
}`

func typed(action, resource string) string {
	return strings.NewReplacer("ACTION", action, "RESOURCE", resource).Replace(typedPolicy)
}

// withStatement is what a program makes of a policy that adds a statement of its own.
func withStatement(t *testing.T, policy, action, resource string) string {
	t.Helper()
	if policy == "" {
		policy = noPolicy
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		t.Fatal(err)
	}
	list, ok := doc["Statement"].([]any)
	if !ok {
		list = []any{doc["Statement"]}
	}
	doc["Statement"] = append(list, map[string]any{"Sid": "Theirs", "Effect": "Allow", "Principal": map[string]string{"AWS": "*"}, "Action": action, "Resource": resource})
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A policyHome is where a service of the stand-in keeps a policy, for fixtures.
type policyHome struct {
	arn    func(w world) string // as statements name it
	action string
	make   func(t *testing.T, w world)
	read   func(t *testing.T, w world) string
	put    func(t *testing.T, w world, policy string)
}

// fixture has a policy that somebody has typed.
func (h policyHome) fixture(kind, target string, with fault.Attributes) fixture {
	return fixture{
		kind: kind, target: experiment.Target{Resources: []string{target}}, with: with,
		setup: func(t *testing.T, w world) {
			h.make(t, w)
			h.put(t, w, typed(h.action, h.arn(w)))
		},
		bare:   h.make,
		state:  func(t *testing.T, w world) any { return strings.ReplaceAll(h.read(t, w), w.account, "ACCOUNT") },
		edit:   func(t *testing.T, w world) { h.put(t, w, typed("*", h.arn(w))) },
		beside: func(t *testing.T, w world) { h.put(t, w, withStatement(t, h.read(t, w), h.action, h.arn(w))) },
	}
}

// TestPolicyWhereThereWasNone: a policy that there is only because of us goes as a whole.
func TestPolicyWhereThereWasNone(t *testing.T) {
	stand := newStand(t)
	always := func(f fixture) bool { return f.bare == nil }
	sideBySide(t, slices.DeleteFunc(fixtures(), always), func(t *testing.T, f fixture) {
		f.setup = f.bare
		for name, try := range map[string]func(t *testing.T, c *subject){
			"restores exactly": restoresExactly, "revert without apply": revertWithoutApply, "somebody else's edit": otherEdit,
			"somebody else's edit beside": besideEdit, "prepare and rehearsal leave alone": leavesAlone,
		} {
			t.Run(name, func(t *testing.T) { try(t, newSubject(t, stand, f)) })
		}
		for _, how := range failures {
			if how.name == "reply lost" {
				t.Run(how.name, func(t *testing.T) { failingCalls(t, stand, f, how) })
			}
		}
	})
}
