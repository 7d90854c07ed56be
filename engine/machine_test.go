package engine

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawSpec draws an experiment's skeleton: sequenced, delayed and limited conditions, stages, leases.
func drawSpec(t *rapid.T) spec {
	seconds := func(label string, low, high int) time.Duration {
		return time.Duration(rapid.IntRange(low, high).Draw(t, label)) * time.Second
	}
	s := spec{
		baseline: seconds("baseline", 0, 5), baselineMax: seconds("baselineMax", 0, 15), fault: seconds("fault", 0, 20),
		recovery: seconds("recovery", 0, 10), lease: seconds("lease", 1, 15), late: seconds("late", 0, 5), maxDuration: rapid.SampledFrom([]time.Duration{0, 0, 0, 20 * time.Second, time.Minute}).Draw(t, "maxDuration"),
		stages: rapid.SampledFrom([][]float64{{100}, {5, 100}, {5, 25, 100}}).Draw(t, "stages"),
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "conditions") {
		c := plannedCondition{renewable: true, delay: seconds("delay", 0, 2), duration: seconds("for", 0, 6)}
		if i > 0 && rapid.Bool().Draw(t, "sequenced") {
			c.after = rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 1, min(i, 2), rapid.ID).Draw(t, "after")
		}
		s.conditions = append(s.conditions, c)
	}
	return s
}

// A world stands for the shell and what is behind it: it does what the machine says, fails where the draw says,
// and notes what it must never be told.
type world struct {
	t        *rapid.T
	m        *machine
	now      time.Time
	inFlight []command
	answers  []event

	held, stopped, done bool
	undoable, changed   []bool // some of the condition's targets are
	whole               []bool // all of its targets are prepared
	failing             []time.Time
	reverts             []int
	finishes            int
}

func newWorld(t *rapid.T, s spec) *world {
	n := len(s.conditions)
	return &world{t: t, m: newMachine(s), now: time.Unix(1000, 0), undoable: make([]bool, n), whole: make([]bool, n), failing: make([]time.Time, n), changed: make([]bool, n), reverts: make([]int, n)}
}

func (w *world) step(e event) {
	e.at = w.now
	if e.kind == evStop && w.m.state != finished {
		w.stopped = true
	}
	for _, c := range w.m.Step(e) {
		w.command(c)
	}
}

func (w *world) command(c command) {
	if w.done {
		w.t.Fatalf("command %+v after the end", c)
	}
	if c.op.asynchronous() {
		if len(w.inFlight) > 0 {
			w.t.Fatalf("%+v while %+v is under way", c, w.inFlight[0])
		}
		w.inFlight = append(w.inFlight, c)
	}
	switch c.op {
	case opPrepare, opApply:
		if !w.held {
			w.t.Fatalf("%+v before the baseline held", c)
		}
		if w.stopped {
			w.t.Fatalf("%+v after a stop", c)
		}
		if c.op == opApply && !w.whole[c.cond] {
			w.t.Fatalf("%+v without an undo", c)
		}
		if c.op == opApply && w.reverts[c.cond] > 0 {
			w.t.Fatalf("%+v after its undo", c)
		}
	case opRenew:
		if !w.changed[c.cond] || w.reverts[c.cond] > 0 {
			w.t.Fatalf("%+v of what is not there", c)
		}
	case opJudge:
		w.answers = append(w.answers, event{kind: evJudged, judgment: rapid.SampledFrom(judgments).Draw(w.t, "judgment")})
	case opFinish:
		w.done = true
		w.finishes++
	}
}

// answer delivers the end of the command under way.
func (w *world) answer(fail bool) {
	c := w.inFlight[0]
	w.inFlight = nil
	e := event{kind: evDone}
	if fail {
		e.err = errors.New("failed")
	}
	switch c.op {
	case opResolve:
		e.conditions = w.m.spec.conditions
	case opPrepare: // of many targets: when it fails, some may be prepared
		w.whole[c.cond] = !fail
		w.undoable[c.cond] = !fail || rapid.Bool().Draw(w.t, "some prepared")
	case opApply:
		w.changed[c.cond] = true // even if it failed
		e.leases = w.leases(c.cond, false)
	case opRenew:
		e.leases = w.leases(c.cond, fail)
	case opRevert:
		w.reverts[c.cond]++
	}
	w.step(e)
}

// leases are those of a condition's targets: each was extended somewhen while the command was under way.
func (w *world) leases(cond int, fail bool) leases {
	switch {
	case !fail:
		w.failing[cond] = time.Time{}
	case w.failing[cond].IsZero():
		w.failing[cond] = w.now
	}
	age := time.Duration(rapid.IntRange(0, 1500).Draw(w.t, "lease age")) * time.Millisecond
	return leases{renewed: w.now.Add(-age), failing: w.failing[cond]}
}

// judge delivers an answer to opJudge, perhaps one that comes too late.
func (w *world) judge() {
	e := w.answers[0]
	w.answers = w.answers[1:]
	if w.m.state == baselining && w.m.asked && e.judgment == settled {
		w.held = true
	}
	w.step(e)
}

