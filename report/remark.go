package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A rule is a kind of thing that pipelines point at. Its id is part of the formats: rules are added, never renamed.
type rule struct {
	id, name string
	loud     bool   // an error; else a warning
	means    string // in a sentence
	todo     string
}

// rules are in the order of their weight: where a pipeline shows few remarks, it shows the first.
var rules = []rule{
	{"undo-incomplete", "Undo incomplete", true, "Something that an experiment changed could not be put back.", "Put it back: firedrill recover RUN."},
	{"invalid", "Invalid experiment", true, "The experiment file has a mistake, so that nothing was run.", "Mend the file; firedrill validate FILE checks it without running it."},
	{"error", "Run failed", true, "The run itself failed. This says nothing about the objective.", "Read the error: it says what failed and, often, what to do."},
	{"stopped", "Stopped", true, "The run was ended before its time, and everything was put back.", "A stop rule means that users were hurt more than the experiment allows."},
	{"disproved", "Disproved", true, "The expectation did not hold under the fault.", "The report shows what users felt, second by second."},
	{"not-recovered", "Not recovered", true, "The expectation did not hold again after the fault was gone.", "Find out what keeps the system from coming back, or give it more time: phases.recovery."},
	{"interrupted", "Interrupted", false, "Somebody ended the run before its time, and everything was put back.", "Run it again."},
	{"not-steady", "Not steady", false, "The expectation did not hold before any fault, so that nothing was injected.", "Mend the system, or the expectation, and run it again."},
	{"unproven", "Fault without proof", false, "Nobody saw the fault fire, so that the run proves nothing.", "Does the load reach the target? Does the match fit?"},
	{"inconclusive", "Inconclusive", false, "There were too few samples to say whether the expectation holds.", "Give it more time or more load; the report says how many samples are missing."},
}

func ruleIndex(id string) int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.id == id })
}

// A remark is what a pipeline points at, in an experiment's file.
type remark struct {
	rule    rule
	subject string // what of the experiment it is about: the name of a measure, of a condition
	path    string
	line    int // 0: nowhere in particular
	message string
	run     string
}

// title says in a line what is remarked.
func (r remark) title(of Drilled) string {
	if r.subject == "" {
		return r.rule.name + ": " + of.title()
	}
	return r.rule.name + ": " + r.subject + " (" + of.title() + ")"
}

// remarks are what is to be said of one experiment; nothing of one that held, or was not run.
func remarks(x Drilled) []remark {
	var out []remark
	add := func(id, subject string, line int, message string) {
		m := remark{rule: rules[ruleIndex(id)], subject: clean(subject), path: x.path(), line: max(line, 0), message: clean(message)}
		if x.Result != nil {
			m.run = clean(x.Result.Run)
		}
		out = append(out, m)
	}
	for _, p := range x.Problems {
		if p.Warning {
			continue
		}
		add("invalid", p.Field, p.Line, withHint(problem(p), p.Hint))
	}
	switch {
	case x.Result != nil:
		remarkResult(x.Result, add)
	case x.Refused != "":
		add("error", "", 0, withHint(x.Refused, x.Hint))
	}
	return out
}

// problem is what is wrong with a file, without the place.
func problem(p experiment.Problem) string {
	text := clean(p.Message)
	if p.Field != "" {
		text = clean(p.Field) + ": " + text
	}
	if p.Value != "" {
		text += fmt.Sprintf(": %q", p.Value)
	}
	return text
}

func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return clean(text) + " (hint: " + clean(hint) + ")"
}

type remarker func(id, subject string, line int, message string)

func remarkResult(r *engine.Result, add remarker) {
	for _, left := range r.Residue {
		add("undo-incomplete", left.Condition, lineOf(r, left.Condition), fmt.Sprintf("%s is as the fault left it: %s. Put it back: firedrill recover %s", left.Target, left.Error, r.Run))
	}
	switch r.Verdict {
	case verdict.Held:
	case verdict.Error:
		if len(r.Residue) == 0 || r.Error != "" { // else the residue says it all
			remarkError(r, add)
		}
	case verdict.Stopped:
		remarkStop(r, add)
	default:
		said := remarkMeasures(r, add)
		if r.Verdict == verdict.Inconclusive && remarkUnproven(r, add) {
			said = true
		}
		if !said {
			add(known(string(r.Verdict)), "", 0, r.Reason)
		}
	}
}

// known is an id of a rule, whatever a result says.
func known(id string) string {
	if ruleIndex(id) < 0 {
		return "error"
	}
	return id
}

func remarkError(r *engine.Result, add remarker) {
	text := withHint(cmp.Or(r.Error, r.Reason), r.Hint)
	for _, c := range r.Conditions {
		if c.Error != "" {
			add("error", c.Name, plan(r, c).Line, text)
			return
		}
	}
	add("error", "", 0, text)
}

func remarkStop(r *engine.Result, add remarker) {
	if r.Stop == nil {
		add("stopped", "", 0, r.Reason)
		return
	}
	id := "stopped"
	if slices.Contains([]engine.StopKind{engine.StopInterrupted, engine.StopRequested, engine.StopKillSwitch}, r.Stop.Kind) {
		id = "interrupted"
	}
	add(id, "", r.Stop.Line, cmp.Or(r.Stop.Reason, r.Reason))
}

// remarkMeasures points at the measures that the verdict rests on.
func remarkMeasures(r *engine.Result, add remarker) bool {
	said := false
	for _, m := range r.Measures {
		f, id := decisive(m), ""
		switch {
		case f.Outcome == "" || f.Outcome == verdict.Held:
			if r.Verdict == verdict.Disproved && m.Recovery.Outcome == verdict.Disproved {
				f, id = m.Recovery, "not-recovered"
			}
		case judgedIn(m) == engine.PhaseBaseline:
			id = "not-steady"
		case f.Outcome == r.Verdict:
			id = known(string(f.Outcome))
		}
		if id == "" {
			continue
		}
		said = true
		add(id, m.Name, measureLine(r, m.Name), fmt.Sprintf("expected %s: %s", expected(r, m).Text, f.Reason))
	}
	return said
}

func remarkUnproven(r *engine.Result, add remarker) bool {
	said := false
	for _, c := range r.Conditions {
		if text, ok := proof(r, c); !ok && c.Applied != nil {
			said = true
			add("unproven", c.Name, plan(r, c).Line, change(r, c)+": "+text)
		}
	}
	return said
}

// lineOf is where a condition is in the file; 0 if that is not known.
func lineOf(r *engine.Result, condition string) int {
	for _, c := range r.Conditions {
		if c.Name == condition { // perhaps one of the targets of one
			return plan(r, c).Line
		}
	}
	return plan(r, engine.ConditionResult{Name: condition}).Line
}

func measureLine(r *engine.Result, name string) int {
	if r.Experiment != nil {
		for _, m := range r.Experiment.Measures {
			if m.Name == name {
				return m.Line
			}
		}
	}
	return 0
}

// remarksOf are those of a whole drill, the weightiest first, else in the drill's order.
func remarksOf(d Drill) (out []remark, of []Drilled) {
	type one struct {
		remark
		of Drilled
	}
	var all []one
	for _, x := range d {
		for _, m := range remarks(x) {
			all = append(all, one{m, x})
		}
	}
	slices.SortStableFunc(all, func(a, b one) int { return cmp.Compare(ruleIndex(a.rule.id), ruleIndex(b.rule.id)) })
	for _, m := range all {
		out, of = append(out, m.remark), append(of, m.of)
	}
	return out, of
}
