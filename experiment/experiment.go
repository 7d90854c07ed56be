// Package experiment is the experiment file: what a user writes to say what should hold, what to break and
// how to stop. Parse decodes it strictly; every mistake is a Problem with file, line, text and hint.
// The package does no I/O: callers read the file and say what variables there are.
package experiment

import (
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// An Experiment is one parsed, validated, variable-free experiment file. Treat it as read-only.
type Experiment struct {
	File       string      `json:"file"`
	Title      string      `json:"title"`
	Objective  string      `json:"objective"`
	Loads      []Load      `json:"loads,omitempty"`
	Measures   []Measure   `json:"measures"`
	Conditions []Condition `json:"conditions"`
	Accounts   []Account   `json:"accounts,omitempty"`
	Phases     Phases      `json:"phases"`
	// Stages are shares of each condition's own percentage, rising, in (0, 100]. Never empty: [100] by default.
	Stages []float64     `json:"stages"`
	Stop   []StopRule    `json:"stop,omitempty"`
	Guards Guards        `json:"guards"`
	Lease  time.Duration `json:"lease"` // how long a fault outlives its runner; default 15s
}

// Phases are how long each part of the run lasts.
type Phases struct {
	Baseline time.Duration `json:"baseline"`
	// BaselineMax bounds the baseline's extension while the steady state is plausible but not yet settled.
	BaselineMax time.Duration `json:"baseline_max"` // default 3 x Baseline
	Fault       time.Duration `json:"fault"`        // of each stage
	Recovery    time.Duration `json:"recovery"`     // at most; measures how long until the steady state is back
}

// A Load is traffic that runs through all phases, as an open model: requests start when they are due.
type Load struct {
	Name string `json:"name"`
	// Exactly one of HTTP and Lambda is set.
	HTTP        *HTTPRequest  `json:"http,omitempty"`
	Lambda      string        `json:"lambda,omitempty"` // function to invoke with Body as its event
	Body        string        `json:"body,omitempty"`   // a template: {{.Seq}}, {{.UUID}}, {{.Rand 1 100}}, {{.Pick "a" "b"}}
	Rate        []RateStep    `json:"rate"`             // one step for a constant rate; the last step lasts to the end
	Timeout     time.Duration `json:"timeout"`          // of one request; default 10s
	MaxInFlight int           `json:"max_in_flight"`    // requests beyond it are dropped and counted; default 1000
	Seed        int64         `json:"seed,omitempty"`
}

// A RateStep goes from From to To requests a second over For. A constant step has From == To. A spike is
// three steps. For is zero in the last step only: to the end of the run.
type RateStep struct {
	From float64       `json:"from"`
	To   float64       `json:"to"`
	For  time.Duration `json:"for,omitempty"`
}

// A Measure is a number taken while the experiment runs, and what is expected of it.
type Measure struct {
	Name string `json:"name"`
	// Of is the kind: "load.NAME", "http", "invoke", "command", "prometheus", "cloudwatch", "alarm", "logs".
	Of     string              `json:"of"`
	Expect verdict.Expectation `json:"expect"`
	// Every is the time between readings of a probe; default 1s, for some kinds more. Loads are not read, they run.
	Every   time.Duration `json:"every,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // of one reading; default 5s
	// BaselineOnly measures gate the start and are not judged under the fault.
	BaselineOnly bool `json:"baseline_only,omitempty"`
	// ByVersion leaves only the requests of a load that this version of the function has answered; empty: all.
	ByVersion string `json:"by_version,omitempty"`
	// Against is the other group of requests, of a measure that compares two.
	Against Against `json:"against,omitzero"`
	// Probe carries the kind's own settings, decoded; nil for loads.
	Probe ProbeSpec `json:"probe,omitzero"`
	Line  int       `json:"line"`
}

// ProbeSpec holds the settings of all probe kinds; the ones that do not belong to the measure's kind are zero.
type ProbeSpec struct {
	HTTP         *HTTPRequest `json:"http,omitempty"`          // http
	Body         string       `json:"body,omitempty"`          // http, invoke
	Status       []int        `json:"status,omitempty"`        // http: statuses that count as success; default 200-399
	BodyContains string       `json:"body_contains,omitempty"` // http, invoke
	JSONPath     string       `json:"json_path,omitempty"`     // http, invoke: dotted path whose number is the reading
	Lambda       string       `json:"lambda,omitempty"`        // invoke
	Command      []string     `json:"command,omitempty"`       // command: argv, never a shell
	URL          string       `json:"url,omitempty"`           // prometheus: base URL
	Query        string       `json:"query,omitempty"`         // prometheus: PromQL instant query; logs: Logs Insights

	Metrics    []Metric      `json:"metrics,omitempty"`       // cloudwatch: one, or those of Expression
	Expression string        `json:"expression,omitempty"`    // cloudwatch: metric math; empty for one metric
	Period     time.Duration `json:"period,omitempty"`        // cloudwatch: what a datapoint sums up
	Lag        time.Duration `json:"lag,omitempty"`           // cloudwatch: when a datapoint is whole, after its period's end
	Missing    string        `json:"treat_missing,omitempty"` // cloudwatch, logs: "zero" if no data means that nothing happened
	Weeks      int           `json:"weeks,omitempty"`         // cloudwatch: how many earlier weeks to compare with
	Alarm      string        `json:"alarm,omitempty"`         // alarm: its name
	LogGroups  []string      `json:"log_groups,omitempty"`    // logs
	Field      string        `json:"field,omitempty"`         // logs: the field of the result that is measured
	Account    string        `json:"account,omitempty"`       // by its name in the experiment; empty: the runner's own
	Region     string        `json:"region,omitempty"`        // empty: the account's
}

// A Condition is a fault put on a target, with its blast radius and its place in time.
type Condition struct {
	Name       string            `json:"name"`
	Fault      string            `json:"fault"` // the action's kind; a fault.Kind for faults inside functions
	Target     Target            `json:"target"`
	With       fault.Attributes  `json:"with"`       // in the fault set's own attribute names: min_latency, in milliseconds
	Percentage float64           `json:"percentage"` // (0, 100]; default 100. 0: the fault is there or it is not, as those of accounts
	Match      []fault.Condition `json:"match,omitempty"`
	SampleBy   string            `json:"sample_by,omitempty"`
	Seed       uint64            `json:"seed,omitempty"`
	// After names a condition with a For; this one starts when that one is over. Delay is added.
	After string        `json:"after,omitempty"`
	Delay time.Duration `json:"delay,omitempty"`
	For   time.Duration `json:"for,omitempty"` // zero: until the fault phase ends
	// Irreversible says that the fault is wanted although it cannot be undone.
	Irreversible bool `json:"irreversible,omitempty"`
	Line         int  `json:"line"`
}

// A StopRule ends the run at once.
type StopRule struct {
	Of   string              `json:"of,omitempty"` // a measure's name or "load.NAME"; empty for an alarm
	When verdict.Expectation `json:"when,omitzero"`
	For  time.Duration       `json:"for"` // how long it must be true without a break; also the window it is computed over (at least 1s)
	// Alarm ends the run when it fires, or cannot be watched any more. Its name is empty for rules of a measure.
	Alarm Alarm         `json:"alarm,omitzero"`
	Every time.Duration `json:"every,omitempty"` // between readings of the alarm; default 5s
	Line  int           `json:"line"`
}
