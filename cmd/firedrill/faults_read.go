package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/fault"
)

// readSwitch reads what "enable" is given: a kind, its settings, and which invocations.
func readSwitch(kind string, settings, matches []string) (action.Switch, error) {
	s := action.Switch{Kind: fault.Kind(kind), With: fault.Attributes{}}
	info, err := kindNamed(kind)
	if err != nil {
		return s, err
	}
	for _, setting := range settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			return s, usage("write NAME=VALUE: "+strings.Join(attributeNames(info), ", "), "%q is not a setting of %s", setting, kind)
		}
		if _, twice := s.With[name]; twice {
			return s, usage("", "%s is set twice", name)
		}
		if s.With[name], err = readValue(info, name, value); err != nil {
			return s, err
		}
	}
	for _, text := range matches {
		if s.Match == nil {
			s.Match = []fault.Condition{}
		}
		if text != "" {
			s.Match = append(s.Match, readCondition(text))
		}
	}
	return s, nil
}

func kindNamed(name string) (fault.KindInfo, error) {
	var names []string
	for _, k := range fault.Kinds() {
		if string(k.Kind) == name {
			return k, nil
		}
		names = append(names, string(k.Kind))
	}
	return fault.KindInfo{}, usage("one of "+strings.Join(names, ", "), "%q is not a kind of fault", name)
}

func readKinds(names []string) ([]fault.Kind, error) {
	var kinds []fault.Kind
	for _, name := range names {
		k, err := kindNamed(name)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, k.Kind)
	}
	return kinds, nil
}

// readValue reads a value as the attribute's type wants it. What does not fit is passed on as text: package fault
// knows best what is wrong with it.
func readValue(kind fault.KindInfo, name, text string) (any, error) {
	at := slices.IndexFunc(kind.Attributes, func(a fault.Attribute) bool { return name == a.Name || name == a.Friendly })
	if at < 0 {
		return text, nil
	}
	switch kind.Attributes[at].Type {
	case fault.TypeDuration, fault.TypeInteger:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n, nil
		}
	case fault.TypeFlag:
		if on, err := strconv.ParseBool(text); err == nil {
			return on, nil
		}
	case fault.TypeTexts:
		if !strings.HasPrefix(text, "[") {
			return strings.Split(text, ","), nil
		}
		return decoded(name, text, "a list of texts: a,b or [\"a\",\"b\"]")
	case fault.TypeHeaders:
		return decoded(name, text, `an object of texts: {"name":"value"}`)
	}
	return text, nil
}

// decoded reads a value that is written in JSON.
func decoded(name, text, wanted string) (any, error) {
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, usage("write "+wanted, "%s: %s: %w", name, text, err)
	}
	return value, nil
}

// readCondition reads a condition: PATH=VALUE, PATH^=BEGINNING, PATH~=REGEX, or PATH alone.
func readCondition(text string) fault.Condition {
	path, value, ok := strings.Cut(text, "=")
	if !ok {
		return fault.Condition{Path: text, Operator: "exists"}
	}
	if shorter, is := strings.CutSuffix(path, "^"); is {
		return fault.Condition{Path: shorter, Operator: "startsWith", Value: value}
	}
	if shorter, is := strings.CutSuffix(path, "~"); is {
		return fault.Condition{Path: shorter, Operator: "regex", Value: value}
	}
	return fault.Condition{Path: path, Operator: "eq", Value: value}
}

// attributeNames are the names of a kind's attributes as people write them.
func attributeNames(kind fault.KindInfo) []string {
	var names []string
	for _, a := range kind.Attributes {
		name := a.Name
		if a.Friendly != "" {
			name = a.Friendly
		}
		names = append(names, name)
	}
	return names
}

// completeKinds offers the kinds that are not named yet.
func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	for _, k := range fault.Kinds() {
		if !slices.Contains(args, string(k.Kind)) {
			offers = append(offers, fmt.Sprintf("%s\t%s", k.Kind, k.Doc))
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeEnable offers kinds, then the settings of the kind.
func completeEnable(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completeKinds(cmd, nil, start)
	}
	kind, err := kindNamed(args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if name, _, setting := strings.Cut(start, "="); setting {
		return completeValue(kind, name)
	}
	var offers []string
	for i, name := range attributeNames(kind) {
		offers = append(offers, name+"=\t"+kind.Attributes[i].Doc)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeValue offers the values of an attribute that has few.
func completeValue(kind fault.KindInfo, name string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	for _, a := range kind.Attributes {
		if name != a.Name && name != a.Friendly {
			continue
		}
		values := a.Values
		if a.Type == fault.TypeFlag {
			values = []string{"true", "false"}
		}
		for _, value := range values {
			offers = append(offers, name+"="+value)
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
