package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Follower is a Probe of what is recorded elsewhere and becomes known late, such as datapoints of a metric. The engine follows it
// instead of reading it.
type Follower interface {
	// Follow returns the observations from an instant on that are known by now, each of them once and in order, and the instant to
	// ask from next: everything before it has been told. An error takes nothing away from the observations beside it.
	Follow(ctx context.Context, from time.Time) (obs []verdict.Observation, next time.Time, err error)
}

// A Starter is a Probe that must know something before the run: it is called once, while the guards are checked, and an error
// refuses the run. The note is for the reader of the report; it may be empty.
type Starter interface {
	Start(ctx context.Context, at time.Time) (note string, err error)
}

// A WindowReader is a Probe that is asked about a time, not about now: while a phase lasts about what there was of it so far, and when
// the run is over once more about all of it.
type WindowReader interface {
	ReadBetween(ctx context.Context, from, until time.Time) (verdict.Observation, error)
}

// whole drops observations that sum up time beyond a window's end.
func whole(obs []verdict.Observation, until time.Time) []verdict.Observation {
	var out []verdict.Observation
	for _, o := range obs {
		if !o.At.Add(o.Span).After(until) {
			out = append(out, o)
		}
	}
	return out
}

// judgeIn judges a measure in one phase, whose observations those of the load it is compared with are beside. An alarm that must fire
// under the fault must be quiet without it.
func (r *runner) judgeIn(m experiment.Measure, phase string, obs, other []verdict.Observation, from, until time.Time) verdict.Finding {
	if m.Against.Compares() || m.ByVersion != "" {
		return sidesOf(r.run, m, obs, other).judge(m, from, until, lastLook().Look(harmLooks))
	}
	obs = whole(obs, until)
	if m.Expect.Fires() && phase == PhaseFault {
		return verdict.JudgeFiring(m.Expect, obs, from, until.Sub(from))
	}
	return verdict.Judge(m.Expect.Live(), obs, until.Sub(from))
}

// A following is a Follower at work.
type following struct {
	Follower
	measure experiment.Measure
	into    *store

	mu   sync.Mutex
	next time.Time
}

