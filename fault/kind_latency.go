package fault

import (
	"math"
	"time"
)

// maxMillis bounds every duration: a day, far beyond what any function may run.
const maxMillis = 24 * 60 * 60 * 1000

func latencyKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Latency, Doc: "the handler starts late",
			Attributes: delayAttributes(),
		},
		build: func(v values) (behaviour, []Problem) {
			delay, draws, problems := buildDelay(v)
			return behaviour{draws: draws, effect: func(m moment) Injection {
				return Injection{Delay: delay(m)}
			}}, problems
		},
	}
}

func delayAttributes() []Attribute {
	return []Attribute{
		{Name: "min_latency", Friendly: "min", Type: TypeDuration, Max: maxMillis, Doc: "never less than this; default 0"},
		{Name: "max_latency", Friendly: "max", Type: TypeDuration, Max: maxMillis, Doc: "never more than this; default: min_latency for uniform, unbounded for the others"},
		{Name: "distribution", Type: TypeText, Values: []string{"fixed", "uniform", "normal", "exponential"},
			Doc: "how delays spread; default uniform, or fixed with a mean alone, or normal with mean and stddev"},
		{Name: "mean", Friendly: "delay", Type: TypeDuration, Max: maxMillis, Doc: "of fixed, normal and exponential; default min_latency for fixed"},
		{Name: "stddev", Type: TypeDuration, Max: maxMillis, Doc: "of normal"},
	}
}

// buildDelay turns the delay attributes into a function of the moment, and says whether it draws.
func buildDelay(v values) (delay func(moment) time.Duration, draws bool, problems []Problem) {
	low, high := v.number("min_latency", 0), v.number("max_latency", math.Inf(1))
	shape := delayShape(v)
	if shape == "uniform" && !v.has("max_latency") {
		high = low
	}
	if high < low {
		problems = append(problems, Problem{Field: "max_latency", Value: valueText(high),
			Message: "is less than min_latency " + valueText(low)})
	}
	if (shape == "normal" || shape == "exponential") && !v.has("mean") {
		problems = append(problems, Problem{Field: "mean", Message: "is missing: the distribution " + shape + " needs it"})
	}
	if shape == "normal" && !v.has("stddev") {
		problems = append(problems, Problem{Field: "stddev", Message: "is missing: the distribution normal needs it"})
	}
	mean, stddev := v.number("mean", low), v.number("stddev", 0)
	clip := func(ms float64) time.Duration {
		ms = math.Min(math.Max(ms, low), math.Min(high, maxMillis))
		return time.Duration(math.Ceil(ms * float64(time.Millisecond))) // up: never early
	}
	switch shape {
	case "fixed":
		return func(moment) time.Duration { return clip(mean) }, false, problems
	case "normal":
		return func(m moment) time.Duration { return clip(mean + stddev*m.normal()) }, true, problems
	case "exponential":
		return func(m moment) time.Duration { return clip(-mean * math.Log(1-m.draw(1))) }, true, problems
	default:
		return func(m moment) time.Duration { return clip(low + (high-low)*m.draw(1)) }, high > low, problems
	}
}

func delayShape(v values) string {
	switch {
	case v.has("distribution"):
		return v.text("distribution", "")
	case v.has("mean") && v.has("stddev"):
		return "normal"
	case v.has("mean"):
		return "fixed"
	default:
		return "uniform"
	}
}
