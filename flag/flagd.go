package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Flagd is the format of flagd, OpenFeature's own daemon: JSON with "flags", whose "targeting" is JsonLogic. The flag is
// wrapped in one more "if"; what its rules were is what stands behind it.
func Flagd() Format {
	return Format{
		Name:     "flagd",
		where:    func(flag string) []string { return []string{"flags", flag} },
		add:      addFlagd,
		remove:   removeFlagd,
		evaluate: evaluateFlagd,
		normal:   normalFlagd,
	}
}

// flagdFlag is what matters here of a flag.
type flagdFlag struct {
	State          string                     `json:"state"`
	Variants       map[string]json.RawMessage `json:"variants"`
	DefaultVariant string                     `json:"defaultVariant"`
	Targeting      json.RawMessage            `json:"targeting"`
}

func parseFlagd(part []byte) (flagdFlag, error) {
	var f flagdFlag
	if err := json.Unmarshal(part, &f); err != nil {
		return f, fmt.Errorf("is not a flag of flagd: %w", err)
	}
	switch {
	case f.State != "ENABLED":
		return f, &Refused{Reason: fmt.Sprintf("its state is %q", f.State), Tip: `a flag that is not "ENABLED" leaves the choice to the program: enable it, with a defaultVariant that is off`}
	case len(f.Variants) == 0:
		return f, errors.New("has no variants")
	case f.Variants[f.DefaultVariant] == nil:
		return f, fmt.Errorf("its defaultVariant %q is none of its variants", f.DefaultVariant)
	}
	if t, err := decode(f.Targeting); err != nil || empty(t) {
		f.Targeting = nil
	}
	return f, nil
}

// empty says that a targeting has no rule.
func empty(targeting any) bool {
	rules, ok := targeting.(map[string]any)
	return targeting == nil || ok && len(rules) == 0
}

// on is the variant that an order means.
func (f flagdFlag) on(o Order) (string, error) {
	if o.Variant != "" {
		if f.Variants[o.Variant] == nil {
			return "", &Refused{Reason: fmt.Sprintf("there is no variant %q", o.Variant), Tip: "--variant " + strings.Join(slices.Sorted(maps.Keys(f.Variants)), " or ")}
		}
		return o.Variant, nil
	}
	for _, name := range []string{"on", "true"} {
		if f.Variants[name] != nil {
			return name, nil
		}
	}
	return "", &Refused{Reason: "it has no variant called on", Tip: "say which one the cohort is to get: --variant " + strings.Join(slices.Sorted(maps.Keys(f.Variants)), " or ")}
}

// is is the condition of our rule.
func (c Cohort) is() any {
	return map[string]any{"==": []any{map[string]any{"var": c.Attribute}, c.Value}}
}

func addFlagd(part []byte, o Order) ([]byte, error) {
	f, err := parseFlagd(part)
	if err != nil {
		return nil, err
	}
	variant, err := f.on(o)
	if err != nil {
		return nil, err
	}
	rule := []any{o.Cohort.is(), variant}
	if f.Targeting != nil {
		rule = append(rule, f.Targeting)
	}
	return withTargeting(part, map[string]any{"if": rule})
}

// withTargeting is a flag with other rules; nil: with none.
func withTargeting(part []byte, rules any) ([]byte, error) {
	m, err := object(part)
	if err != nil {
		return nil, err
	}
	delete(m, "targeting")
	if rules != nil {
		if m["targeting"], err = encode(rules); err != nil {
			return nil, err
		}
	}
	return encode(m)
}

func removeFlagd(part []byte, o Order) (rest []byte, found, edited bool, err error) {
	f, err := parseFlagd(part)
	if err != nil {
		return nil, false, false, err
	}
	if f.Targeting == nil {
		return nil, false, false, nil
	}
	variant, err := f.on(o)
	if err != nil {
		return nil, false, false, err
	}
	rules, err := decode(f.Targeting)
	if err != nil {
		return nil, false, false, err
	}
	left, found, edited := without(rules, o.Cohort.is(), variant)
	if !found || edited {
		return nil, found, edited, nil
	}
	rest, err = withTargeting(part, left)
	return rest, true, false, err
}

// without takes the rule with a condition out of a chain of ifs.
func without(rules, condition any, variant string) (rest any, found, edited bool) {
	node, ok := rules.(map[string]any)
	args, isIf := node["if"].([]any)
	if !ok || !isIf || len(node) != 1 || len(args) < 2 {
		return rules, false, false
	}
	same := func(a, b any) bool {
		textA, errA := encode(a)
		textB, errB := encode(b)
		return errA == nil && errB == nil && string(textA) == string(textB)
	}
	if same(args[0], condition) && len(args) <= 3 {
		if !same(args[1], variant) {
			return rules, true, true
		}
		if len(args) == 2 {
			return nil, true, false
		}
		return args[2], true, false
	}
	if len(args)%2 == 0 { // there is no else
		return rules, false, false
	}
	last := len(args) - 1
	rest, found, edited = without(args[last], condition, variant)
	if !found || edited {
		return rules, found, edited
	}
	args = slices.Clone(args[:last])
	if rest != nil {
		args = append(args, rest)
	}
	return map[string]any{"if": args}, true, false
}

// normalFlagd leaves a targeting without rules out.
func normalFlagd(part []byte) ([]byte, error) {
	m, err := object(part)
	if err != nil {
		return nil, err
	}
	if t, err := decode(m["targeting"]); err != nil || empty(t) {
		delete(m, "targeting")
	}
	return encode(m)
}

func evaluateFlagd(part []byte, user Attributes) (Evaluation, error) {
	f, err := parseFlagd(part)
	if err != nil {
		return Evaluation{}, err
	}
	as := func(variant string, why Reason) Evaluation {
		return Evaluation{Value: f.Variants[variant], Variant: variant, Reason: why}
	}
	if f.Targeting == nil {
		return as(f.DefaultVariant, ReasonStatic), nil
	}
	rules, err := decode(f.Targeting)
	if err != nil {
		return Evaluation{}, err
	}
	result, err := logic{user, 0}.apply(rules)
	if err != nil {
		return Evaluation{}, fmt.Errorf("targeting: %w", err)
	}
	variant := ""
	switch result := result.(type) {
	case nil:
		return as(f.DefaultVariant, ReasonDefault), nil
	case string:
		variant = result
	case bool:
		variant = fmt.Sprint(result)
	default:
		return Evaluation{}, fmt.Errorf("targeting: its result %v names no variant", result)
	}
	if f.Variants[variant] == nil {
		return Evaluation{}, fmt.Errorf("targeting: there is no variant %q", variant)
	}
	return as(variant, ReasonTargeted), nil
}
