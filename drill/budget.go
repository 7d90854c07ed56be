package drill

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A Budget is what all runs of a drill may spend together; 0: as much as they like.
type Budget struct {
	Errors      int64   // failed requests, over all loads
	Invocations int64   // injections, over all conditions
	Cost        float64 // US dollars, reckoned before each run
}

// budgetFile is where the guards of a drill's budget come from, as messages name it.
const budgetFile = "--budget"

// ParseBudget reads "errors=200,invocations=5000,cost=1.50", in the words of guards.
func ParseBudget(text string) (Budget, error) {
	var b Budget
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		var err error
		switch name {
		case "errors":
			b.Errors, err = strconv.ParseInt(value, 10, 32)
		case "invocations":
			b.Invocations, err = strconv.ParseInt(value, 10, 32)
		case "cost":
			b.Cost, err = strconv.ParseFloat(value, 64)
		default:
			return b, fmt.Errorf("a budget has no %q", name)
		}
		if zero := map[string]bool{"errors": b.Errors < 1, "invocations": b.Invocations < 1, "cost": !(b.Cost > 0 && b.Cost < math.MaxInt32)}[name]; err != nil || zero {
			return b, fmt.Errorf("%s=%q is no positive number", name, value)
		}
	}
	return b, nil
}

// planned is what a job is sure to spend, and what it may cost.
func planned(j Job) Budget {
	return Budget{Errors: int64(j.Prediction.Failed.Least), Invocations: int64(j.Prediction.Injections.Least), Cost: j.Prediction.Cost.Most}
}

// ledger is what was spent so far: by runs that are over, and by each that is not.
type ledger struct {
	over Budget
	used map[int]Budget // by job that is running
	sure map[int]Budget // what each of them is sure to spend in the run that it is at
}

func (s *ledger) total() Budget {
	sum := s.over
	for _, b := range s.used {
		sum = sum.plus(b)
	}
	return sum
}

func (b Budget) plus(c Budget) Budget {
	return Budget{Errors: b.Errors + c.Errors, Invocations: b.Invocations + c.Invocations, Cost: b.Cost + c.Cost}
}

// within says that something that is wanted is not more than the budget.
func (b Budget) within(wanted Budget) bool {
	return (b.Errors == 0 || wanted.Errors <= b.Errors) && (b.Invocations == 0 || wanted.Invocations <= b.Invocations) && (b.Cost == 0 || wanted.Cost <= b.Cost)
}

// exceeded says that all of it is spent. What is reckoned is not spent.
func (b Budget) exceeded(total Budget) bool {
	return (b.Errors > 0 && total.Errors >= b.Errors) || (b.Invocations > 0 && total.Invocations >= b.Invocations)
}

// affordable says that what a job's next run is sure to spend is left, when those that are running have spent what they are sure to. If so, it is
// set aside until that run is over.
func (d *runner) affordable(i int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	sum := d.spent.over.plus(planned(d.jobs[i]))
	for other, sure := range d.spent.sure {
		if other != i {
			used := d.spent.used[other]
			sum = sum.plus(Budget{max(sure.Errors, used.Errors), max(sure.Invocations, used.Invocations), sure.Cost})
		}
	}
	if !d.o.Budget.within(sum) {
		return false
	}
	d.spent.sure[i] = planned(d.jobs[i])
	return true
}

// allot is what a run may spend that begins now: all that is left. What others spend meanwhile is watched.
func (d *runner) allot() (guards []experiment.Guards, left bool) {
	if d.o.Budget == (Budget{}) {
		return nil, true
	}
	d.mu.Lock()
	total := d.spent.total()
	d.mu.Unlock()
	if d.o.Budget.exceeded(total) {
		return nil, false
	}
	g := experiment.Guards{File: budgetFile}
	if most := d.o.Budget.Errors; most > 0 {
		g.Budget.Errors = int(most - total.Errors)
	}
	if most := d.o.Budget.Invocations; most > 0 {
		g.Budget.Invocations = int(most - total.Invocations)
	}
	return []experiment.Guards{g}, true
}

// spending takes in what a job's run has spent so far, and ends the drill when all of it is too much. It is called with the lock held.
func (d *runner) spending(i int, e engine.Event) {
	used, told := usedOf(e.Budgets)
	if !told {
		return
	}
	d.spent.used[i] = used
	if d.o.Budget.exceeded(d.spent.total()) {
		d.end(ErrBudget)
	}
}

// settle takes in what a run of a job has spent that is over.
func (d *runner) settle(i int, r *engine.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	used := d.spent.used[i]
	if r != nil {
		if all, told := usedOf(r.Budgets); told {
			used = all
		}
		if cost := d.jobs[i].Prediction.Cost; cost.Known() {
			used.Cost = cost.Most
		}
	}
	delete(d.spent.used, i)
	delete(d.spent.sure, i)
	d.spent.over = d.spent.over.plus(used)
}

// usedOf is what the drill's own guards count.
func usedOf(list []engine.Spent) (used Budget, told bool) {
	for _, s := range list {
		if s.File != budgetFile {
			continue
		}
		told = true
		switch s.What {
		case "injections":
			used.Invocations = s.Used
		case "failed requests":
			used.Errors = s.Used
		}
	}
	return used, told
}

// exhausted says that a run ended because it had spent what the drill may.
func exhausted(r *engine.Result) bool {
	if r.Stop == nil || r.Stop.Kind != engine.StopBudget {
		return false
	}
	for _, s := range r.Budgets {
		if s.File == budgetFile && s.Used >= s.Most {
			return true
		}
	}
	return false
}
