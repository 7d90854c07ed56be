package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/fault"
)

// differences are the members that two documents do not share, before with "-" and after with "+".
func differences(before, after json.RawMessage) []string {
	var old, new map[string]json.RawMessage
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &new) != nil {
		return []string{"- " + string(before), "+ " + string(after)}
	}
	var lines []string
	for _, name := range membersOf(old, new) {
		was, is := compact(old[name]), compact(new[name])
		if was == is {
			continue
		}
		if was != "" {
			lines = append(lines, "- "+name+" "+was)
		}
		if is != "" {
			lines = append(lines, "+ "+name+" "+is)
		}
	}
	return lines
}

// membersOf are the names of two documents: kinds in the order of evaluation, then the others.
func membersOf(documents ...map[string]json.RawMessage) []string {
	var names []string
	for _, d := range documents {
		for name := range d {
			names = append(names, name)
		}
	}
	order := func(name string) int {
		if i := slices.IndexFunc(fault.Kinds(), func(k fault.KindInfo) bool { return string(k.Kind) == name }); i >= 0 {
			return i
		}
		return len(fault.Kinds())
	}
	slices.SortFunc(names, func(x, y string) int {
		if d := order(x) - order(y); d != 0 {
			return d
		}
		return strings.Compare(x, y)
	})
	return slices.Compact(names)
}

// compact is a value in one line, its members sorted.
func compact(raw json.RawMessage) string {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if raw == nil || decoder.Decode(&value) != nil {
		return ""
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return string(raw)
	}
	return strings.TrimSpace(text.String())
}
