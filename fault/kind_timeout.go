package fault

import "time"

func timeoutKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Timeout, Doc: "the handler starts only when the deadline, less a buffer, has come",
			Attributes: []Attribute{
				{Name: "timeout_buffer_ms", Friendly: "buffer", Type: TypeDuration, Max: maxMillis, Doc: "time left to the handler; default 0"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			buffer := time.Duration(v.number("timeout_buffer_ms", 0) * float64(time.Millisecond))
			return behaviour{effect: func(m moment) Injection {
				if m.deadline.IsZero() {
					return Injection{Skip: "the invocation's deadline is unknown"}
				}
				return Injection{Delay: max(0, m.deadline.Add(-buffer).Sub(m.now))}
			}}, nil
		},
	}
}
