package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// certainDisproof is which measure of a load is certain not to hold at a look before the end of a stage; empty if none is. All measures
// share what may be spent before the end, as those that compare do. Only limits from above are looked at: of what users are still waiting for,
// nothing is known but that it will be slower than what has been answered, so that a latency can only get worse. An error rate could get
// better, since errors are quick: it is looked at only where nearly everything has been answered. Measures of one
// version wait for the end: of what nobody has answered, nobody knows the version.
func (r *runner) certainDisproof(now time.Time, look int) string {
	var plain []experiment.Measure
	for _, m := range r.x.Measures {
		upper := strings.HasPrefix(m.Expect.Op, "<") && (m.Expect.Unit == verdict.Seconds || m.Expect.Unit == verdict.Ratio)
		if !m.BaselineOnly && !m.Against.Compares() && m.ByVersion == "" && upper && strings.HasPrefix(m.Of, "load.") {
			plain = append(plain, m)
		}
	}
	if len(plain) == 0 {
		return ""
	}
	alpha := verdict.Sequential{Alpha: (1 - verdict.DefaultConfidence) / float64(len(plain)), Looks: harmLooks}.Look(look)
	if alpha == 0 {
		return ""
	}
	for _, m := range plain {
		obs, window := r.source(m.Name).started(r.m.phaseFrom, now), now.Sub(r.m.phaseFrom)
		if m.Expect.Unit == verdict.Ratio && !r.complete(m.Of, r.m.phaseFrom, window, len(obs)) {
			continue
		}
		if f := verdict.JudgeAt(m.Expect, obs, window, 1-alpha); f.Outcome == verdict.Disproved {
			return fmt.Sprintf("%s: %s", m.Name, f.Reason)
		}
	}
	return ""
}
