package conformance

import (
	"encoding/json"
	"maps"

	"github.com/firedrill-dev/firedrill/fault"
)

// Least returns the fewest attributes with which a kind is valid, of the smallest values: first the required ones
// alone, then with one other. It is false for a kind that needs more than that.
func Least(k fault.KindInfo) (fault.Attributes, bool) {
	required := fault.Attributes{}
	for _, a := range k.Attributes {
		if a.Required {
			required[a.Name] = smallest(a)
		}
	}
	if len(fault.CheckAttributes(k.Kind, required)) == 0 {
		return required, true
	}
	for _, a := range k.Attributes {
		attributes := maps.Clone(required)
		attributes[a.Name] = smallest(a)
		if len(fault.CheckAttributes(k.Kind, attributes)) == 0 {
			return attributes, true
		}
	}
	return nil, false
}

// smallest is a value that an attribute takes.
func smallest(a fault.Attribute) any {
	switch a.Type {
	case fault.TypeDuration, fault.TypeInteger:
		return max(a.Min, 1)
	case fault.TypeFlag:
		return true
	case fault.TypeTexts:
		return []any{"a"}
	case fault.TypeHeaders:
		return map[string]any{"a": "b"}
	}
	if len(a.Values) > 0 {
		return a.Values[0]
	}
	return "a"
}

// Member is the member of a fault set that arms a kind with its least attributes, all invocations hit, and more.
func Member(k fault.KindInfo, more map[string]any) map[string]any {
	member := map[string]any{"enabled": true, "percentage": 100}
	least, _ := Least(k)
	maps.Copy(member, least)
	maps.Copy(member, more)
	for name, value := range member {
		if value == missing {
			delete(member, name)
		}
	}
	return member
}

// Document is a fault set with one kind's member in it, and more members.
func Document(k fault.KindInfo, member any, more map[string]any) string {
	doc := map[string]any{string(k.Kind): member}
	maps.Copy(doc, more)
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // all is made of texts, numbers and lists
	}
	return string(text)
}

// missing takes a name out of a Member.
const missing = "\x00missing"
