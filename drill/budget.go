package drill

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A Budget is what all runs of a drill may spend together; 0: as much as they like.
type Budget struct {
	Errors      int64 // failed requests, over all loads
	Invocations int64 // injections, over all conditions
}

// budgetFile is where the guards of a drill's budget come from, as messages name it.
const budgetFile = "--budget"

// ParseBudget reads "errors=200,invocations=5000", in the words of guards.
func ParseBudget(text string) (Budget, error) {
	var b Budget
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		into, known := map[string]*int64{"errors": &b.Errors, "invocations": &b.Invocations}[strings.TrimSpace(name)]
		if !known {
			return b, fmt.Errorf("a budget has no %q", name)
		}
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
		if err != nil || n < 1 {
			return b, fmt.Errorf("%q is no number of %s, at least 1", value, name)
		}
		*into = n
	}
	return b, nil
}

// spent is what was spent so far: by runs that are over, and by each that is not.
type spent struct {
	over Budget
	live map[string]Budget // by run
}

func (s *spent) total() Budget {
	sum := s.over
	for _, b := range s.live {
		sum = sum.plus(b)
	}
	return sum
}

func (b Budget) plus(c Budget) Budget {
	return Budget{Errors: b.Errors + c.Errors, Invocations: b.Invocations + c.Invocations}
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

func (b Budget) exceeded(total Budget) bool {
	return (b.Errors > 0 && total.Errors >= b.Errors) || (b.Invocations > 0 && total.Invocations >= b.Invocations)
}

// spending takes in what a run has spent so far, and ends the drill when all of it is too much. It is called with the lock held.
func (d *runner) spending(e engine.Event) {
	used, told := usedOf(e.Budgets)
	if !told {
		return
	}
	if d.spent.live == nil {
		d.spent.live = map[string]Budget{}
	}
	d.spent.live[e.Run] = used
	if d.o.Budget.exceeded(d.spent.total()) {
		d.end(ErrBudget)
	}
}

// settle takes in what a run has spent that is over.
func (d *runner) settle(run string, r *engine.Result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	used := d.spent.live[run]
	if r != nil {
		if all, told := usedOf(r.Budgets); told {
			used = all
		}
	}
	delete(d.spent.live, run)
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
