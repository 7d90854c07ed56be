package report

import (
	"fmt"
	"html/template"
	"math"

	"github.com/firedrill-dev/firedrill/sweep"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A sweepDrawing is one drawing of a measure over the parameter, in the making.
type sweepDrawing struct {
	frame
	*svg
	r      *sweep.Report
	points []sweepPoint
	e      verdict.Expectation
	top    float64
}

// drawSweep draws a measure: x is the parameter, y the measure with its interval, colored by what that says of the measure.
// The bands are what all runs say together.
func drawSweep(r *sweep.Report, measure, id string, f frame) template.HTML {
	d := &sweepDrawing{frame: f, r: r, points: sweepPoints(r, measure)}
	d.top = sweepTop(d.points)
	for _, p := range d.points {
		if p.finding.Outcome != "" {
			d.e = p.finding.Expectation
		}
	}
	d.svg = newSVG(f.width, f.height, f.class, id, clean(measure)+" over "+clean(r.Over), d.describe(clean(measure)))
	d.between()
	d.axes()
	d.limit()
	for _, p := range d.points {
		d.point(p)
	}
	return d.done()
}

func (d *sweepDrawing) describe(measure string) string {
	text := fmt.Sprintf("%s, expected %s. %s.", measure, clean(d.e.Text), sentence(d.r.Text))
	for _, p := range d.points {
		text += fmt.Sprintf(" %s: %s, %s.", p.text, estimate(p.finding), word(answerVerdict(p.answer)))
	}
	return text
}

func (d *sweepDrawing) x(v float64) float64 {
	const margin = 10 // so that the ends of the range have room
	return d.left + margin + d.r.Scale.Position(v)*(d.width-d.left-d.right-2*margin)
}

func (d *sweepDrawing) y(v float64) float64 {
	if math.IsNaN(v) {
		v = 0
	}
	return d.height - d.bottom - math.Min(math.Max(v/d.top, 0), 1)*(d.height-d.top0()-d.bottom)
}

func (d *sweepDrawing) top0() float64 { return d.frame.top }

// between marks where it holds, where it breaks, and what lies between.
func (d *sweepDrawing) between() {
	high := d.height - d.frame.top - d.bottom
	if h := d.r.Held; h != nil {
		d.rect(d.left, d.frame.top, d.x(h.Value)-d.left, high, "band recovery")
		label := "held up to " + h.Text
		d.svg.text(d.left+4, d.frame.top-8, "start", "phase", fit(label, d.width/2))
	}
	if b := d.r.Broken; b != nil {
		d.rect(d.x(b.Value), d.frame.top, d.width-d.right-d.x(b.Value), high, "band fault")
		label := "disproved from " + b.Text
		d.svg.text(d.width-d.right-4, d.frame.top-8, "end", "phase", fit(label, d.width/2))
	}
}

func (d *sweepDrawing) axes() {
	for _, v := range ticks(d.top, d.yTicks) {
		d.svg.line(d.left, d.y(v), d.width-d.right, d.y(v), "grid")
		d.svg.text(d.left-7, d.y(v)+4, "end", "tick", d.e.Format(v))
	}
	floor := d.height - d.bottom
	d.svg.line(d.left, floor, d.width-d.right, floor, "axis")
	for _, v := range sweepTicks(d.r.Scale, d.xTicks) {
		d.svg.line(d.x(v), floor, d.x(v), floor+4, "axis")
		d.svg.text(d.x(v), floor+18, "middle", "tick", d.r.Scale.Format(v))
	}
}

// sweepTicks are round values of the parameter.
func sweepTicks(s sweep.Scale, count int) []float64 {
	low, high := math.Min(s.From, s.To), math.Max(s.From, s.To)
	var out []float64
	if s.Log {
		for v := math.Pow(10, math.Ceil(math.Log10(low)-1e-9)); v <= high*(1+1e-9); v *= 10 {
			out = append(out, v)
		}
		return out
	}
	step := math.Max(niceStep((high-low)/float64(count/2)), s.Grain)
	for i := math.Ceil(low/step - 1e-9); i*step <= high*(1+1e-9); i++ {
		out = append(out, i*step)
	}
	return out
}

func (d *sweepDrawing) limit() {
	if d.e.Text == "" {
		return
	}
	y := d.y(d.e.Threshold)
	d.svg.line(d.left, y, d.width-d.right, y, "limit")
	d.svg.text(d.left+6, y-5, "start", "limit-label", "limit: "+clean(d.e.Text))
}

func (d *sweepDrawing) point(p sweepPoint) {
	if p.finding.Outcome == "" {
		return
	}
	class := outcomeClass(p.finding.Outcome)
	x, f := d.x(p.value), p.finding
	low, high := f.Interval.Low, f.Interval.High
	d.rect(x-3, d.y(high), 6, math.Max(d.y(low)-d.y(high), 1), "interval "+class)
	d.circle(x, d.y(f.Estimate), 4.5, "estimate "+class)
	beyond := ""
	if f.Estimate > d.top {
		beyond = ", beyond the chart"
	}
	d.tip(x-8, d.frame.top, 16, d.height-d.frame.top-d.bottom, fmt.Sprintf("%s: %s\n%s%s (%s)\nruns: %d", p.text, word(answerVerdict(p.answer)), estimate(f), beyond, interval(f), p.runs))
}
