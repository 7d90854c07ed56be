package fault

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	tests := []struct{ pattern, want string }{
		{"", ""}, {"^/api/v[0-9]+/", ""}, {`^[^@]+@(a|b|c)\.example\.com$`, ""}, {strings.Repeat("a", 1000), ""}, {".{1000}", ""},
		{"(?i)é+", ""},
		{strings.Repeat("a", 1001), "1001 bytes, more than 1000"},
		{strings.Repeat(".{1000}", 6), "repeats multiply"},
		{"((a{10}){10}){10}(b{100}c{100}){10}(d{100}){10}(e{100}){10}", "repeats multiply"},
		{"((a{100}){100}){100}", "invalid repeat count"},
		{"(a{1000}){1000}", "invalid repeat count"},
		{strings.Repeat("(", 500) + strings.Repeat(")", 500), ""},
		{"(?=a)", "invalid or unsupported Perl syntax"}, {`(a)\1`, "invalid escape"}, {"[", "missing closing"}, {"\xff", "invalid UTF-8"},
	}
	for _, test := range tests {
		expression, err := new(patterns).compile(test.pattern)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || (expression == nil) != (err != nil) {
			t.Errorf("%.40q: %v, want %q", test.pattern, err, test.want)
		}
	}
}

// What a member's expressions cost is bounded together, not one by one.
func TestManyPatterns(t *testing.T) {
	var match []Condition
	for range 100 {
		match = append(match, Condition{Path: "a", Operator: "regex", Value: ".{900}"})
	}
	list, err := json.Marshal(match)
	if err != nil {
		t.Fatal(err)
	}
	set, problems := Parse(fmt.Appendf(nil, `{"exception":{"enabled":true,"match":%s}}`, list))
	if !set.Empty() || len(problems) != maxProblems+1 || problems[0].Field != "exception.match[5].value" {
		t.Errorf("%d problems, the first is %v", len(problems), problems[0])
	}
}

func TestPaths(t *testing.T) {
	for path, want := range map[string]string{
		"a": "", "headers.x-user-id": "", "Records.*.body": "", "a b.ü": "", strings.Repeat("a.", 499) + "a": "",
		"": "is not a path", ".": "is not a path", "a..b": "is not a path", "../../etc/passwd": "is not a path", "a.": "is not a path",
		"a\x00b": "control character", "a\nb": "control character", strings.Repeat("a.", 10000) + "a": "20001 bytes, more than 1000",
	} {
		if _, err := parsePath(path); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", path, err, want)
		}
	}
}

// Whatever the expression, it is compiled or refused, and no compiled one takes long.
func FuzzPatterns(f *testing.F) {
	for _, seed := range []string{"a{10}", "(a|b){3,}c?", "[^a]*", "((a{10}){10}){9}", "(?:){1000}", "(?i)k{900}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		expression, err := new(patterns).compile(pattern)
		if err == nil {
			expression.MatchString("abc")
		}
	})
}
