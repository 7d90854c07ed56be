package verdict

import (
	"math"
	"strconv"
	"strings"
)

// Satisfied says whether x, in e's unit, satisfies the expectation. NaN satisfies none.
func (e Expectation) Satisfied(x float64) bool {
	switch e.Op {
	case "<":
		return x < e.Threshold
	case "<=":
		return x <= e.Threshold
	case ">":
		return x > e.Threshold
	case ">=":
		return x >= e.Threshold
	case "==":
		return x == e.Threshold
	case "!=":
		return x != e.Threshold && !math.IsNaN(x)
	}
	return false
}

// Format writes x, in e's unit, for people: "312 ms", "0.4 %", "19.8/s". Three significant digits, and all digits
// before the point. NaN is "unknown", infinity "∞".
func (e Expectation) Format(x float64) string {
	switch {
	case math.IsNaN(x):
		return "unknown"
	case math.IsInf(x, 1):
		return "∞"
	case math.IsInf(x, -1):
		return "-∞"
	}
	if e.Relative != "" {
		return e.formatMore(x)
	}
	switch e.Unit {
	case Seconds:
		return formatSeconds(x)
	case Ratio:
		return significant(x*100) + " %"
	case PerSecond:
		return significant(x) + "/s"
	case OfHistory:
		return significant(x*100) + " % of history"
	case State:
		switch x {
		case 0:
			return string(AlarmOK)
		case 1:
			return string(AlarmFiring)
		}
		return "" // between the two on an axis
	}
	return significant(x)
}

func formatSeconds(x float64) string {
	switch abs := math.Abs(x); {
	case abs == 0:
		return "0 ms"
	case abs < 0.9995e-3:
		return significant(x*1e6) + " µs"
	case abs < 0.9995:
		return significant(x*1e3) + " ms"
	}
	return significant(x) + " s"
}

// significant writes three significant digits, without an exponent unless the number is very small or large.
func significant(x float64) string {
	abs := math.Abs(x)
	if abs != 0 && (abs < 1e-6 || abs >= 1e15) {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	decimals := 0
	if abs != 0 && abs < 100 {
		decimals = 2 - int(math.Floor(math.Log10(abs)))
	}
	s := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// limit is the threshold as the user wrote it, or formatted if there is no text.
func (e Expectation) limit() string {
	if _, after, ok := strings.Cut(e.Text, e.Op); ok && e.Op != "" && strings.TrimSpace(after) != "" {
		return strings.TrimSpace(after)
	}
	return e.Format(e.Threshold)
}
