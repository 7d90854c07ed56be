package sweep

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Scale is the range of a parameter, from the gentle end to the harsh one. Values are seconds for durations, and numbers in the range's
// own unit otherwise.
type Scale struct {
	From  float64 `json:"from"` // the gentle end; it may be the larger one, where less is harsher
	To    float64 `json:"to"`
	Unit  string  `json:"unit"`  // "duration", "%", "/s", "/m", "/h", or "" for a number
	Grain float64 `json:"grain"` // values are multiples of it
	Log   bool    `json:"log"`   // equal factors, not equal differences, are equally far apart
}

const (
	unitDuration = "duration"
	decades      = 100 // a range that spans so many times its lower end is looked at by factors
	millisecond  = 1e-3
	microsecond  = 1e-6
)

var (
	numberText   = regexp.MustCompile(`^([0-9]+(?:\.([0-9]+))?) ?(%|/ ?[smh])?$`)
	durationText = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`)
)

// ParseScale reads FROM..TO: 0ms..2s, 1%..100%, 10/s..500/s, 64..1024.
func ParseScale(text string) (Scale, error) {
	first, second, ok := strings.Cut(text, "..")
	if !ok {
		return Scale{}, fmt.Errorf("%q is no range: write FROM..TO, from gentle to harsh, such as 0ms..2s", text)
	}
	from, err := parseValue(first)
	if err != nil {
		return Scale{}, err
	}
	to, err := parseValue(second)
	if err != nil {
		return Scale{}, err
	}
	switch {
	case from.unit != to.unit:
		return Scale{}, fmt.Errorf("%q has two units: write both ends with the same one", text)
	case from.number == to.number:
		return Scale{}, fmt.Errorf("%q is no range: its ends are the same", text)
	}
	s := Scale{From: from.number, To: to.number, Unit: from.unit, Grain: math.Min(from.grain, to.grain)}
	low, high := math.Min(s.From, s.To), math.Max(s.From, s.To)
	s.Log = low > 0 && high >= decades*low
	return s, nil
}

// ParseValue reads a value in the scale's unit.
func (s Scale) ParseValue(text string) (float64, error) {
	v, err := parseValue(text)
	if err == nil && v.unit != s.Unit {
		err = fmt.Errorf("%q has another unit than the range from %s to %s", text, s.Format(s.From), s.Format(s.To))
	}
	return v.number, err
}

// A quantity is a value as it was written.
type quantity struct {
	number, grain float64
	unit          string
}

func parseValue(text string) (quantity, error) {
	text = strings.TrimSpace(text)
	if durationText.MatchString(text) {
		d, err := time.ParseDuration(text)
		if err != nil {
			return quantity{}, fmt.Errorf("%q is too long a time", text)
		}
		grain := millisecond
		if strings.Contains(text, "us") || strings.Contains(text, "µs") || strings.Contains(text, "ns") {
			grain = microsecond
		}
		return quantity{d.Seconds(), grain, unitDuration}, nil
	}
	parts := numberText.FindStringSubmatch(text)
	if parts == nil || len(text) > 30 {
		return quantity{}, fmt.Errorf("%q is neither a number nor a duration, a percentage or a rate: such as 64, 300ms, 25%% or 20/s", text)
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return quantity{}, fmt.Errorf("%q is no number", text)
	}
	return quantity{number, math.Pow(10, -float64(len(parts[2]))), strings.ReplaceAll(parts[3], " ", "")}, nil
}

// Format writes a value as the experiment file has it: 340ms, 12.5%, 120/s, 64.
func (s Scale) Format(v float64) string {
	if s.Unit == unitDuration {
		d := time.Duration(math.Round(v*float64(time.Second)/float64(time.Microsecond))) * time.Microsecond
		switch {
		case d == 0:
			return "0ms"
		case d < time.Second && d%time.Millisecond == 0:
			return fmt.Sprintf("%dms", d/time.Millisecond)
		}
		return short(d)
	}
	decimals := int(math.Max(0, math.Ceil(-math.Log10(s.Grain)-1e-9)))
	return strconv.FormatFloat(v, 'f', decimals, 64) + s.Unit
}

// short leaves out the zeros that time.Duration writes: 2m0s, 1h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Position is where a value lies between the ends: 0 is the gentle one, 1 the harsh one.
func (s Scale) Position(v float64) float64 {
	if s.Log {
		return math.Log(v/s.From) / math.Log(s.To/s.From)
	}
	return (v - s.From) / (s.To - s.From)
}

// Value is what lies at a position.
func (s Scale) Value(position float64) float64 {
	if s.Log {
		return s.From * math.Pow(s.To/s.From, position)
	}
	return s.From + position*(s.To-s.From)
}

// snap rounds a value to a round number that is about a tenth of width away at most, and within the range.
func (s Scale) snap(v, width float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(width/5)))
	for _, factor := range []float64{5, 2} {
		if factor*step <= width/5 {
			step *= factor
			break
		}
	}
	step = math.Max(step, s.Grain)
	v = math.Round(v/step) * step
	v = math.Round(v/s.Grain) * s.Grain
	v = math.Round(v*1e9) / 1e9 // what binary fractions leave behind
	return math.Min(math.Max(v, math.Min(s.From, s.To)), math.Max(s.From, s.To))
}

// Precision is how close the two ends of the answer must be: a share of the harsher one, or an amount if it is not 0.
type Precision struct {
	Share  float64 `json:"share,omitempty"`
	Amount float64 `json:"amount,omitempty"`
}

// DefaultPrecision is 5 % of the breaking point.
const DefaultPrecision = 0.05

// ParsePrecision reads a precision: 5% is a share of the breaking point; anything else an amount in the scale's unit, so that for a
// scale of percentages percentage points are meant by 2%p.
func (s Scale) ParsePrecision(text string) (Precision, error) {
	text = strings.TrimSpace(text)
	if points, ok := strings.CutSuffix(text, "%p"); ok && s.Unit == "%" {
		v, err := s.ParseValue(points + "%")
		return amount(text, v, err)
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(share >= 0.1 && share <= 50) {
			return Precision{}, fmt.Errorf("precision %q: from 0.1%% to 50%% of the breaking point", text)
		}
		return Precision{Share: share / 100}, nil
	}
	v, err := s.ParseValue(text)
	return amount(text, v, err)
}

func amount(text string, v float64, err error) (Precision, error) {
	if err == nil && v <= 0 {
		err = fmt.Errorf("precision %q must be above 0", text)
	}
	return Precision{Amount: v}, err
}

// width is how far apart the ends of an answer near v may be.
func (s Scale) width(p Precision, v float64) float64 {
	w := p.Amount
	if w == 0 {
		w = p.Share * math.Abs(v)
	}
	return math.Max(w, s.Grain)
}
