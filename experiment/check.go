package experiment

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// check finds the mistakes that show only when parts are put side by side. Names that could not be read are
// empty; nothing is concluded from them.
func (d *decoder) check(x *Experiment) {
	d.checkMeasures(x)
	d.checkStop(x)
	d.checkConditions(x)
	d.checkGuards(x)
	if !anyFatal(d.problems) { // what follows reckons with the whole
		d.checkTime(x)
	}
}

// knownLoads are what "of" may say of loads. ok is false if the list may be incomplete.
func (x *Experiment) knownLoads(d *decoder) (known []string, ok bool) {
	for _, l := range x.Loads {
		known = append(known, loadPrefix+l.Name)
	}
	given := d.places["load"]
	return known, given == nil || given.form == mapping && len(given.entries) == len(x.Loads)
}

func (d *decoder) checkMeasures(x *Experiment) {
	loads, sure := x.knownLoads(d)
	seen := map[string]bool{}
	for i, m := range x.Measures {
		path := index("measures", i)
		d.checkName(m.Name, join(path, "name"), "measure", seen)
		if strings.HasPrefix(m.Name, loadPrefix) {
			d.problem(join(path, "name"), m.Name, "a measure's name cannot begin with "+loadPrefix, "stop rules would not know which is meant")
		}
		if strings.HasPrefix(m.Of, loadPrefix) && sure && !slices.Contains(loads, m.Of) {
			d.problem(join(path, "of"), m.Of, "there is no such load", loadHint(m.Of, loads))
		}
		if _, known := kindOf(m.Of); known {
			d.checkUnit(join(path, "expect"), m.Expect, m.Of, m.Latency())
			d.checkAgainst(x, m, path)
			d.checkDatapoints(join(path, "expect"), m.Expect, m)
			d.checkAccount(x, m.Probe.Account, join(path, "account"))
		}
	}
}

func loadHint(of string, loads []string) string {
	if len(loads) == 0 {
		return "load: {" + strings.TrimPrefix(of, loadPrefix) + ": {http: GET ${api}/, rate: 20/s}}"
	}
	return closest(of, loads)
}

func (d *decoder) checkName(name, path, what string, seen map[string]bool) {
	if name != "" && seen[name] {
		d.problem(path, name, "another "+what+" has this name", "")
	}
	seen[name] = true
}

func (d *decoder) checkStop(x *Experiment) {
	known, sure := x.knownLoads(d)
	latency, kinds := map[string]bool{}, map[string]Measure{}
	for _, l := range known {
		latency[l] = true // and of no kind that needs a word
	}
	for _, m := range x.Measures {
		known = append(known, m.Name)
		latency[m.Name], kinds[m.Name] = m.Latency(), m
		sure = sure && m.Name != ""
	}
	sure = sure && len(x.Measures) > 0
	for i, rule := range x.Stop {
		path := index("stop", i)
		d.checkAccount(x, rule.Alarm.Account, join(path, "account"))
		switch is, ok := latency[rule.Of]; {
		case ok && rule.Of != "":
			d.checkUnit(join(path, "when"), rule.When, kinds[rule.Of].Of, is)
			if rule.When.Relative != "" {
				d.problem(join(path, "when"), rule.When.Text, "compares two groups, which stop rules cannot", "leave the sign out")
			}
			d.checkLateRule(rule, kinds[rule.Of], path)
		case sure && rule.Of != "":
			d.problem(join(path, "of"), rule.Of, "there is no such measure or load", closest(rule.Of, known))
		}
	}
}

func (d *decoder) checkConditions(x *Experiment) {
	names, kinds := map[string]bool{}, map[string]string{}
	sampling := map[string]Condition{}
	var known []string
	for _, c := range x.Conditions {
		known = append(known, c.Name)
	}
	for i, c := range x.Conditions {
		path := index("conditions", i)
		d.checkName(c.Name, join(path, "name"), "condition", names)
		d.checkAfter(x, c, path, known)
		d.checkAccount(x, c.Target.Account, join(path, "target.account"))
		place := c.Target.String()
		kind, isKind := d.catalog.find(c.Fault)
		if place == "" || !isKind {
			continue
		}
		id := strings.Join([]string{c.Fault, c.Target.Account, c.Target.Region, place}, "\x00")
		if other, ok := kinds[id]; ok {
			d.problem(join(path, "fault"), c.Fault, fmt.Sprintf("condition %q puts the same fault on the same target", other), "a target takes each kind of fault once: write a second experiment")
		}
		kinds[id] = c.Name
		if !kind.InFunction() {
			continue
		}
		if first, ok := sampling[place]; !ok {
			sampling[place] = c
		} else if first.Seed != c.Seed || first.SampleBy != c.SampleBy {
			d.problem(path, "", fmt.Sprintf("has another seed or sample_by than condition %q on the same target", first.Name), "a fault set has one of each: give both conditions the same")
		}
	}
}

// checkAfter checks that a condition follows one that ends, and in the end one that follows none.
func (d *decoder) checkAfter(x *Experiment, c Condition, path string, known []string) {
	if c.After == "" {
		return
	}
	path = join(path, "after")
	before := x.findCondition(c.After)
	switch {
	case before == nil && slices.Contains(known, ""):
		return
	case before == nil:
		d.problem(path, c.After, "there is no such condition", closest(c.After, known))
		return
	case before.For == 0 && !d.has(index("conditions", slices.Index(known, c.After))+".for"):
		d.problem(path, c.After, "comes after a condition that does not end", "give condition "+c.After+" a for:")
		return
	}
	for steps := 0; before != nil; steps++ {
		if before.Name == c.Name || steps > len(x.Conditions) {
			d.problem(path, c.After, "goes in a circle: the condition would wait for itself", "let one of them start without after")
			return
		}
		before = x.findCondition(before.After)
	}
}

func (x *Experiment) findCondition(name string) *Condition {
	i := slices.IndexFunc(x.Conditions, func(c Condition) bool { return c.Name == name && name != "" })
	if i < 0 {
		return nil
	}
	return &x.Conditions[i]
}

// checkTime checks that everything has its time.
func (d *decoder) checkTime(x *Experiment) {
	for i, c := range x.Conditions {
		if start := x.start(c); start >= x.faultTime() {
			d.problem(index("conditions", i), "", fmt.Sprintf("would start %s into the fault phase, which lasts %s", start, x.faultTime()), "make phases.fault longer, or delay shorter")
		}
	}
	if x.Phases.BaselineMax < x.Phases.Baseline {
		d.problem("phases.baseline_max", x.Phases.BaselineMax.String(), "is shorter than the baseline", "")
	}
	d.checkLate(x)
	total := x.Phases.Baseline + x.faultTime() + x.Phases.Recovery
	if most := x.Guards.MaxDuration; most > 0 && total > most {
		d.problem("guards.max_duration", most.String(), fmt.Sprintf("the phases take %s", total), "raise it on purpose, or shorten the phases")
	}
}

// start is when a condition starts, from the beginning of the fault phase. There are no circles any more.
func (x *Experiment) start(c Condition) time.Duration {
	at := c.Delay
	if before := x.findCondition(c.After); before != nil {
		at += x.start(*before) + before.For
	}
	return at
}
