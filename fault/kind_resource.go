package fault

import "regexp"

// The kinds in this file are known from failure-lambda, or planned. They are checked and planned, so that a
// document never loses a fault silently, but every host reports them as unsupported.

func unsupported(moment) Injection { return Injection{Skip: Unsupported} }

func resourceKind(info KindInfo) kind {
	return kind{KindInfo: info, build: func(values) (behaviour, []Problem) {
		return behaviour{effect: unsupported}, nil
	}}
}

func denylistKind() kind {
	k := resourceKind(KindInfo{Kind: Denylist, Doc: "named hosts cannot be reached", Attributes: []Attribute{
		{Name: "deny_list", Friendly: "hosts", Type: TypeTexts, Doc: "regular expressions, searched in the host's name"},
	}})
	k.build = func(v values) (behaviour, []Problem) {
		var problems []Problem
		for _, expression := range v.texts("deny_list") {
			if _, err := regexp.Compile(expression); err != nil {
				problems = append(problems, Problem{Field: "deny_list", Value: expression, Message: "is not a regular expression (RE2)"})
			}
		}
		return behaviour{effect: unsupported}, problems
	}
	return k
}
