package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A Range is what something is reckoned to be, at least and at most. Most is infinite, and null in JSON, where nobody knows.
type Range struct{ Least, Most float64 }

type rangeJSON struct {
	Least float64  `json:"least"`
	Most  *float64 `json:"most"`
}

// MarshalJSON implements json.Marshaler.
func (r Range) MarshalJSON() ([]byte, error) {
	j := rangeJSON{Least: r.Least}
	if r.Known() {
		j.Most = &r.Most
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Range) UnmarshalJSON(data []byte) error {
	var j rangeJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*r = Range{j.Least, math.Inf(1)}
	if j.Most != nil {
		r.Most = *j.Most
	}
	return nil
}

// Known says that the range has an upper end.
func (r Range) Known() bool { return !math.IsInf(r.Most, 1) }

func (r Range) plus(o Range) Range { return Range{r.Least + o.Least, r.Most + o.Most} }

// times is the range of a product; nothing times anything is nothing.
func (r Range) times(o Range) Range {
	most := r.Most * o.Most
	if r.Most == 0 || o.Most == 0 {
		most = 0
	}
	return Range{r.Least * o.Least, most}
}

// A Prediction is what a run is reckoned to bring about. Requests that reach a target in other ways than by the experiment's loads are in it only
// as far as its Usual traffic is known.
type Prediction struct {
	Requests   float64 `json:"requests"`   // of all loads, in all phases
	Injections Range   `json:"injections"` // of all conditions
	Failed     Range   `json:"failed"`     // requests of loads, because of the faults
	// Cost is in US dollars: what AWS Lambda bills for the time that faults add, and for what the loads invoke themselves.
	Cost    Range             `json:"cost"`
	Changes []PredictedChange `json:"changes"`
	// Unknown says what is not reckoned, and why.
	Unknown []string `json:"unknown,omitempty"`
}

// A PredictedChange is what a condition is reckoned to do on one target.
type PredictedChange struct {
	Name       string `json:"name"`
	Injections Range  `json:"injections"`
	From       string `json:"from"` // what it is reckoned from

	loads Range // of the injections, those of the experiment's own loads
}

// Usual is what is known of a target before a run: how much its users use it at this time, and what its functions cost.
type Usual struct {
	Rate    Range         // invocations a second, by others than the experiment
	From    string        // where that is known from
	Memory  float64       // GB
	Timeout time.Duration // of an invocation
	Price   Price
}

// A Price is what AWS Lambda bills, in US dollars.
type Price struct{ GBSecond, Request float64 }

// A Forecaster is an Action whose target's use can be told before anything is changed. Nothing depends on its answer but predictions.
type Forecaster interface {
	Usual(ctx context.Context) (Usual, error)
}

// Predict reckons what a run of an experiment brings about, as far as the file alone says: nobody is asked, and each condition counts as
// one on one target. What else uses a target is unknown.
func Predict(x *experiment.Experiment) Prediction {
	var changes []*change
	for _, c := range x.Conditions {
		ch := newChange(c, Targeted{Names: []string{c.Target.Lambda}})
		changes = append(changes, ch)
	}
	return predict(x, specOf(x, Options{}), changes)
}

// predict reckons with the targets and what is known of them.
func predict(x *experiment.Experiment, s spec, changes []*change) Prediction {
	p := Prediction{Changes: []PredictedChange{}}
	whole := s.baseline + time.Duration(len(s.stages))*s.fault + s.recovery
	for _, l := range x.Loads {
		p.Requests += due(l.Rate, 0, whole)
	}
	for _, ch := range changes {
		one := predictChange(x, s, ch)
		p.Changes = append(p.Changes, one)
		p.Injections = p.Injections.plus(one.Injections)
		p.Cost = p.Cost.plus(costOf(ch, one.Injections))
	}
	for _, l := range x.Loads {
		p.Failed = p.Failed.plus(failed(l, s, changes))
	}
	p.Cost = p.Cost.plus(invocations(x, whole, changes))
	p.Unknown = unknowns(changes, p)
	return p
}

func predictChange(x *experiment.Experiment, s spec, ch *change) PredictedChange {
	out := PredictedChange{Name: ch.Name, From: "the loads"}
	if !inFunctions(ch) {
		out.Injections, out.From = Range{1, 1}, "a change of the account counts as one"
		return out
	}
	for _, l := range x.Loads {
		n := exposedTo(l, ch, s)
		out.loads.Most += n.Most
		if invokes(l, ch) {
			out.loads.Least += n.Least
		}
	}
	use := ch.others()
	others := Range{exposed(ch, s, steady(use.Least)).Least, exposed(ch, s, steady(use.Most)).Most}
	if len(ch.Match) > 0 || ch.After != "" {
		others.Least = 0
	}
	if ch.usual != nil && ch.usual.From != "" {
		out.From += ", and " + ch.usual.From
	}
	out.Injections = out.loads.plus(others)
	return out
}

// others is how often a target is invoked by others than the experiment, a second.
func (ch *change) others() Range {
	switch {
	case ch.account == OnThisMachine:
		return Range{}
	case ch.usual != nil:
		return ch.usual.Rate
	}
	return Range{0, math.Inf(1)}
}

// inFunctions says that a change is a fault inside functions, which is counted by invocations.
func inFunctions(ch *change) bool {
	return slices.ContainsFunc(fault.Kinds(), func(k fault.KindInfo) bool { return string(k.Kind) == ch.Fault })
}

// invokes says that each request of a load is one that the condition is sure to see.
func invokes(l experiment.Load, ch *change) bool {
	return len(ch.Match) == 0 && ch.After == "" && l.Lambda != "" && slices.Contains(ch.names, l.Lambda)
}

// byChance is how many deviations a prediction allows for where each request is hit by chance: about one run in 400 is outside.
const byChance = 3

// exposed is how many of some requests a condition hits, in all stages.
func exposed(ch *change, s spec, between func(from, to time.Duration) float64) Range {
	mean, variance := 0.0, 0.0
	begin, end := ch.Delay, time.Duration(len(s.stages))*s.fault
	if ch.For > 0 {
		end = min(end, begin+ch.For)
	}
	for i, share := range s.stages {
		from, to := max(begin, time.Duration(i)*s.fault), min(end, time.Duration(i+1)*s.fault)
		hit := share / 100 * ch.Percentage / 100
		if to <= from || hit == 0 {
			continue
		}
		n := between(from, to)
		mean += n * hit
		if hit < 1 {
			variance += n * hit * (1 - hit)
		}
	}
	if math.IsInf(mean, 1) {
		return Range{0, mean}
	}
	by := byChance * math.Sqrt(variance)
	return Range{max(0, mean-by), mean + by}
}

// exposedTo is how many requests of a load a condition hits, if it sees all of them.
func exposedTo(l experiment.Load, ch *change, s spec) Range {
	all := due(l.Rate, s.baseline, s.baseline+time.Duration(len(s.stages))*s.fault)
	n := exposed(ch, s, func(from, to time.Duration) float64 { return due(l.Rate, s.baseline+from, s.baseline+to) })
	return Range{n.Least, min(n.Most, all)}
}

// steady is what comes at a rate that stays.
func steady(rate float64) func(from, to time.Duration) float64 {
	return func(from, to time.Duration) float64 { return rate * (to - from).Seconds() }
}

// certain are the kinds by which an invocation fails for whoever invokes the function.
var certain = [...]fault.Kind{fault.Exception, fault.FailAfter, fault.Timeout}

// failed is how many requests of a load fail because of the conditions. Each fails once, whatever hits it, so that at least as many do as the
// condition alone that makes most of them fail.
func failed(l experiment.Load, s spec, changes []*change) Range {
	var out Range
	all := due(l.Rate, s.baseline, s.baseline+time.Duration(len(s.stages))*s.fault)
	for _, ch := range changes {
		n := Range{0, all}
		if inFunctions(ch) {
			n = exposedTo(l, ch, s)
		}
		out.Most += n.Most
		if invokes(l, ch) && slices.Contains(certain[:], fault.Kind(ch.Fault)) {
			out.Least = max(out.Least, n.Least)
		}
	}
	return Range{out.Least, min(out.Most, all)}
}

// costOf is what Lambda bills for the time that the injections add to invocations.
func costOf(ch *change, injections Range) Range {
	if ch.account == OnThisMachine || !inFunctions(ch) {
		return Range{}
	}
	added := lengthened(ch)
	if added.Most == 0 {
		return Range{}
	}
	if ch.usual == nil || ch.usual.Price.GBSecond == 0 {
		return Range{0, math.Inf(1)}
	}
	second := ch.usual.Memory * ch.usual.Price.GBSecond
	return injections.times(added).times(Range{second, second})
}

// lengthened is how many seconds an injection adds to its invocation: at most what is left until the function's timeout.
func lengthened(ch *change) Range {
	longest := math.Inf(1)
	if ch.usual != nil && ch.usual.Timeout > 0 {
		longest = ch.usual.Timeout.Seconds()
	}
	switch fault.Kind(ch.Fault) {
	case fault.Exception, fault.StatusCode, fault.Throttle, fault.Corruption, fault.FailAfter, fault.Batch, fault.Poison:
		return Range{}
	case fault.Latency:
		low, high := milliseconds(ch.With["min_latency"]), milliseconds(ch.With["max_latency"])
		_, mean := ch.With["mean"]
		if _, shaped := ch.With["distribution"]; high == 0 && (mean || shaped) {
			high = math.Inf(1)
		}
		return Range{min(low, longest), min(max(low, high), longest)}
	}
	return Range{0, longest}
}

// milliseconds reads a duration of a fault's settings, in seconds.
func milliseconds(v any) float64 {
	switch x := v.(type) {
	case float64:
		return x / 1000
	case int:
		return float64(x) / 1000
	case int64:
		return float64(x) / 1000
	case json.Number:
		f, _ := x.Float64()
		return f / 1000
	}
	return 0
}

// invocations is what Lambda bills for each request of a load that invokes a target.
func invocations(x *experiment.Experiment, whole time.Duration, changes []*change) Range {
	total := 0.0
	for _, l := range x.Loads {
		for _, ch := range changes {
			if l.Lambda != "" && slices.Contains(ch.names, l.Lambda) && ch.usual != nil && ch.account != OnThisMachine {
				total += due(l.Rate, 0, whole) * ch.usual.Price.Request
				break
			}
		}
	}
	return Range{total, total}
}

// unknowns says what the numbers leave out.
func unknowns(changes []*change, p Prediction) []string {
	var out []string
	for _, ch := range changes {
		switch {
		case ch.usualErr != nil:
			out = append(out, fmt.Sprintf("how much %s is used by others: %v", ch.key, ch.usualErr))
		case inFunctions(ch) && !ch.others().Known():
			out = append(out, fmt.Sprintf("how much the target of %s is used by others", ch.Name))
		}
	}
	if p.Cost.Most > 0 {
		out = append(out, "in the cost: the loads' own run time, retries, logs, and everything behind the functions")
	}
	return out
}

// mostForecasts is how many targets are asked about their use.
const mostForecasts = 20

// forecast asks the targets how much they are used. What is not known stays unknown.
func forecast(ctx context.Context, o Options, changes []*change) {
	var ask [][]*change
	for _, ch := range changes {
		if _, ok := ch.action.(Forecaster); ok && ch.usual == nil && ch.usualErr == nil && ch.account != OnThisMachine && len(ask) < mostForecasts {
			ask = append(ask, []*change{ch})
		}
	}
	sideBySide(o.parallel(), ask, func(ch *change) bool {
		usual, err := bounded(ctx, forecastTimeout, ch.action.(Forecaster).Usual)
		if ch.usualErr = err; err == nil {
			ch.usual = &usual
		}
		return true
	})
}

// forecastTimeout bounds a question on which nothing depends.
const forecastTimeout = 5 * time.Second
