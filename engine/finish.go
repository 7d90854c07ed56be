package engine

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// haste is how long a stopped run waits for requests under way.
const haste = 2 * time.Second

// finish ends the traffic, counts, judges and reports. Everything is put back by now.
func (r *runner) finish(ctx context.Context) {
	r.drain(ctx)
	r.closeWindows(ctx)
	r.awaitLate(ctx)
	r.countAgain(ctx)
	if n := len(r.spans); n > 0 && r.spans[n-1].Name == PhaseRecovery && !r.recovery.Recovered && r.m.stop == nil {
		rec, _ := r.recovered(r.spans[n-1].End) // the last answers are in now
		r.recovery = rec
	}
	for _, ch := range r.conds {
		r.spending.proven(ch.Name, ch.result.Proof.Fired)
	}
	r.tally()
	res := r.assemble()
	r.result = res
	r.recall(res)
	var errs []error
	errs = append(errs, r.journal.append(Record{Type: recordVerdict, Verdict: string(res.Verdict), Reason: res.Reason, Measures: brief(res)}, false))
	errs = append(errs, r.o.State.writeReport(r.undo, res))
	if r.o.Finish != nil {
		errs = append(errs, safely(func() error { return r.o.Finish(res) }))
	}
	errs = append(errs, r.journal.append(Record{Type: recordEnd}, true))
	r.reportErr = errors.Join(errs...)
	r.tell(Event{Kind: EventVerdict, Message: string(res.Verdict) + ": " + res.Reason, Result: res})
}

// drain ends the traffic and waits for the requests under way: their answers count in the phase in which they were
// meant to start. Generators bound the wait by their requests' timeout; nobody who stopped the run waits for it.
func (r *runner) drain(ctx context.Context) {
	if r.traffic.cancel == nil {
		return
	}
	r.traffic.cancel()
	wait := haste
	for _, l := range r.x.Loads {
		wait = max(wait, l.Timeout+haste)
	}
	interrupted := ctx.Done()
	if r.m.stop != nil {
		wait, interrupted = haste, nil
	}
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case <-r.traffic.over:
	case <-interrupted:
		r.note("interrupted while the last requests were under way: they are not counted")
	case <-late.C:
		r.note("some requests did not end in time: they are not counted")
	}
}

// A log that lags is read again until it shows that the fault has fired.
const (
	lagLimit = 30 * time.Second // CloudWatch Logs shows most events within seconds
	lagPause = 2 * time.Second
)

// A count is what a change is known to have injected.
type count struct {
	ch    *change
	proof Proof
	err   error
}

// countAgain asks for the proofs once more: hosts log an injection when the invocation ends.
func (r *runner) countAgain(ctx context.Context) {
	enough := time.Now().Add(lagLimit)
	var all []*count
	for _, ch := range r.conds {
		if ch.result.Applied != nil {
			all = append(all, &count{ch: ch})
		}
	}
	r.count(all, func(c *count) { c.proof, c.err = r.proof(r.undo, c.ch.action, proofTimeout) })
	if late := lagging(all); len(late) > 0 && r.m.stop == nil && !r.enough {
		name := late[0].ch.Name
		r.tell(Event{Kind: EventNote, Condition: name, Message: name + ": waiting for the function's log to show the injections"})
		r.count(late, func(c *count) { c.proof, c.err = r.awaitRecords(ctx, c.ch, enough) })
	}
	for _, c := range all {
		r.noteError(c.ch.Name+": injections could not be counted", c.err)
		c.ch.prove(c.proof)
	}
}

// count asks about several changes side by side.
func (r *runner) count(counts []*count, ask func(*count)) {
	key := func(c *count) string { return c.ch.key }
	sideBySide(r.o.parallel(), byKey(counts, key), func(c *count) bool { ask(c); return true })
}

// lagging are the counts whose log does not show yet that the fault has fired.
func lagging(counts []*count) []*count {
	return slices.DeleteFunc(slices.Clone(counts), func(c *count) bool { return !c.proof.Late || c.proof.Fired > 0 })
}

// awaitRecords asks for a proof until there is one, or nobody wants to wait for it any more.
func (r *runner) awaitRecords(ctx context.Context, ch *change, enough time.Time) (p Proof, err error) {
	for {
		pause := time.NewTimer(lagPause)
		within, limit := ctx, logTimeout
		select {
		case <-pause.C:
		case <-ctx.Done():
			enough = time.Time{}
			within, limit = r.undo, proofTimeout
		}
		pause.Stop()
		p, err = r.proof(within, ch.action, limit)
		if p.Fired > 0 || !p.Late || time.Now().After(enough) {
			return p, err
		}
	}
}

