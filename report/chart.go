package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// A chart is a few lines over the time of a run, with its phases behind them.
type chart struct {
	id     string // unique in the page
	title  string
	lines  []curve
	limits []limit
	bands  []band
	marks  []moment
	until  float64 // seconds; the time axis starts at 0
	format func(float64) string
	floor  float64 // the value axis reaches at least that high
	roof   float64 // and at most that high, if it is not 0
}

// A curve is one line; points are in the order of time.
type curve struct {
	name   string
	class  string
	area   bool // filled down to the axis
	points []sample
}

// A sample is a value at an instant, in seconds since the start; absent if there was no data.
type sample struct {
	t, v   float64
	absent bool
}

// A limit is what a measure expects of the values.
type limit struct {
	at    float64
	label string
}

// A band is a phase.
type band struct {
	from, to float64
	label    string
	class    string
}

// A moment is an instant worth marking.
type moment struct {
	at    float64
	label string
}

// A frame is the geometry of one drawing of a chart: the same chart is drawn wide and narrow.
type frame struct {
	width, height            float64
	left, right, top, bottom float64
	xTicks, yTicks           int
	class                    string
}

func wide() frame {
	return frame{width: 920, height: 250, left: 62, right: 14, top: 30, bottom: 30, xTicks: 14, yTicks: 5, class: "chart wide"}
}

func besideAnother() frame {
	return frame{width: 450, height: 210, left: 58, right: 10, top: 30, bottom: 30, xTicks: 7, yTicks: 4, class: "chart wide"}
}

func narrow() frame {
	return frame{width: 360, height: 250, left: 54, right: 8, top: 30, bottom: 30, xTicks: 6, yTicks: 5, class: "chart narrow"}
}

// maxTips bounds the areas that show numbers at the pointer; maxPoints the points of a curve. A longer run is thinned
// to the worst second of each stretch.
const (
	maxTips   = 300
	maxPoints = 1000
)

// plot is one drawing in the making.
type plot struct {
	chart
	frame
	*svg
	topValue float64
}

func (c chart) draw(f frame) template.HTML {
	p := &plot{chart: c, frame: f, topValue: c.topValue()}
	p.svg = newSVG(f.width, f.height, f.class, c.id+"-"+strings.TrimPrefix(f.class, "chart "), c.title, c.describe())
	p.phases()
	p.axes()
	for i := len(c.lines) - 1; i >= 0; i-- { // the first is the most important: on top
		p.curve(c.lines[i])
	}
	p.limitLines()
	p.moments()
	p.tips()
	return p.done()
}

// topValue is where the value axis ends. A limit far above the data would flatten it: such a limit is named in the
// title of the chart only.
func (c chart) topValue() float64 {
	top := c.highest()
	for _, l := range c.limits {
		if c.visible(l) {
			top = math.Max(top, l.at)
		}
	}
	top = math.Max(top*1.1, c.floor)
	if c.roof > 0 {
		top = math.Min(top, c.roof)
	}
	if top <= 0 {
		return 1
	}
	return top
}

func (c chart) highest() float64 {
	highest := 0.0
	for _, l := range c.lines {
		for _, s := range l.points {
			if !s.absent {
				highest = math.Max(highest, s.v)
			}
		}
	}
	return highest
}

const farAbove = 20 // times the highest value

func (c chart) visible(l limit) bool {
	highest := math.Max(c.highest(), c.floor)
	return highest == 0 || l.at <= farAbove*highest
}

func (c chart) describe() string {
	parts := []string{fmt.Sprintf("%s over %s.", c.title, clock(c.until))}
	for _, b := range c.bands {
		parts = append(parts, fmt.Sprintf("Phase %s from %s to %s.", b.label, clock(b.from), clock(b.to)))
	}
	for _, l := range c.lines {
		low, high, known := math.Inf(1), math.Inf(-1), false
		for _, s := range l.points {
			if !s.absent {
				low, high, known = math.Min(low, s.v), math.Max(high, s.v), true
			}
		}
		if known {
			parts = append(parts, fmt.Sprintf("%s between %s and %s.", l.name, c.format(low), c.format(high)))
		}
	}
	for _, l := range c.limits {
		parts = append(parts, fmt.Sprintf("Limit: %s.", l.label))
	}
	return strings.Join(parts, " ")
}

func (p *plot) x(t float64) float64 {
	if p.until <= 0 {
		return p.left
	}
	return p.left + math.Min(math.Max(t/p.until, 0), 1)*(p.width-p.left-p.right)
}

func (p *plot) y(v float64) float64 {
	return p.height - p.bottom - math.Min(math.Max(v/p.topValue, 0), 1)*(p.height-p.top-p.bottom)
}

func (p *plot) phases() {
	for _, b := range p.bands {
		from, to := p.x(b.from), p.x(b.to)
		p.rect(from, p.top-20, to-from, p.height-p.top-p.bottom+20, "band "+b.class)
		if label := fit(b.label, to-from); label != "" {
			p.svg.text((from+to)/2, p.top-6, "middle", "phase", label)
		}
	}
}