// TestMachineUndoesEverything drives the machine with events in any order, failures included. Whatever happens,
// nothing is changed before the baseline held or after a stop, and all that was prepared is undone once before the
// one and only end.
func TestMachineUndoesEverything(t *testing.T) {
	runs, changed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, drawSpec(t))
		w.step(event{kind: evStart})
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
			switch rapid.SampledFrom(happenings).Draw(t, "event") {
			case aStop:
				w.step(event{kind: evStop, stop: &Stop{Kind: rapid.SampledFrom([]StopKind{StopRule, StopRequested, StopError}).Draw(t, "kind")}})
			case aSteady:
				w.step(event{kind: evSteady})
			case aNews:
				w.step(event{kind: evNews})
			case aJudgment:
				w.step(event{kind: evJudged, judgment: refuted}) // nobody asked, or a second answer
				w.answers = nil
				w.m.asked = false
			default:
				w.proceed(rapid.SampledFrom(failures).Draw(t, "failure"))
			}
		}
		w.runToEnd()
		w.check()
		runs++
		if slices.Contains(w.changed, true) {
			changed++
		}
	})
	if changed < runs/10 {
		t.Errorf("only %d of %d runs changed anything: the draws are too wild to learn much from", changed, runs)
	}
}

// What may happen next in a run of the property test. Most of the time, what is natural.
const (
	aStep = iota
	aNews
	aSteady
	aJudgment
	aStop
)

var (
	happenings = append(slices.Repeat([]int{aStep}, 80), aNews, aNews, aSteady, aJudgment, aStop)
	judgments  = append(slices.Repeat([]judgment{settled}, 12), plausible, plausible, refuted, pending)
	failures   = append(slices.Repeat([]bool{false}, 25), true)
)

// proceed does the most natural next thing.
func (w *world) proceed(fail bool) {
	switch {
	case len(w.answers) > 0:
		w.judge()
	case len(w.inFlight) > 0:
		w.answer(fail)
	default:
		w.step(event{kind: evTick})
	}
}

// runToEnd lets time pass until the machine has finished.
func (w *world) runToEnd() {
	for i := 0; !w.done; i++ {
		if i > 2000 {
			w.t.Fatalf("no end in sight: %s", w.m.state)
		}
		if wake := w.m.Wake(); len(w.answers) == 0 && len(w.inFlight) == 0 && wake.IsZero() {
			w.t.Fatalf("nothing is under way in %s and nothing will wake it", w.m.state)
		} else if wake.After(w.now) {
			w.now = wake
		}
		w.proceed(false)
	}
}

func (w *world) check() {
	for i := range w.undoable {
		if w.undoable[i] && w.reverts[i] == 0 {
			w.t.Fatalf("condition %d was prepared (applied: %v) and never put back", i, w.changed[i])
		}
		if w.reverts[i] > 1 {
			w.t.Fatalf("condition %d was put back %d times", i, w.reverts[i])
		}
	}
	if w.finishes != 1 {
		w.t.Fatalf("finished %d times", w.finishes)
	}
	w.step(event{kind: evTick})
	w.step(event{kind: evStop, stop: &Stop{Kind: StopRequested}})
}

// TestMachineSchedule runs whole experiments whose commands succeed at once, and compares what happened when.
func TestMachineSchedule(t *testing.T) {
	base := spec{baseline: 2 * time.Second, fault: 10 * time.Second, lease: 12 * time.Second, stages: []float64{100}}
	tests := []struct {
		name string
		spec func(s *spec)
		want []string
	}{
		{"one condition", func(s *spec) { s.conditions = []plannedCondition{{renewable: true}} },
			[]string{"2s prepare 0", "2s apply 0", "2s enter fault 1 at 100", "6s renew 0 at 100", "10s renew 0 at 100", "12s revert 0"}},
		{"in sequence", func(s *spec) {
			s.conditions = []plannedCondition{{renewable: true, duration: 3 * time.Second}, {renewable: true, after: []int{0}, delay: time.Second}}
		}, []string{"2s prepare 0", "2s apply 0", "2s enter fault 1 at 100", "5s revert 0", "6s prepare 1", "6s apply 1", "10s renew 1 at 100", "12s revert 1"}},
		{"stages", func(s *spec) {
			s.stages, s.fault = []float64{10, 100}, 3*time.Second
			s.conditions = []plannedCondition{{renewable: true}, {renewable: true, delay: 4 * time.Second}}
		}, []string{"2s prepare 0", "2s apply 0", "2s enter fault 1 at 10", "5s renew 0 at 100", "5s enter fault 2 at 100", "6s prepare 1", "6s apply 1", "6s renew 1 at 100", "8s revert 1", "8s revert 0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := base
			test.spec(&s)
			got := happily(s)
			if len(got) != len(test.want) {
				t.Fatalf("got  %q\nwant %q", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("step %d: got %q, want %q", i, got[i], test.want[i])
				}
			}
		})
	}
}
