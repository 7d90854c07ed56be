package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/sweep"
	"github.com/firedrill-dev/firedrill/verdict"
)

// maxUnsteady runs in a row that did not begin end a sweep: the system has another trouble.
const maxUnsteady = 2

// seek makes runs until the search knows enough, or somebody or something ends it.
func (h *hunt) seek(ctx context.Context, interrupts *interrupts) error {
	h.report = sweep.Report{
		Version: 1, Title: strings.TrimSuffix(h.gentle.Title, ", at "+h.search.Scale.Format(h.search.Scale.From)), Objective: h.gentle.Objective, File: h.file,
		Over: h.over.String(), Scale: h.search.Scale, Precision: h.search.Precision, Started: time.Now(),
	}
	for {
		trial, ok := h.search.Next(h.readings())
		if !ok {
			return nil
		}
		if ctx.Err() != nil {
			h.report.Early = "interrupted"
			if errors.Is(context.Cause(ctx), errTimeout) {
				h.report.Early = errTimeout.Error()
			}
			return nil
		}
		if h.a.output == "text" && !h.a.quiet {
			fmt.Fprintf(h.a.stderr, "\n[%d/%d] %s=%s: %s\n", len(h.report.Runs)+1, h.search.MaxRuns, h.over, h.search.Scale.Format(trial.Value), trial.Why)
		}
		x, source, _, err := h.at(trial)
		if err != nil {
			return fmt.Errorf("with %s=%s: %w", h.over, h.search.Scale.Format(trial.Value), err)
		}
		r, err := h.run(ctx, x, source, interrupts)
		if err != nil {
			return err
		}
		if !h.add(trial, r) {
			if errors.Is(context.Cause(ctx), errTimeout) {
				h.report.Early = errTimeout.Error() // nobody interrupted it
			}
			return nil
		}
	}
}

// run makes one run. Its history is that of the sweep, not that of the experiment as its file has it.
func (h *hunt) run(ctx context.Context, x *experiment.Experiment, source []byte, interrupts *interrupts) (*engine.Result, error) {
	state, err := h.a.openState(ctx)
	if err != nil {
		return nil, err
	}
	o := runOptions(x, source, h.world, h.guards, state)
	o.Experiment += "#" + h.over.String()
	o.UntilDisproved = true
	return h.a.perform(ctx, x, o, interrupts)
}

func (h *hunt) readings() []sweep.Reading {
	var out []sweep.Reading
	for _, r := range h.report.Runs {
		if r.Answer != "" {
			out = append(out, r.Reading)
		}
	}
	return out
}

// add books a run; false if no other may follow it.
func (h *hunt) add(t sweep.Trial, r *engine.Result) bool {
	h.last = r
	run := sweep.Run{Text: h.search.Scale.Format(t.Value), Run: r.Run, Verdict: r.Verdict, Reason: r.Reason}
	run.Reading = sweep.Reading{Value: t.Value, Effort: t.Effort, Margin: math.NaN()}
	for i, m := range r.Measures {
		if r.Experiment.Measures[i].BaselineOnly {
			continue
		}
		f := m.Fault
		if r.Verdict == verdict.NotSteady {
			f = m.Baseline // there was no fault
		}
		run.Measures = append(run.Measures, sweep.Measured{Name: m.Name, Finding: f})
	}
	run.Answer, h.report.Early = h.answer(r)
	if run.Answer == sweep.Undecided {
		run.Of, run.Need = r.Verdict, need(run.Measures)
	}
	if run.Answer != "" && r.Verdict != verdict.NotSteady {
		run.Margin = margin(run.Measures)
	}
	h.report.Runs = append(h.report.Runs, run)
	if r.Verdict == verdict.NotSteady && run.Answer == sweep.Undecided {
		if h.unsteady++; h.unsteady >= maxUnsteady {
			h.report.Early = "the steady state did not hold before the fault, in runs one after the other: " + r.Reason
		}
	} else {
		h.unsteady = 0
	}
	if h.a.output == "text" && !h.a.quiet {
		fmt.Fprintf(h.a.stderr, "%s: %s\n%s\n", strings.ToUpper(string(r.Verdict)), r.Reason, h.soFar())
	}
	return h.report.Early == ""
}

// soFar is what is known while the search goes on.
func (h *hunt) soFar() string {
	c := h.search.Conclude(h.readings())
	switch {
	case c.Held != nil && c.Broken != nil:
		return "so far: held up to " + c.Held.Text + ", disproved from " + c.Broken.Text
	case c.Held != nil:
		return "so far: held up to " + c.Held.Text
	}
	return "so far: " + c.Text
}

