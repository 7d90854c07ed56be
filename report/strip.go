package report

import (
	"fmt"
	"html/template"
	"math"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The geometry of a strip: three rows of an estimate with its interval, against the limit.
const (
	stripWidth  = 400.0
	stripLeft   = 74.0
	stripRight  = 84.0
	stripRow    = 26.0
	stripTop    = 24.0
	stripBottom = 6.0
)

// strip draws a measure's estimates and intervals, phase by phase, on one scale with the limit: what the verdict
// rests on, at a glance. Empty if there is nothing to draw.
func strip(r *engine.Result, m engine.MeasureResult, id string) template.HTML {
	e := expected(r, m)
	rows := []struct {
		label string
		f     verdict.Finding
	}{{engine.PhaseBaseline, m.Baseline}, {engine.PhaseFault, m.Fault}, {engine.PhaseRecovery, m.Recovery}}
	low, high := math.Min(0, e.Threshold), e.Threshold
	drawn := 0
	for _, row := range rows {
		if drawable(row.f) {
			drawn++
			for _, x := range []float64{row.f.Estimate, row.f.Interval.Low, row.f.Interval.High} {
				if !math.IsInf(x, 0) && !math.IsNaN(x) {
					low, high = math.Min(low, x), math.Max(high, x)
				}
			}
		}
	}
	if drawn == 0 || !(high > low) || math.IsInf(high-low, 0) {
		return ""
	}
	high += (high - low) * 0.06
	x := func(v float64) float64 {
		return stripLeft + math.Min(math.Max((v-low)/(high-low), 0), 1)*(stripWidth-stripLeft-stripRight)
	}
	height := stripTop + stripRow*float64(len(rows)) + stripBottom
	s := newSVG(stripWidth, height, "strip", id, clean(m.Name)+": estimates and intervals", stripText(r, m))
	at := x(e.Threshold)
	switch e.Op { // the side that violates the expectation
	case "<", "<=":
		s.rect(at, stripTop-4, stripWidth-stripRight-at, height-stripTop, "violates")
	case ">", ">=":
		s.rect(stripLeft, stripTop-4, at-stripLeft, height-stripTop, "violates")
	}
	s.line(at, stripTop-6, at, height-2, "limit")
	anchor := "middle"
	if at > stripWidth-stripRight-40 {
		anchor = "end"
		at = math.Min(at+20, stripWidth-2)
	}
	s.text(at, stripTop-10, anchor, "limit-label", "limit "+e.Format(e.Threshold))
	for i, row := range rows {
		y := stripTop + stripRow*(float64(i)+0.5)
		s.text(stripLeft-8, y+4, "end", "tick", row.label)
		s.line(stripLeft, y, stripWidth-stripRight, y, "grid")
		if !drawable(row.f) {
			s.text(stripWidth-stripRight+8, y+4, "start", "tick", estimate(row.f))
			continue
		}
		class := outcomeClass(row.f.Outcome)
		in := row.f.Interval
		from, to := x(math.Max(in.Low, low)), x(math.Min(in.High, high))
		s.rect(from, y-5, math.Max(to-from, 2), 10, "interval "+class)
		s.circle(x(row.f.Estimate), y, 4.5, "estimate "+class)
		s.text(stripWidth-stripRight+8, y+4, "start", "value", estimate(row.f))
	}
	return s.done()
}

func drawable(f verdict.Finding) bool {
	return f.Outcome != "" && !math.IsNaN(f.Estimate) && (f.Samples > 0 || f.Estimate != 0)
}

func stripText(r *engine.Result, m engine.MeasureResult) string {
	text := "Expected: " + clean(expected(r, m).Text) + "."
	for _, row := range []struct {
		label string
		f     verdict.Finding
	}{{engine.PhaseBaseline, m.Baseline}, {engine.PhaseFault, m.Fault}, {engine.PhaseRecovery, m.Recovery}} {
		if row.f.Outcome == "" {
			continue
		}
		text += fmt.Sprintf(" In the %s: %s", row.label, estimate(row.f))
		if in := interval(row.f); in != "" {
			text += ", interval " + in
		}
		text += fmt.Sprintf(" (%s).", word(row.f.Outcome))
	}
	return text
}

// outcomeClass is the style sheet's name for an outcome; a fixed set, whatever a result says.
func outcomeClass(o verdict.Outcome) string {
	switch o {
	case verdict.Held, verdict.Disproved, verdict.Inconclusive, verdict.NotSteady, verdict.Stopped, verdict.Error:
		return string(o)
	}
	return "none"
}
