package action

import (
	"maps"
	"slices"
	"strings"
)

// A Policy is an IAM policy document.
type Policy struct {
	Version   string
	Statement []Statement
}

// A Statement allows actions on resources.
type Statement struct {
	Effect    string
	Principal map[string]string `json:",omitempty"` // of a trust policy
	Action    []string
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

// NewPolicy writes permissions down in a fixed order, those on the same resources together.
func NewPolicy(all []Permission) Policy {
	byPlace := map[string]Statement{}
	for _, p := range all {
		resources := slices.Sorted(slices.Values(p.Resources))
		place := strings.Join(resources, "\n")
		for _, operator := range slices.Sorted(maps.Keys(p.Conditions)) {
			for _, key := range slices.Sorted(maps.Keys(p.Conditions[operator])) {
				place += "\n" + operator + " " + key + " " + strings.Join(p.Conditions[operator][key], " ")
			}
		}
		s := byPlace[place]
		actions := slices.Compact(slices.Sorted(slices.Values(append(s.Action, p.Actions...))))
		byPlace[place] = Statement{Effect: "Allow", Action: actions, Resource: resources, Condition: p.Conditions}
	}
	out := Policy{Version: policyVersion, Statement: []Statement{}}
	for _, place := range slices.Sorted(maps.Keys(byPlace)) {
		out.Statement = append(out.Statement, byPlace[place])
	}
	return out
}

const policyVersion = "2012-10-17"

// TrustPolicy is what a role must trust for a runner of another account to assume it.
func TrustPolicy(runner, externalID string) Policy {
	s := Statement{Effect: "Allow", Principal: map[string]string{"AWS": runner}, Action: []string{"sts:AssumeRole", "sts:TagSession"}}
	if externalID != "" {
		s.Condition = map[string]map[string][]string{"StringEquals": {"sts:ExternalId": {externalID}}}
	}
	return Policy{Version: policyVersion, Statement: []Statement{s}}
}
