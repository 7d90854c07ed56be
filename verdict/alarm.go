package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// AlarmState is the state of an alarm, as CloudWatch calls it.
type AlarmState string

// The states of an alarm.
const (
	AlarmOK     AlarmState = "OK"
	AlarmFiring AlarmState = "ALARM"
	// AlarmUnknown is an alarm without data: neither good nor bad is known of what it watches.
	AlarmUnknown AlarmState = "INSUFFICIENT_DATA"
)

// Number is the value of an observation of the state: 0 for OK, 1 for ALARM, NaN for what is not known.
func (s AlarmState) Number() float64 {
	switch s {
	case AlarmOK:
		return 0
	case AlarmFiring:
		return 1
	}
	return math.NaN()
}

// AlarmIsOK is the expectation "ok": an alarm that is in the state OK at every reading.
func AlarmIsOK() Expectation {
	return Expectation{Text: "ok", Statistic: "alarm", Op: "==", Threshold: 0, Unit: State}
}

// firesWithin is how the expectation of an alarm that must fire begins.
const firesWithin = "fires within"

// OfAlarm says whether it is an expectation of an alarm's state, and of nothing else.
func (e Expectation) OfAlarm() bool { return e.Statistic == "alarm" || e.Fires() }

// Live is the expectation by which single readings are judged and written: that of an alarm which must fire is that it is OK as long as
// it need not.
func (e Expectation) Live() Expectation {
	if e.Fires() {
		return AlarmIsOK()
	}
	return e
}

// Fires says whether an alarm must fire within the threshold.
func (e Expectation) Fires() bool { return e.Statistic == "fires" }

// parseAlarm reads "ok" and "fires within DURATION". ok is false for everything else.
func parseAlarm(text string) (e Expectation, ok bool, message, hint string) {
	if strings.EqualFold(text, "ok") {
		return AlarmIsOK(), true, "", ""
	}
	words := strings.Join(strings.Fields(text), " ")
	if words != "fires" && !strings.HasPrefix(words, "fires ") {
		return e, false, "", ""
	}
	const howTo = "write fires within 60s"
	limit, within := strings.CutPrefix(words, firesWithin)
	if !within {
		return e, true, "it does not say by when", howTo
	}
	d, err := time.ParseDuration(strings.ReplaceAll(limit, " ", ""))
	if err != nil || d <= 0 {
		return e, true, fmt.Sprintf("%q is not a time to wait", strings.TrimSpace(limit)), howTo
	}
	return Expectation{Text: text, Statistic: "fires", Op: "<=", Threshold: d.Seconds(), Unit: Seconds}, true, "", ""
}

// alarm is the worst state that was seen. What could not be read might have been ALARM.
type alarm struct{}

func (alarm) estimate(s *sample) (float64, bool) {
	if len(s.values) == 0 {
		return math.NaN(), false
	}
	return slices.Max(s.values), true
}

func (a alarm) interval(s *sample, _ int, confidence float64) Interval {
	worst, ok := a.estimate(s)
	if !ok {
		return Interval{Low: 0, High: 1, Confidence: confidence}
	}
	in := Interval{Low: worst, High: worst, Confidence: confidence}
	if s.unknown > 0 {
		in.High = 1
	}
	return in
}

// JudgeFiring judges "fires within": whether an alarm that is read from an instant on, for a time, fires soon enough after it. Its
// interval is not one of confidence: the alarm has fired after the last reading that found it quiet, and before the first that did not.
func JudgeFiring(e Expectation, obs []Observation, from time.Time, window time.Duration) Finding {
	obs = slices.Clone(obs)
	slices.SortStableFunc(obs, func(a, b Observation) int { return a.At.Compare(b.At) })
	f := Finding{Expectation: e, Outcome: Inconclusive, Estimate: math.NaN(), Interval: Interval{Low: 0, High: math.Inf(1), Confidence: 1}, Samples: len(obs)}
	known := 0
	for _, o := range obs {
		since := max(0, o.At.Sub(from).Seconds())
		switch {
		case o.Failed || math.IsNaN(o.Value):
			f.Errors++
			continue
		case o.Value == 0 && math.IsInf(f.Interval.High, 1):
			f.Interval.Low = since
		case o.Value != 0:
			f.Interval.High = min(f.Interval.High, since)
		}
		known++
	}
	if known > 0 {
		f.Estimate, f.Outcome = f.Interval.High, outcome(e, f.Interval)
	}
	f.Reason = firingReason(f, known, window)
	return f
}

func firingReason(f Finding, known int, window time.Duration) string {
	e := f.Expectation
	low, high := e.Format(f.Interval.Low), e.Format(f.Interval.High)
	fired := !math.IsInf(f.Interval.High, 1)
	switch {
	case known == 0:
		return "the alarm's state is not known from a single reading, so nothing is known about when it fired"
	case fired && f.Outcome == Inconclusive:
		return fmt.Sprintf("the alarm fired between %s and %s after the fault began, and the limit of %s lies between: read it more often", low, high, e.Format(e.Threshold))
	case fired:
		return fmt.Sprintf("the alarm fired %s after the fault began (it was read as OK until %s), which %s the limit of %s", high, low, keeps(f.Outcome), e.Format(e.Threshold))
	case f.Outcome == Disproved:
		return fmt.Sprintf("the alarm did not fire within %s: it was still OK %s after the fault began", e.Format(e.Threshold), low)
	case window.Seconds() < e.Threshold:
		return fmt.Sprintf("the alarm had not fired when the fault ended after %s, before the limit of %s", e.Format(window.Seconds()), e.Format(e.Threshold))
	}
	return fmt.Sprintf("the alarm was not seen to fire, but its state is known only until %s after the fault began: %d of %s failed", low, f.Errors, plural(f.Samples, "reading"))
}

func keeps(o Outcome) string {
	if o == Held {
		return "keeps"
	}
	return "exceeds"
}

// stateReason puts a finding about an alarm's state into a sentence.
func stateReason(f Finding, s sample) string {
	switch f.Outcome {
	case Held:
		return fmt.Sprintf("the alarm was OK in %s", plural(s.n, "reading"))
	case Disproved:
		firing := 0
		for _, x := range s.values {
			if x != 0 {
				firing++
			}
		}
		return fmt.Sprintf("the alarm was firing in %d of %s", firing, plural(s.n, "reading"))
	}
	return fmt.Sprintf("the alarm was OK in %d of %s, and its state was unknown in %d", len(s.values), plural(s.n, "reading"), s.unknown)
}