// assemble makes the result from everything that was seen.
func (r *runner) assemble() *Result {
	sorted := map[string][]verdict.Observation{}
	for name, s := range r.traffic.stores {
		sorted[name] = s.close()
	}
	res := &Result{
		Version: 1, Run: r.run, Experiment: withoutSecrets(r.x), Labels: r.o.Labels, Started: r.started, Ended: time.Now(),
		Phases: append([]PhaseSpan{}, r.spans...), Recovery: r.recovery, Residue: r.residue, Stop: r.m.stop, Budgets: r.budgets, Prediction: r.predicted,
		Measures: []MeasureResult{}, Conditions: r.conditionResults(), // lists are never null in the report
	}
	for i, m := range r.x.Measures {
		if s := r.traffic.stores[m.Name]; s != nil && s.trouble() != "" {
			r.note(m.Name + ": " + s.trouble())
		}
		res.Measures = append(res.Measures, r.measureResult(i, m, sorted[r.sourceName(m)], sorted[m.Against.Load], res.Ended))
	}
	correct(res.Measures)
	for _, l := range r.x.Loads {
		res.Loads = append(res.Loads, r.loadResult(l, sorted["load."+l.Name], res.Ended))
	}
	failing := false
	if n := len(r.spans); n > 0 && r.spans[n-1].Name == PhaseRecovery && !r.recovery.Recovered {
		_, failing = r.recovered(r.spans[n-1].End)
		r.notes = append(r.notes, "the steady state was not seen to come back within "+r.x.Phases.Recovery.String())
	}
	res.Notes = unique(r.notes)
	res.Verdict, res.Reason = r.decide(res, failing)
	if res.Verdict == verdict.Error {
		res.Error = res.Reason
		if res.Stop != nil {
			res.Error, res.Hint = res.Stop.Reason, HintOf(res.Stop.err)
		}
		if len(res.Residue) > 0 {
			res.Error, res.Hint = res.Reason, "try again: firedrill recover "+r.run
		}
	}
	return res
}

func (r *runner) sourceName(m experiment.Measure) string {
	if isLoad(r.x, m.Of) {
		return m.Of
	}
	return m.Name
}

func (r *runner) conditionResults() []ConditionResult {
	out := []ConditionResult{}
	for _, ch := range r.conds {
		out = append(out, ch.result)
	}
	if r.conds == nil { // the targets were never resolved
		for _, c := range r.x.Conditions {
			out = append(out, ConditionResult{Name: c.Name, Kind: c.Fault, Target: c.Target.String()})
		}
	}
	return out
}

func (r *runner) measureResult(i int, m experiment.Measure, obs, other []verdict.Observation, end time.Time) MeasureResult {
	live := m.Expect.Live()
	res := MeasureResult{Name: m.Name, Of: m.Of, Series: series(obs, r.started, end, &live)}
	if m.Against.Compares() || m.ByVersion != "" {
		res.Series = seriesOf(sidesOf(r.run, m, obs, other), r.started, end, live)
	}
	if i < len(r.baseline) {
		res.Baseline = r.baseline[i].finding // as it was when it decided whether to inject
	}
	for _, span := range r.spans {
		judge := func() verdict.Finding {
			return r.judgeIn(m, span.Name, between(obs, span.Start, span.End), between(other, span.Start, span.End), span.Start, span.End)
		}
		switch {
		case span.Name == PhaseBaseline && i >= len(r.baseline):
			res.Baseline = judge()
		case span.Name == PhaseFault:
			res.Fault = judge()
			res.Stages = append(res.Stages, res.Fault)
		case span.Name == PhaseRecovery && !m.Expect.Fires() && !m.Against.Spared: // an alarm ends when it ends
			res.Recovery = judge()
		}
	}
	return res
}

func (r *runner) loadResult(l experiment.Load, obs []verdict.Observation, end time.Time) LoadResult {
	res := LoadResult{Name: l.Name, Phases: []TrafficStats{}, Series: series(obs, r.started, end, nil)}
	for _, span := range r.spans {
		in := between(obs, span.Start, span.End)
		stats := trafficStats(in)
		if span.Name == PhaseFault {
			stats.Marked = compare(r.run, in)
		}
		res.Phases = append(res.Phases, stats)
	}
	return res
}

// unique keeps the first of equal notes.
func unique(notes []string) []string {
	var out []string
	had := map[string]bool{}
	for _, n := range notes {
		if !had[n] {
			had[n] = true
			out = append(out, n)
		}
	}
	return out
}

// secretName matches headers whose values must not be kept.
var secretName = regexp.MustCompile(`(?i)auth|cookie|token|secret|key|password|credential`)

// withoutSecrets is a copy of the experiment for the report, which people pass on.
func withoutSecrets(x *experiment.Experiment) *experiment.Experiment {
	c := *x
	c.Loads = slices.Clone(x.Loads)
	for i := range c.Loads {
		c.Loads[i].HTTP = redacted(c.Loads[i].HTTP)
	}
	c.Measures = slices.Clone(x.Measures)
	for i := range c.Measures {
		c.Measures[i].Probe.HTTP = redacted(c.Measures[i].Probe.HTTP)
	}
	return &c
}

func redacted(h *experiment.HTTPRequest) *experiment.HTTPRequest {
	if h == nil {
		return nil
	}
	c := *h
	c.Headers = maps.Clone(h.Headers)
	for name := range c.Headers {
		if secretName.MatchString(name) {
			c.Headers[name] = "[redacted]"
		}
	}
	return &c
}
