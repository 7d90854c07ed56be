package flag

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AppConfig is the format of AWS AppConfig's feature flags (AWS.AppConfig.FeatureFlags): the flag gets one more variant,
// whose rule is asked before all others. A flag without variants gets a second one, the default, that says what it said
// before.
func AppConfig() Format {
	return Format{
		Name:     "appconfig",
		where:    func(flag string) []string { return []string{"values", flag} },
		add:      addVariant,
		remove:   removeVariant,
		evaluate: evaluateVariants,
		normal:   normalVariants,
	}
}

const (
	memberVariants = "_variants"
	memberEnabled  = "enabled"
	// defaultVariant is what AppConfig's console calls the variant without a rule.
	defaultVariant = "Default"
)

// A variant is one of a flag's.
type variant struct {
	Name       string                     `json:"name"`
	Enabled    bool                       `json:"enabled"`
	Rule       string                     `json:"rule,omitempty"`
	Attributes map[string]json.RawMessage `json:"attributeValues,omitempty"`
}

// ours is the name of the variant that an order adds, which nobody else's has.
func (o Order) ours() string { return "Firedrill " + o.Run }

// rule is the order's, in AppConfig's own language.
func (c Cohort) rule() string { return "(eq $" + c.Attribute + " \"" + c.Value + "\")" }

// variants reads a flag's. One without any has its default.
func variants(part []byte) (list []variant, rest map[string]json.RawMessage, err error) {
	m, err := object(part)
	if err != nil {
		return nil, nil, err
	}
	if raw, ok := m[memberVariants]; ok {
		delete(m, memberVariants)
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, nil, fmt.Errorf("its variants cannot be read: %w", err)
		}
		if len(list) == 0 || list[len(list)-1].Rule != "" {
			return nil, nil, errors.New("its last variant must be the default, which has no rule")
		}
		return list, m, nil
	}
	only := variant{Name: defaultVariant, Attributes: map[string]json.RawMessage{}}
	if raw, ok := m[memberEnabled]; ok {
		if err := json.Unmarshal(raw, &only.Enabled); err != nil {
			return nil, nil, fmt.Errorf("whether it is enabled cannot be read: %w", err)
		}
	}
	for name, value := range m {
		if !strings.HasPrefix(name, "_") && name != memberEnabled {
			only.Attributes[name] = value
			delete(m, name)
		}
	}
	delete(m, memberEnabled)
	return []variant{only}, m, nil
}

// written is a flag with its variants.
func written(list []variant, rest map[string]json.RawMessage) ([]byte, error) {
	m := maps.Clone(rest)
	raw, err := encode(list)
	if err != nil {
		return nil, err
	}
	m[memberVariants] = raw
	return encode(m)
}

func addVariant(part []byte, o Order) ([]byte, error) {
	list, rest, err := variants(part)
	if err != nil {
		return nil, err
	}
	model := list[len(list)-1]
	if o.Variant != "" {
		i := slices.IndexFunc(list, func(v variant) bool { return v.Name == o.Variant })
		if i < 0 {
			var names []string
			for _, v := range list {
				names = append(names, v.Name)
			}
			return nil, &Refused{Reason: fmt.Sprintf("there is no variant %q", o.Variant), Tip: "--variant takes the attributes of one of its own: " + strings.Join(names, ", ")}
		}
		model = list[i]
	}
	own := variant{Name: o.ours(), Enabled: true, Rule: o.Cohort.rule(), Attributes: model.Attributes}
	return written(slices.Insert(list, 0, own), rest)
}

func removeVariant(part []byte, o Order) (rest []byte, found, edited bool, err error) {
	list, others, err := variants(part)
	if err != nil {
		return nil, false, false, err
	}
	i := slices.IndexFunc(list, func(v variant) bool { return v.Name == o.ours() })
	if i < 0 {
		return nil, false, false, nil
	}
	if list[i].Rule != o.Cohort.rule() || !list[i].Enabled {
		return nil, true, true, nil
	}
	rest, err = written(slices.Delete(list, i, i+1), others)
	return rest, true, false, err
}

// normalVariants writes a flag without variants with one.
func normalVariants(part []byte) ([]byte, error) {
	list, rest, err := variants(part)
	if err != nil {
		return nil, err
	}
	return written(list, rest)
}

// evaluateVariants asks one rule after the other, as AppConfig's agent does.
func evaluateVariants(part []byte, user Attributes) (Evaluation, error) {
	list, _, err := variants(part)
	if err != nil {
		return Evaluation{}, err
	}
	for i, v := range list {
		e := Evaluation{Variant: v.Name, Reason: ReasonTargeted}
		holds := true
		switch {
		case v.Rule != "":
			if holds, err = evaluateRule(v.Rule, user); err != nil {
				return e, fmt.Errorf("variant %q: %w", v.Name, err)
			}
		case len(list) == 1:
			e.Reason = ReasonStatic
		case i == len(list)-1:
			e.Reason = ReasonDefault
		}
		if !holds {
			continue
		}
		value := map[string]any{memberEnabled: v.Enabled}
		if v.Enabled { // AppConfig gives the attributes of a flag that is on only
			for name, attribute := range v.Attributes {
				value[name] = attribute
			}
		}
		e.Value, err = encode(value)
		return e, err
	}
	return Evaluation{}, errors.New("it has no default variant")
}
