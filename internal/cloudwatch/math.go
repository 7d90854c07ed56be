package cloudwatch

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var mathToken = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?|[A-Za-z_][A-Za-z0-9_]*|[-+*/(),\[\]])`)

// A mathReader computes one expression of metric math: + - * / with numbers, metrics and parentheses, SUM, AVG, MIN and MAX of
// several metrics or of one, and FILL.
type mathReader struct {
	*evaluator
	rest, text string
}

func (e *evaluator) expression(text string) (operand, error) {
	r := &mathReader{e, text, text}
	x, err := r.sum()
	if err == nil && strings.TrimSpace(r.rest) != "" {
		err = r.fail()
	}
	if err == nil && x.scalar {
		err = &refusal{400, "ValidationError", "the expression yields a number, not a time series: " + text}
	}
	return x, err
}

func (r *mathReader) fail() error {
	return &refusal{400, "ValidationError", "the expression " + strconv.Quote(r.text) + " is not understood from " + strconv.Quote(r.rest) + " on"}
}

func (r *mathReader) peek() string {
	m := mathToken.FindStringSubmatch(r.rest)
	if m == nil {
		return ""
	}
	return m[1]
}

func (r *mathReader) take() string {
	m := mathToken.FindStringSubmatch(r.rest)
	if m == nil {
		return ""
	}
	r.rest = r.rest[len(m[0]):]
	return m[1]
}

func (r *mathReader) sum() (operand, error) {
	x, err := r.product()
	for err == nil && (r.peek() == "+" || r.peek() == "-") {
		op := r.take()
		var y operand
		if y, err = r.product(); err == nil {
			x = combine(x, y, op)
		}
	}
	return x, err
}

func (r *mathReader) product() (operand, error) {
	x, err := r.factor()
	for err == nil && (r.peek() == "*" || r.peek() == "/") {
		op := r.take()
		var y operand
		if y, err = r.factor(); err == nil {
			x = combine(x, y, op)
		}
	}
	return x, err
}

func (r *mathReader) factor() (operand, error) {
	switch word := r.peek(); {
	case word == "":
		return operand{}, r.fail()
	case word == "-":
		r.take()
		x, err := r.factor()
		return combine(operand{scalar: true}, x, "-"), err
	case word == "(":
		r.take()
		x, err := r.sum()
		if err == nil && r.take() != ")" {
			err = r.fail()
		}
		return x, err
	case word[0] >= '0' && word[0] <= '9':
		r.take()
		number, err := strconv.ParseFloat(word, 64)
		return operand{scalar: true, number: number}, err
	case slices.Contains([]string{"SUM", "AVG", "MIN", "MAX", "FILL"}, word):
		return r.call(r.take())
	case word[0] >= 'a' && word[0] <= 'z': // ids begin with a small letter
		return r.query(r.take())
	}
	return operand{}, r.fail()
}

// call reads the arguments of a function and computes it.
func (r *mathReader) call(name string) (operand, error) {
	if r.take() != "(" {
		return operand{}, r.fail()
	}
	several := r.peek() == "["
	if several {
		r.take()
	}
	var args []operand
	for {
		if name == "FILL" && len(args) == 1 && r.peek() == "REPEAT" {
			r.take()
			args = append(args, operand{scalar: true, number: math.NaN()})
		} else {
			x, err := r.sum()
			if err != nil {
				return x, err
			}
			args = append(args, x)
		}
		if r.peek() != "," {
			break
		}
		r.take()
	}
	if several && r.take() != "]" || r.take() != ")" {
		return operand{}, r.fail()
	}
	switch {
	case name == "FILL" && len(args) == 2 && args[1].scalar && !args[0].scalar:
		return r.fill(args[0], args[1].number), nil
	case name == "FILL" || len(args) > 1 && !several:
		return operand{}, r.fail()
	case several:
		return fold(name, args), nil
	}
	return operand{scalar: true, number: reduce(name, slices.Collect(maps.Values(args[0].points)))}, nil
}

// fill puts a number where a series has none; NaN repeats the one before.
func (r *mathReader) fill(x operand, number float64) operand {
	period := r.smallestPeriod()
	out := operand{points: map[time.Time]float64{}}
	last := number
	for at := r.from.Truncate(period); at.Before(r.to); at = at.Add(period) {
		if y, ok := x.points[at]; ok {
			out.points[at], last = y, y
		} else if !math.IsNaN(number) {
			out.points[at] = number
		} else if !math.IsNaN(last) {
			out.points[at] = last
		}
	}
	return out
}

func (e *evaluator) smallestPeriod() time.Duration {
	smallest := time.Hour
	for _, q := range e.queries {
		if q.MetricStat != nil {
			smallest = min(smallest, time.Duration(*q.MetricStat.Period)*time.Second)
		}
	}
	return smallest
}

// combine computes where both have a point. Division by zero yields none, as in CloudWatch.
func combine(x, y operand, op string) operand {
	at := func(o operand, t time.Time) (float64, bool) {
		if o.scalar {
			return o.number, true
		}
		v, ok := o.points[t]
		return v, ok
	}
	if x.scalar && y.scalar {
		return operand{scalar: true, number: calculate(x.number, y.number, op)}
	}
	out := operand{points: map[time.Time]float64{}}
	times := x.points
	if x.scalar {
		times = y.points
	}
	for t := range times {
		a, okA := at(x, t)
		b, okB := at(y, t)
		if v := calculate(a, b, op); okA && okB && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out.points[t] = v
		}
	}
	return out
}

func calculate(a, b float64, op string) float64 {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	}
	return a / b
}

// fold reduces several series to one: each instant that any of them has.
func fold(name string, series []operand) operand {
	values := map[time.Time][]float64{}
	for _, s := range series {
		for t, x := range s.points {
			values[t] = append(values[t], x)
		}
	}
	out := operand{points: map[time.Time]float64{}}
	for t, xs := range values {
		out.points[t] = reduce(name, xs)
	}
	return out
}

func reduce(name string, xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	switch name {
	case "AVG":
		return sum / float64(len(xs))
	case "MIN":
		return slices.Min(xs)
	case "MAX":
		return slices.Max(xs)
	}
	return sum
}
