package engine

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// Budgets are kept by counting. Failed requests are known at once. Injections are counted as their proof is, once a second
// while a fault is there; requests that say themselves that they were hit are known sooner. Where the proof comes from a log
// that lags, so does the budget.

// Spent is one budget and how much of it is used up.
type Spent struct {
	What string `json:"what"` // "injections", "failed requests"
	Used int64  `json:"used"`
	Most int64  `json:"most"`
	File string `json:"file,omitempty"` // the guards file that says so
}

// How often the hosts are asked what they have injected.
const (
	proofStep = time.Second
	lateStep  = 10 * time.Second // where a log answers, which is throttled and minutes old anyway
)

// spending is what a run has used up so far.
type spending struct {
	failed, hit int64
	read        map[string]int // by store: how many observations are counted

	mu     sync.Mutex // shared with the goroutine that asks for proofs
	asking bool
	next   time.Time
	fired  map[string]int64 // by change
}

// checkBudgets stops a run that has used up what it may spend.
func (r *runner) checkBudgets(now time.Time) {
	if r.budgets == nil || r.m.state >= restoring {
		return
	}
	if slices.ContainsFunc(r.budgets, func(b Spent) bool { return b.What == injections }) {
		r.askForProofs(now)
	}
	for _, b := range r.tally() {
		if b.Used >= b.Most && r.m.stop == nil {
			key := "budget.errors"
			if b.What == injections {
				key = "budget.invocations"
			}
			r.halt(StopBudget, fmt.Sprintf("%s is used up: %d of %d %s", said(experiment.Guards{File: b.File}, key), b.Used, b.Most, b.What))
		}
	}
}

// tally is what is used up of each budget.
func (r *runner) tally() []Spent {
	s := &r.spending
	s.count(r.run, &r.traffic)
	for i := range r.budgets {
		r.budgets[i].Used = s.failed
		if r.budgets[i].What == injections {
			r.budgets[i].Used = s.injected()
		}
	}
	return r.budgets
}

// What budgets are about.
const (
	injections     = "injections"
	failedRequests = "failed requests"
)

// budgetsOf are the budgets of a run, of all its guards.
func budgetsOf(x *experiment.Experiment, o Options) []Spent {
	var out []Spent
	for _, g := range guardsOf(x, o) {
		if n := g.Budget.Invocations; n > 0 {
			out = append(out, Spent{What: injections, Most: int64(n), File: g.File})
		}
		if n := g.Budget.Errors; n > 0 {
			out = append(out, Spent{What: failedRequests, Most: int64(n), File: g.File})
		}
	}
	return out
}

// count reads what the loads have seen since it was called last.
func (s *spending) count(run string, t *traffic) {
	if s.read == nil {
		s.read = map[string]int{}
	}
	for name, store := range t.stores {
		if !strings.HasPrefix(name, "load.") {
			continue // a reading is no user
		}
		for _, o := range store.since(s.read[name]) {
			s.read[name]++
			if o.Failed {
				s.failed++
			}
			if mark, ok := fault.ParseMark(o.Mark); ok && mark.Run == run {
				s.hit += int64(len(mark.Kinds))
			}
		}
	}
}

// proven keeps what the proof of a change says.
func (s *spending) proven(change string, fired int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fired == nil {
		s.fired = map[string]int64{}
	}
	s.fired[change] = max(s.fired[change], fired)
}

// injected is the larger of what the hosts and what the answers say: neither sees everything.
func (s *spending) injected() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fired int64
	for _, n := range s.fired {
		fired += n
	}
	return max(fired, s.hit)
}

// askForProofs has the hosts asked, one question at a time.
func (r *runner) askForProofs(now time.Time) {
	s := &r.spending
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asking || now.Before(s.next) {
		return
	}
	ask := map[string]Action{}
	for _, ch := range r.conds {
		if ch.result.Applied != nil && ch.result.Reverted == nil && !ch.result.NotUndone {
			ask[ch.Name] = ch.action
		}
	}
	if len(ask) == 0 {
		return
	}
	s.asking = true
	go func() {
		late := false
		for name, action := range ask { // what cannot be counted now is counted the next time
			p, err := r.proof(r.inject, action, proofTimeout)
			late = late || p.Late
			if err == nil && p.Known {
				s.proven(name, p.Fired)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asking, s.next = false, time.Now().Add(proofStep)
		if late {
			s.next = time.Now().Add(lateStep)
		}
	}()
}

// checkPrediction refuses what is sure to be over a budget.
func (f *refusals) checkPrediction(g experiment.Guards, p Prediction) {
	const lower = "lower the load's rate, the percentage or the time, or raise the budget on purpose"
	if n := float64(g.Budget.Invocations); n > 0 && p.Injections.Least > n {
		what := "the loads alone"
		if p.loads().Least <= n {
			what = "the loads and the targets' usual use"
		}
		f.add(tip(g, lower), "%s bring about %.0f injections, but %s is %.0f", what, p.Injections.Least, said(g, "budget.invocations"), n)
	}
	if n := float64(g.Budget.Errors); n > 0 && p.Failed.Least > n {
		f.add(tip(g, lower), "%.0f requests are sure to fail, but %s is %.0f", p.Failed.Least, said(g, "budget.errors"), n)
	}
	if most := g.Budget.Cost; most > 0 && p.Cost.Most > most {
		if !p.Cost.Known() {
			f.add(tip(g, "nobody counts a cost while a run goes on, so that it must be known before"), "it is not known what the run may cost, and %s is $%.2f", said(g, "budget.cost"), most)
			return
		}
		f.add(tip(g, lower), "the run may cost $%.2f, but %s is $%.2f", p.Cost.Most, said(g, "budget.cost"), most)
	}
}

// loads is how many injections the experiment's own loads bring about.
func (p Prediction) loads() Range {
	var out Range
	for _, c := range p.Changes {
		out = out.plus(c.loads)
	}
	return out
}

// budgetWarnings say what may be used up before the run is over.
func budgetWarnings(x *experiment.Experiment, o Options, p Prediction) []string {
	var out []string
	what, most := "the loads", p.loads().Most
	if p.Injections.Known() && p.Injections.Most > most {
		what, most = "the run", p.Injections.Most
	}
	for _, g := range guardsOf(x, o) {
		if n := float64(g.Budget.Invocations); n > 0 && most > n && p.Injections.Least <= n {
			out = append(out, fmt.Sprintf("%s may bring about %.0f injections, but %s is %.0f: the run would stop before its time", what, most, said(g, "budget.invocations"), n))
		}
	}
	return out
}

// since returns the observations after the first n, in the order of their arrival.
func (s *store) since(n int) []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[min(n, len(s.all)):])
}
