package fault

import "time"

func coldStartKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: ColdStart, Doc: "a new environment takes longer before it handles its first event",
			Attributes: delayAttributes(),
		},
		build: func(v values) (behaviour, []Problem) {
			delay, draws, problems := buildDelay(v)
			if !v.has("min_latency") && !v.has("max_latency") && !v.has("mean") {
				problems = append(problems, Problem{Field: "min_latency", Message: "is missing: a start needs a delay to be slow"})
			}
			return behaviour{start: true, draws: draws, effect: func(m moment) Injection { return Injection{Delay: delay(m)} }}, problems
		},
	}
}

// checkMatch refuses conditions where there is no event that they could look at.
func (b behaviour) checkMatch(conditions int) []Problem {
	if b.start && conditions > 0 {
		return []Problem{{Field: "match", Message: "has nothing to match: an environment starts before its first event"}}
	}
	return nil
}

// PlanStart decides whether an environment starts slowly, and by how much. The sampling key is the environment's
// name, which is the host's to choose; hosts ask once, before the first event is handled.
func (s *Set) PlanStart(environment string, now time.Time) (Injection, bool) {
	if s == nil || s.start == nil || s.expired(now) {
		return Injection{}, false
	}
	k := sampler{set: s, key: environment, known: true, inv: &Invocation{}}
	if !k.hits(s.start, "") {
		return Injection{}, false
	}
	return s.inject(s.start, k.moment(s.start, "", now)), true
}
