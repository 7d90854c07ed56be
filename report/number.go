package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// seconds writes a latency as verdicts do: "312 ms", "2.01 s".
func seconds(x float64) string { return verdict.Expectation{Unit: verdict.Seconds}.Format(x) }

// plain writes a number without a unit.
func plain(x float64) string { return verdict.Expectation{Unit: verdict.Number}.Format(x) }

// share writes part of whole in percent, and so that "none" and "all" are never the work of rounding.
func share(part, whole int) string {
	if whole <= 0 {
		return "none"
	}
	text := verdict.Expectation{Unit: verdict.Ratio}.Format(float64(part) / float64(whole))
	if text == "100 %" && part < whole {
		return "almost 100 %"
	}
	return text
}

// estimate writes a finding's estimate; "no data" if there is none.
func estimate(f verdict.Finding) string {
	if f.Outcome == "" {
		return "–"
	}
	if math.IsNaN(f.Estimate) || f.Samples == 0 && f.Estimate == 0 && f.Expectation.Statistic != "count" && f.Expectation.Statistic != "rate" {
		return "no data"
	}
	if f.Expectation.Fires() && math.IsInf(f.Estimate, 1) {
		return "never"
	}
	return f.Expectation.Format(f.Estimate)
}

// interval writes a finding's interval: "305–314 ms", "≥ 305 ms". Empty if nothing bounds it.
func interval(f verdict.Finding) string {
	in := f.Interval
	low, high := !math.IsInf(in.Low, 0) && !math.IsNaN(in.Low), !math.IsInf(in.High, 0) && !math.IsNaN(in.High)
	switch {
	case f.Outcome == "" || in.Confidence == 0 || !low && !high:
		return ""
	case !high:
		return "≥ " + f.Expectation.Format(in.Low)
	case !low:
		return "≤ " + f.Expectation.Format(in.High)
	}
	from, to := f.Expectation.Format(in.Low), f.Expectation.Format(in.High)
	if from == to {
		return from
	}
	number, unit := splitUnit(from)
	if f.Expectation.Relative != "" { // a dash before a sign is hard to read
		return from + " to " + to
	}
	if other, same := splitUnit(to); unit == same {
		return number + "–" + other + unit
	}
	return from + " – " + to
}

// spread is what a finding's interval says beyond its estimate; empty if that is nothing.
func spread(f verdict.Finding) string {
	in := interval(f)
	if in == estimate(f) {
		return ""
	}
	return in
}

// splitUnit cuts "312 ms" into "312" and " ms".
func splitUnit(s string) (number, unit string) {
	at := strings.IndexAny(s, " /")
	if at < 0 {
		return s, ""
	}
	return s[:at], s[at:]
}

// span writes how long something took, for people: "22.4 s", "3 m 20 s".
func span(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%d m %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d m", d/time.Hour, d%time.Hour/time.Minute)
}

// counted writes a number with its noun: "1 request", "2 requests".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