// answer is what a run says of its value; ended is why no other may follow, with an empty answer if the run says nothing.
func (h *hunt) answer(r *engine.Result) (a sweep.Answer, ended string) {
	switch {
	case len(r.Residue) > 0:
		return "", "undo incomplete: nothing more is broken while something is not whole"
	case r.Verdict == verdict.Held:
		return sweep.Held, ""
	case r.Verdict == verdict.Disproved:
		return sweep.Broken, ""
	case r.Verdict == verdict.Stopped && r.Stop != nil && r.Stop.Kind == engine.StopRule && h.injected(r):
		return sweep.Broken, "" // the file says that this is too much
	case r.Verdict == verdict.NotSteady && h.traffic && refuted(r):
		return sweep.Broken, "" // it is the traffic that is harsh
	case r.Verdict == verdict.Inconclusive, r.Verdict == verdict.NotSteady:
		return sweep.Undecided, ""
	}
	return "", string(r.Verdict) + ": " + r.Reason
}

func (h *hunt) injected(r *engine.Result) bool {
	for _, c := range r.Conditions {
		if c.Applied != nil {
			return true
		}
	}
	return h.traffic
}

func refuted(r *engine.Result) bool {
	for _, m := range r.Measures {
		if m.Baseline.Outcome == verdict.Disproved {
			return true
		}
	}
	return false
}

// need is how many times as many samples would decide every measure that is undecided; 0 if nobody knows.
func need(measures []sweep.Measured) float64 {
	most := 0.0
	for _, m := range measures {
		f := m.Finding
		if f.Outcome != verdict.Inconclusive {
			continue
		}
		if f.Missing == 0 || f.Samples == 0 {
			return 0
		}
		most = math.Max(most, float64(f.Missing+f.Samples)/float64(f.Samples))
	}
	return most
}

// margin is how far the worst measure's estimate is from its limit, as a share of it.
func margin(measures []sweep.Measured) float64 {
	worst := math.Inf(1)
	for _, m := range measures {
		e := m.Finding.Expectation
		gap := (e.Threshold - m.Finding.Estimate) / math.Abs(e.Threshold)
		if strings.HasPrefix(e.Op, ">") {
			gap = -gap
		}
		if e.Threshold == 0 || e.Fires() || e.OfAlarm() || math.IsNaN(gap) {
			return math.NaN()
		}
		worst = math.Min(worst, gap)
	}
	return worst
}

// conclude tells what came of the sweep, and returns the error that carries its exit code.
func (h *hunt) conclude(context.Context) error {
	r := &h.report
	r.Ended = time.Now()
	r.Conclusion = h.search.Conclude(h.readings())
	if h.atLeast != "" {
		r.AtLeast = &sweep.Bound{Value: h.search.Ask, Text: h.search.Scale.Format(h.search.Ask)}
		r.Gate = r.Conclusion.Gate(h.search.Scale, h.search.Ask)
	}
	if r.Held != nil {
		if held, _, _, err := h.at(sweep.Trial{Value: r.Held.Value, Effort: 1}); err == nil {
			r.Advice = sweep.Advise(r.Conclusion, h.gentle, h.harsh, held)
		}
	}
	page, err := h.write()
	if err != nil {
		return &failure{code: exitError, err: err}
	}
	if h.a.output == "json" {
		err = report.SweepJSON(h.a.stdout, r)
	} else {
		err = report.SweepText(h.a.stdout, r, h.a.style())
		if page != "" {
			fmt.Fprintf(h.a.stdout, "\nreport: %s\n", page)
		}
	}
	if err != nil {
		return &failure{code: exitError, err: err}
	}
	return h.outcome()
}

// outcome is the error that carries the exit code.
func (h *hunt) outcome() error {
	if h.last != nil && len(h.last.Residue) > 0 {
		return &failure{code: exitUndo, err: errors.New(h.report.Early), hint: "try again: firedrill recover " + h.last.Run}
	}
	code := sweepCode(h.report.Conclusion, h.report.Gate)
	switch {
	case h.report.Early == "":
	case h.report.Early == errTimeout.Error():
		code = exitStopped
	case h.last == nil:
		code = exitInterrupted
	case h.last.Verdict == verdict.NotSteady:
		code = exitUnsettled
	case exitCode(h.last) != exitHeld && exitCode(h.last) != exitDisproved && exitCode(h.last) != exitUnsettled:
		code = exitCode(h.last)
	default:
		code = exitInterrupted
	}
	if code == exitHeld {
		return nil
	}
	return &failure{code: code, err: errors.New(h.report.Text), hint: h.report.Hint, silent: true}
}

// sweepCode is the exit code of a sweep that took its course.
func sweepCode(c sweep.Conclusion, gate sweep.Answer) int {
	switch {
	case gate == sweep.Held, gate == "" && (c.Outcome == sweep.Found || c.Outcome == sweep.HeldThroughout):
		return exitHeld
	case gate == sweep.Broken, gate == "" && c.Outcome == sweep.BrokenThroughout:
		return exitDisproved
	}
	return exitUnsettled
}

func makeFolder(dir string) error { return os.MkdirAll(dir, 0o700) }
