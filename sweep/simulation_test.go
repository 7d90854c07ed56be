package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A world is a system whose breaking point is known: the latency of its answers is added to by the parameter, and every now and then a
// run is spoilt by something else.
type world struct {
	r        *rand.Rand
	at       float64 // the breaking point, in seconds
	spread   float64 // of latencies, as the standard deviation of their logarithm
	hiccups  float64 // the share of runs that are spoilt
	usual    int     // samples of a run of effort 1
	consumed int     // samples so far
}

const usual = 0.1 // seconds: the 95th percentile of latencies without the fault

// run judges a run as the engine does, from samples.
func (w *world) run(t Trial) Reading {
	limit := w.at + usual
	e := verdict.Expectation{Text: fmt.Sprintf("p95 < %gs", limit), Statistic: "p95", Op: "<", Threshold: limit, Unit: verdict.Seconds}
	n := int(t.Effort * float64(w.usual))
	w.consumed += n
	base := usual / math.Exp(1.6448536*w.spread) // so that the 95th percentile of base*exp(spread*N) is the usual one
	obs := make([]verdict.Observation, n)
	for i := range obs {
		obs[i].Value = base*math.Exp(w.spread*w.r.NormFloat64()) + t.Value
	}
	if w.r.Float64() < w.hiccups {
		for i := range obs[:n/8] {
			obs[i].Value += limit
		}
	}
	f := verdict.Judge(e, obs, time.Second)
	r := Reading{Value: t.Value, Effort: t.Effort, Answer: Undecided, Margin: (limit - f.Estimate) / limit}
	switch f.Outcome {
	case verdict.Held:
		r.Answer = Held
	case verdict.Disproved:
		r.Answer = Broken
	default:
		r.Of = f.Outcome
		if f.Missing > 0 {
			r.Need = float64(f.Missing+f.Samples) / float64(f.Samples)
		}
	}
	return r
}

// search runs a whole search.
func (w *world) search(s Search) ([]Reading, Conclusion) {
	var past []Reading
	for {
		t, ok := s.Next(past)
		if !ok {
			return past, s.Conclude(past)
		}
		past = append(past, w.run(t))
	}
}

// scan is what the search is compared with: every value of a grid of the same precision, undecided ones made longer just the same.
func (w *world) scan(s Search, step float64) (apart float64) {
	held, broken := s.Scale.From, s.Scale.To
	for v := s.Scale.From; v <= s.Scale.To+step/2; v += step {
		for effort := 1.0; ; {
			r := w.run(Trial{Value: v, Effort: effort})
			if r.Answer == Held {
				held = math.Max(held, v)
			}
			if r.Answer == Broken {
				broken = math.Min(broken, v)
			}
			need := math.Max(2, 1.2*r.Need)
			if r.Answer != Undecided || effort >= s.patience() || effort*need > 2*s.patience() {
				break
			}
			effort = math.Min(effort*need, s.patience())
		}
	}
	return broken - held
}

// answerOf is the one number of an answer.
func answerOf(c Conclusion) float64 {
	if c.Guess != nil {
		return c.Guess.Value
	}
	return (c.Held.Value + c.Broken.Value) / 2
}

// TestBar is the bar of the search: a known breaking point is found within 10 %, with at most a quarter of the samples of a linear scan of
// the same precision. The value of a scan that lies next to the breaking point is mostly undecided, so that its two ends are
// two steps apart: its step must be half the precision. FIREDRILL_TABLE=1 prints the table of docs/sweep.md.
func TestBar(t *testing.T) {
	s := Search{Scale: scaleOf(t, "0ms..2s")}
	searches, scans := 40, 2
	if os.Getenv("FIREDRILL_TABLE") != "" {
		searches, scans = 400, 10
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| breaking point\t| spread\t| spoilt runs\t| within 10 %\t| found\t| runs\t| samples\t| of a scan\t| of a scan of twice the step\t|")
	coarse, all := 0, 0
	for _, at := range []float64{0.05, 0.2, 0.34, 0.6, 1, 1.4, 1.8} {
		for _, noise := range []struct{ spread, hiccups float64 }{{0.1, 0}, {0.1, 0.05}, {0.3, 0}, {0.3, 0.05}} {
			within, found, runs, consumed, scanned, twice := 0, 0, 0, 0, 0, 0
			for seed := range searches {
				w := &world{r: rand.New(rand.NewPCG(uint64(seed), 7)), at: at, spread: noise.spread, hiccups: noise.hiccups, usual: 200}
				past, c := w.search(s)
				runs, consumed = runs+len(past), consumed+w.consumed
				if c.Outcome == Found {
					found++
				}
				if c.Held != nil && c.Broken != nil && math.Abs(answerOf(c)-at) <= 0.1*at {
					within++
				}
				if seed < scans {
					w.consumed = 0
					w.scan(s, s.width(at)/2)
					scanned, w.consumed = scanned+w.consumed, 0
					apart := w.scan(s, s.width(at))
					twice += w.consumed
					if all++; apart >= 0 && apart <= s.width(at)*1.001 {
						coarse++
					}
				}
			}
			per := func(samples, n int) float64 { return float64(samples) / float64(n) }
			share, ofTwice := per(consumed, searches)/per(scanned, scans), per(consumed, searches)/per(twice, scans)
			fmt.Fprintf(table, "| %s\t| %g\t| %g %%\t| %.1f %%\t| %.1f %%\t| %.1f\t| %.0f\t| %.0f %%\t| %.0f %%\t|\n", s.Scale.Format(at), noise.spread, noise.hiccups*100,
				100*per(within, searches), 100*per(found, searches), per(runs, searches), per(consumed, searches), share*100, ofTwice*100)
			if share > 0.25 {
				t.Errorf("%s, spread %g, %g spoilt: %.0f %% of the samples of a scan", s.Scale.Format(at), noise.spread, noise.hiccups, share*100)
			}
			if least := 0.9 - noise.hiccups; per(within, searches) < least {
				t.Errorf("%s, spread %g, %g spoilt: only %d of %d within 10 %%", s.Scale.Format(at), noise.spread, noise.hiccups, within, searches)
			}
		}
	}
	if 5*coarse > all {
		t.Errorf("%d of %d scans of twice the step had the precision: the comparison is unfair to them", coarse, all)
	}
	table.Flush()
	if os.Getenv("FIREDRILL_TABLE") != "" {
		t.Logf("\n%s%d of %d scans of twice the step had the precision", out.String(), coarse, all)
	}
}
