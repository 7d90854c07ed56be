package fault

import "time"

func cpuKind() kind {
	return usageKind(KindInfo{Kind: CPU, Doc: "processors are busy beside the handler", Attributes: []Attribute{
		{Name: "cores", Type: TypeInteger, Min: 1, Max: maxCores, Doc: "how many, at most those that there are; default all"},
		{Name: "percent", Type: TypeInteger, Min: 1, Max: 100, Doc: "the share of each core's time; default 100"},
		{Name: "duration", Friendly: "for", Type: TypeDuration, Min: 1, Max: maxInvocation, Doc: "how long; default until the invocation ends"},
	}}, func(v values) (Usage, []Problem) {
		return Usage{
			Cores: int(v.number("cores", 0)), Percent: int(v.number("percent", 100)),
			For: time.Duration(v.number("duration", 0) * float64(time.Millisecond)),
		}, nil
	})
}
