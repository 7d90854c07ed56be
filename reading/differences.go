package reading

import (
	"slices"

	"github.com/firedrill-dev/firedrill/fault"
)

// A difference is something that a document's own tool does otherwise.
type difference struct {
	formats []string
	kind    fault.Kind // "" for all
	applies func(member map[string]any) bool
	text    string
}

// behavesDifferently says what functions do differently with a document than they did under its own tool.
func behavesDifferently(t fault.Translation) []string {
	var texts []string
	for _, d := range differencesKnown() {
		if slices.Contains(d.formats, t.Format) && d.concerns(t.Members) && !slices.Contains(texts, d.text) {
			texts = append(texts, d.text)
		}
	}
	return texts
}

// concerns reports whether any member of a document is of the difference's kind.
func (d difference) concerns(members map[string]any) bool {
	for _, k := range fault.Kinds() {
		member, there := members[string(k.Kind)].(map[string]any)
		if there && (d.kind == "" || d.kind == k.Kind) && (d.applies == nil || d.applies(member)) {
			return true
		}
	}
	return false
}

func partial(member map[string]any) bool {
	f := memberOf("", member)
	return f.Percentage < 100
}

func matching(operator string) func(map[string]any) bool {
	return func(member map[string]any) bool {
		return slices.ContainsFunc(memberOf("", member).Match, func(c fault.Condition) bool {
			return operator == "" || c.Operator == operator
		})
	}
}

// differencesKnown lists them, those that concern every kind first. docs/coming-from-failure-lambda.md tells the same.
func differencesKnown() []difference {
	older, newer, chaos := fault.FormatFailure0, fault.FormatFailure1, fault.FormatChaos
	node := []string{older, newer}
	all := []string{older, newer, chaos}
	return []difference{
		{all, "", nil, "the document is read beside invocations, not before them: a change is seen an invocation or a second later, and the first invocation of a new environment usually runs without faults"},
		{all, "", partial, "who is hit is a hash of the request, not a throw of dice: a retry of a request is hit as its first try was, and with sample_by whole users are"},
		{node, "", matching(""), "a number in the event is compared as it is written there: 1.50 is not 1.5"},
		{node, "", matching("regex"), "regular expressions are RE2: no look-around and no back-references"},
		{all, fault.Latency, nil, "delays are never shorter than they were drawn: they are not rounded down to whole milliseconds"},
		{[]string{older}, fault.StatusCode, nil, `the answer has a JSON body that says "Injected status code", not only the code`},
		{node, fault.Exception, nil, "callers see the errorType InjectedException instead of Error or FailureLambdaException; exception_type sets another"},
		{[]string{chaos}, fault.Exception, nil, "callers see the errorType InjectedException instead of Exception; exception_type sets another"},
		{node, fault.DiskSpace, nil, "the space is given back when the invocation ends; no file is left in /tmp"},
		{node, fault.Denylist, nil, "regular expressions are RE2: no look-around and no back-references; the case of letters does not count"},
		{node, fault.Timeout, nil, "without a known deadline it is counted as planned, and does not fire"},
	}
}
