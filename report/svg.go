package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// svg collects one drawing. Its texts are escaped here, whatever they hold; colors come from classes that the page's
// style sheet defines, for light and dark.
type svg struct{ b strings.Builder }

// newSVG starts a drawing that scales with its container. title and desc are for those who hear the page.
func newSVG(width, height float64, class, id, title, desc string) *svg {
	s := &svg{}
	fmt.Fprintf(&s.b, `<svg class="%s" viewBox="0 0 %s %s" role="img" aria-labelledby="%s-t %s-d" xmlns="http://www.w3.org/2000/svg">`,
		class, num(width), num(height), id, id)
	fmt.Fprintf(&s.b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, html.EscapeString(title), id, html.EscapeString(desc))
	return s
}

func (s *svg) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(&s.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x), num(y), num(math.Max(w, 0)), num(math.Max(h, 0)))
}

// tip is an invisible area that shows a text when the pointer rests on it.
func (s *svg) tip(x, y, w, h float64, text string) {
	fmt.Fprintf(&s.b, `<rect class="tip" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`,
		num(x), num(y), num(math.Max(w, 0)), num(math.Max(h, 0)), html.EscapeString(text))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&s.b, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

func (s *svg) circle(x, y, r float64, class string) {
	fmt.Fprintf(&s.b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
}

// text is anchored at "start", "middle" or "end".
func (s *svg) text(x, y float64, anchor, class, text string) {
	fmt.Fprintf(&s.b, `<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, num(x), num(y), anchor, html.EscapeString(text))
}

func (s *svg) path(d, class string) {
	if d != "" {
		fmt.Fprintf(&s.b, `<path class="%s" d="%s"/>`, class, d)
	}
}

// done is the finished drawing. It is safe to embed: everything in it was written by the methods above.
func (s *svg) done() template.HTML {
	return template.HTML(s.b.String() + "</svg>") //nolint:gosec // escaped above
}

// num writes a coordinate with a tenth's precision. What is not a number ends up at 0, where it is seen.
func num(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "0"
	}
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

// ticks are round numbers (1, 2 or 5 times a power of ten apart) from 0 to at most top, about count of them.
func ticks(top float64, count int) []float64 {
	if !(top > 0) || math.IsInf(top, 0) || count < 1 {
		return []float64{0}
	}
	step := niceStep(top / float64(count))
	var out []float64
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		out = append(out, float64(i)*step)
	}
	return out
}

// niceStep is the smallest of 1, 2 and 5 times a power of ten that is at least x.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= x*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// timeStep is a distance of ticks, in seconds, that reads well on a clock, for about count of them.
func timeStep(length float64, count int) float64 {
	for _, step := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600} {
		if length/step <= float64(count) {
			return step
		}
	}
	return niceStep(length/float64(count)/3600) * 3600
}

// clock writes a time since the start: "45 s", "2 m", "2:30".
func clock(t float64) string {
	switch s := int(math.Round(t)); {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s%60 == 0 && s < 3600:
		return fmt.Sprintf("%d m", s/60)
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	default:
		return fmt.Sprintf("%d:%02d h", s/3600, s/60%60)
	}
}
