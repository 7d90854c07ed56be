package verdict

import "time"

// An Observation is one measured event.
type Observation struct {
	// At is when the event was meant to start (load: the intended start; probes: the reading's start).
	At time.Time
	// Value is the latency in seconds, counted from At, or the number that a probe read.
	// A request that was never answered has +Inf: dropped by the generator, refused, cut off. One that timed out has the time
	// waited. A reading that failed has NaN.
	Value float64
	// Failed marks an error: a failed request, a probe that could not read.
	Failed bool
	// Class is a short name of the outcome for counting: "200", "503", "timeout", "refused", "dropped", "no-data".
	Class string
	// Late is how much later than At the event really started; zero for probes.
	Late time.Duration
	// Span is how much time from At on the observation sums up: a datapoint of a metric. Zero for an event or a reading. It belongs
	// to a window only if all of it does. A rate or count takes Value as the events of that time.
	Span time.Duration
	// Version is the version of the function that answered; empty where nobody says.
	Version string
	// Mark is what the answer says of the fault that has hit it, as the function's host wrote it; empty if nothing.
	Mark string
}

// Outcome is the answer to "does it hold?".
type Outcome string

// The outcomes of one expectation, and of a run (the last three belong to runs only).
const (
	Held         Outcome = "held"
	Disproved    Outcome = "disproved"
	Inconclusive Outcome = "inconclusive"
	NotSteady    Outcome = "not-steady"
	Stopped      Outcome = "stopped"
	Error        Outcome = "error"
)

// Unit says how a statistic's numbers read.
type Unit string

// The units of statistics.
const (
	Seconds   Unit = "seconds"    // quantiles and mean of latencies
	Ratio     Unit = "ratio"      // error_rate: 0.01 is 1 %
	PerSecond Unit = "per_second" // rate
	Number    Unit = "number"     // count, value, and quantiles of numbers that are not latencies
	OfHistory Unit = "of_history" // numbers divided by what they were in earlier weeks: 1.2 is 120 % of that
	State     Unit = "state"      // of an alarm: 0 is OK, 1 is ALARM
)

// Relation says how an expectation relates one group of requests to another one.
type Relation string

// The relations. The zero Relation is that of an expectation which compares with nothing but its threshold.
const (
	RatioTo        Relation = "ratio"      // p95 <= +10%: a tenth more than the other group's, as a share of it: 0.1
	PairsWith      Relation = "pairs"      // slower <= 55%: of all pairs of requests, one of each group, the share in which the first took longer
	DifferenceFrom Relation = "difference" // p95 <= +20ms, error_rate <= +1%: so much more, in the expectation's unit
)

// An Expectation is a parsed "STATISTIC OP VALUE", or one of an alarm: "ok", "fires within DURATION". Text is what the user wrote.
type Expectation struct {
	Text      string  `json:"text"`
	Statistic string  `json:"statistic"` // p0 < pNN.N < p100, mean, rate, count, error_rate, value, slower, alarm, fires
	Op        string  `json:"op"`        // < <= > >=  (== and != for value and count)
	Threshold float64 `json:"threshold"` // in Unit
	Unit      Unit    `json:"unit"`
	// Relative is set where two groups are compared: mostly where the threshold has a sign, and says how much more than the other group's it may be.
	Relative Relation `json:"relative,omitempty"`
}

// An Interval is a two-sided confidence interval, ends included.
type Interval struct {
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
}

// A Finding is an expectation judged on one window of observations.
type Finding struct {
	Expectation Expectation `json:"expectation"`
	Outcome     Outcome     `json:"outcome"` // held, disproved or inconclusive
	Estimate    float64     `json:"estimate"`
	Interval    Interval    `json:"interval"`
	Samples     int         `json:"samples"`
	Errors      int         `json:"errors"`
	// Against is how many observations the other group has, of an expectation that compares two.
	Against int `json:"against,omitempty"`
	// P is how probable it is at most that a disproof of two groups is chance, both directions together; 0 for all others.
	P float64 `json:"p,omitempty"`
	// Cause names what keeps two groups from being compared; empty if nothing does.
	Cause Cause `json:"cause,omitempty"`
	// Missing is how many more samples like these would settle an inconclusive finding; 0 if unknown or settled.
	Missing int `json:"missing,omitempty"`
	// Reason says, in a sentence, why the outcome is what it is.
	Reason string `json:"reason"`
}
