package verdict

import "fmt"

// noData says why there is no estimate.
func noData(e Expectation, s sample) string {
	switch {
	case s.n == 0:
		return "there are no observations, so nothing is known about " + e.Statistic
	case e.Statistic == "rate" && s.window <= 0:
		return "the window has no length, so there is no rate"
	}
	return fmt.Sprintf("not one of %s gave a number, so nothing is known about %s", plural(s.n, "observation"), e.Statistic)
}

// reason puts a finding that has an estimate into a sentence.
func reason(f Finding, s sample) string {
	e := f.Expectation
	if e.Statistic == "alarm" {
		return stateReason(f, s)
	}
	what := fmt.Sprintf("%s is %s%s", e.Statistic, e.Format(f.Estimate), evidence(f, s))
	switch f.Outcome {
	case Held:
		return fmt.Sprintf("%s, which satisfies %s %s", what, e.Op, e.limit())
	case Disproved:
		return fmt.Sprintf("%s, which violates %s %s", what, e.Op, e.limit())
	}
	return what + ": " + doubt(f, s)
}

// evidence is the interval and what it rests on, in parentheses.
func evidence(f Finding, s sample) string {
	e := f.Expectation
	from, to := e.Format(f.Interval.Low), e.Format(f.Interval.High)
	samples := plural(s.n, "sample")
	switch e.Statistic {
	case "count":
		return fmt.Sprintf(" (of %s)", samples)
	case "value":
		if f.Interval.Low == f.Interval.High {
			return fmt.Sprintf(" (in %s)", plural(s.n, "reading"))
		}
		return fmt.Sprintf(" (range %s to %s in %s)", from, to, plural(s.n, "reading"))
	}
	return fmt.Sprintf(" (%s %% interval %s to %s, %s)", significant(f.Interval.Confidence*100), from, to, samples)
}

// doubt says what keeps a finding from being settled.
func doubt(f Finding, s sample) string {
	e := f.Expectation
	unknown := fmt.Sprintf("%d of %s failed and might have been anything", s.unknown, plural(s.n, "reading"))
	switch {
	case e.Statistic == "value" && s.unknown == 0:
		return fmt.Sprintf("some readings satisfy %s %s and some do not", e.Op, e.limit())
	case s.unknown > 0 && f.Missing == 0 && (e.Unit == Number || e.Unit == OfHistory): // shares and rates count failures, they know no values
		return unknown
	}
	text := fmt.Sprintf("that leaves open whether it is %s %s", e.Op, e.limit())
	if f.Missing > 0 {
		return fmt.Sprintf("%s; about %d more like these would settle it", text, f.Missing)
	}
	return text + "; no reasonable number of samples like these would settle it"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