// fit shortens a label to a width in units of the drawing; a label of which nothing would be left is left out.
func fit(label string, width float64) string {
	letters := int(width/6.6) - 1
	if letters >= columns(label) {
		return label
	}
	if _, share, ok := strings.Cut(label, ", "); ok && letters >= columns(share) { // a stage is known by its share
		return share
	}
	if letters < 4 {
		return ""
	}
	return string([]rune(label)[:letters-1]) + "…"
}

func (p *plot) axes() {
	for _, v := range ticks(p.topValue, p.yTicks) {
		p.svg.line(p.left, p.y(v), p.width-p.right, p.y(v), "grid")
		p.svg.text(p.left-7, p.y(v)+4, "end", "tick", p.format(v))
	}
	step := timeStep(p.until, p.xTicks)
	for t := 0.0; t <= p.until; t += step {
		p.svg.line(p.x(t), p.height-p.bottom, p.x(t), p.height-p.bottom+4, "axis")
		if t == 0 || p.x(t) < p.width-p.right-12 {
			p.svg.text(p.x(t), p.height-p.bottom+18, "middle", "tick", clock(t))
		}
	}
	p.svg.line(p.left, p.height-p.bottom, p.width-p.right, p.height-p.bottom, "axis")
}

// curve draws the stretches between gaps: where there is no data, there is no line.
func (p *plot) curve(c curve) {
	var lines, areas strings.Builder
	stretch := make([]sample, 0, len(c.points))
	flush := func() {
		switch {
		case len(stretch) == 1:
			p.circle(p.x(stretch[0].t), p.y(stretch[0].v), 2, "dot "+c.class)
		case len(stretch) > 1:
			for i, s := range stretch {
				command := "L"
				if i == 0 {
					command = "M"
				}
				lines.WriteString(command + num(p.x(s.t)) + " " + num(p.y(s.v)))
			}
			if c.area {
				fmt.Fprintf(&areas, "M%s %s", num(p.x(stretch[0].t)), num(p.y(0)))
				for _, s := range stretch {
					fmt.Fprintf(&areas, "L%s %s", num(p.x(s.t)), num(p.y(s.v)))
				}
				fmt.Fprintf(&areas, "L%s %sZ", num(p.x(stretch[len(stretch)-1].t)), num(p.y(0)))
			}
		}
		stretch = stretch[:0]
	}
	for _, s := range thin(c.points, maxPoints) {
		if s.absent {
			flush()
			continue
		}
		stretch = append(stretch, s)
	}
	flush()
	p.path(areas.String(), "area "+c.class)
	p.path(lines.String(), "curve "+c.class)
}

// thin keeps the highest of each stretch of points, so that at most limit are left.
func thin(points []sample, limit int) []sample {
	if len(points) <= limit {
		return points
	}
	size := (len(points) + limit - 1) / limit
	out := make([]sample, 0, limit)
	for from := 0; from < len(points); from += size {
		worst := points[from]
		for _, s := range points[from:min(from+size, len(points))] {
			if worst.absent || !s.absent && s.v > worst.v {
				worst = s
			}
		}
		out = append(out, worst)
	}
	return out
}

func (p *plot) limitLines() {
	for _, l := range p.limits {
		if !p.visible(l) {
			p.svg.text(p.left+6, p.top+14, "start", "limit-label", "limit, above: "+l.label)
			continue
		}
		y := p.y(l.at)
		p.svg.line(p.left, y, p.width-p.right, y, "limit")
		at := y - 5
		if y < p.top+16 {
			at = y + 14
		}
		p.svg.text(p.left+6, at, "start", "limit-label", "limit: "+l.label)
	}
}

func (p *plot) moments() {
	for _, m := range p.marks {
		x := p.x(m.at)
		p.svg.line(x, p.top-2, x, p.height-p.bottom, "moment")
		anchor, offset := "start", 5.0
		if x > p.width-p.right-90 {
			anchor, offset = "end", -5
		}
		p.svg.text(x+offset, p.top+12, anchor, "moment-label", m.label)
	}
}

// tips show the numbers of a second where the pointer rests on it.
func (p *plot) tips() {
	n := 0
	for _, l := range p.lines {
		n = max(n, len(l.points))
	}
	if n == 0 || n > maxTips {
		return
	}
	for i := range n {
		text, t, known := "", 0.0, false
		for _, l := range p.lines {
			if i >= len(l.points) {
				continue
			}
			s := l.points[i]
			t, known = s.t, true
			value := "no data"
			if !s.absent {
				value = p.format(s.v)
			}
			text += fmt.Sprintf("\n%s: %s", l.name, value)
		}
		if known {
			from := p.x(t - 0.5)
			p.tip(from, p.top, p.x(t+0.5)-from, p.height-p.top-p.bottom, fmt.Sprintf("%s – %s%s", clock(t-0.5), clock(t+0.5), text))
		}
	}
}