// run follows until ctx ends.
func (f *following) run(ctx context.Context) {
	ticks := time.NewTicker(max(f.measure.Every, watchStep))
	defer ticks.Stop()
	for ctx.Err() == nil {
		f.step(ctx)
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}

// step asks once.
func (f *following) step(ctx context.Context) {
	type answer struct {
		obs  []verdict.Observation
		next time.Time
	}
	from := f.known()
	got, err := bounded(ctx, f.measure.Timeout, func(ctx context.Context) (a answer, err error) {
		a.obs, a.next, err = f.Follow(ctx, from)
		return a, err
	})
	if ctx.Err() != nil {
		return // cut short by us; asked again, if anybody wants to know
	}
	if err != nil {
		f.into.fail(err)
	}
	for _, o := range got.obs {
		f.into.add(o)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if got.next.After(f.next) {
		f.next = got.next
	}
}

// known is the instant up to which everything has been told.
func (f *following) known() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next
}

// behind says whether there may still be news of the time before until.
func (f *following) behind(until time.Time) bool {
	return !f.known().Add(f.measure.Interval()).After(until)
}

// giveUp puts a failed observation in the place of each that was never told.
func (f *following) giveUp(until time.Time) {
	for f.behind(until) {
		at, span := f.known(), f.measure.Interval()
		f.into.add(verdict.Observation{At: at, Span: span, Value: math.NaN(), Failed: true, Class: "unread"})
		f.mu.Lock()
		f.next = at.Add(span)
		f.mu.Unlock()
	}
}

// behind are the measures of which there may still be news of the time before until.
func (r *runner) behind(until time.Time) (out []*following) {
	for _, f := range r.traffic.followed {
		if !f.measure.BaselineOnly && f.behind(until) {
			out = append(out, f)
		}
	}
	return out
}

func namesOf(late []*following) string {
	var out []string
	for _, f := range late {
		out = append(out, f.measure.Name)
	}
	return strings.Join(out, ", ")
}

// awaitLate waits until what comes late is known to the end of the run, or nobody wants to wait for it any more. What is not known then
// has failed: good news must not be taken for all the news.
func (r *runner) awaitLate(ctx context.Context) {
	if r.m.stop != nil || r.m.refuted || len(r.spans) == 0 {
		return
	}
	last := len(r.spans) - 1
	for r.recovery.Recovered && last > 0 && r.spans[last].Name == PhaseRecovery {
		last-- // its good end is known already
	}
	end := r.spans[last].End
	enough := end.Add(r.x.Lateness())
	late := r.behind(end)
	if len(late) == 0 {
		return
	}
	r.tell(Event{Kind: EventNote, Message: fmt.Sprintf("everything is put back; waiting, at most %s, for what is known late: %s", time.Until(enough).Round(time.Second), namesOf(late))})
	for len(late) > 0 && time.Now().Before(enough) && r.pause(ctx, late[0].measure.Every) {
		for _, f := range late {
			f.step(ctx)
		}
		late = r.behind(end)
	}
	for _, f := range late {
		f.giveUp(end)
		r.note(f.measure.Name + ": its last datapoints were not known when the run ended")
	}
}

// closeWindows asks about the fault phase as a whole, once what was recorded of it is known: the last reading before its end knew less.
func (r *runner) closeWindows(ctx context.Context) {
	if r.m.stop != nil || r.m.refuted {
		return
	}
	wanted := true // by whoever waits
	for i, p := range r.traffic.probes {
		w, ok := p.(WindowReader)
		m := r.x.Measures[i]
		if !ok || m.BaselineOnly {
			continue
		}
		for _, span := range r.spans {
			if span.Name != PhaseFault {
				continue
			}
			if wait := time.Until(span.End.Add(m.Probe.Lag)); wait > 0 && wanted {
				r.tell(Event{Kind: EventNote, Message: fmt.Sprintf("everything is put back; waiting %s for what is known late: %s", wait.Round(time.Second), m.Name)})
				wanted = r.pause(ctx, wait)
			}
			r.closeWindow(ctx, w, m, span, wanted)
		}
	}
}

// closeWindow adds the last reading of a phase. One that nobody waits for has failed.
func (r *runner) closeWindow(ctx context.Context, w WindowReader, m experiment.Measure, span PhaseSpan, wanted bool) {
	o, err := verdict.Observation{Class: "unread"}, errors.New("interrupted before the whole phase was known")
	if wanted {
		o, err = bounded(ctx, m.Timeout, func(ctx context.Context) (verdict.Observation, error) {
			return w.ReadBetween(ctx, span.Start, span.End)
		})
	}
	at := span.End.Add(-1)
	if o = failedReading(o, at, err); o.Failed {
		o.Value = math.NaN()
		r.traffic.stores[m.Name].fail(err)
	}
	o.At = at
	r.traffic.stores[m.Name].add(o)
}

// pause waits a little; false if somebody wants the run to end, or wanted it in an earlier pause: they ask once.
func (r *runner) pause(ctx context.Context, d time.Duration) bool {
	if r.enough {
		return false
	}
	timer := time.NewTimer(max(d, watchStep))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case e := <-r.events:
			if r.enough = e.kind == evStop; r.enough {
				return false
			}
		}
	}
}

// ready lets the probes that must know something before the run find it out, and looks at the alarms that would end it.
func (r *runner) ready(probes []Probe) (notes []string, err error) {
	for i, p := range probes {
		s, ok := p.(Starter)
		if !ok {
			continue
		}
		note, err := bounded(r.inject, actionTimeout, func(ctx context.Context) (string, error) { return s.Start(ctx, time.Now()) })
		if err != nil {
			return notes, fmt.Errorf("measure %q: %w", r.x.Measures[i].Name, err)
		}
		if note != "" {
			notes = append(notes, r.x.Measures[i].Name+": "+note)
		}
	}
	more, err := checkStopAlarms(r.inject, r.x, r.o.Registry)
	return append(notes, more...), err
}
