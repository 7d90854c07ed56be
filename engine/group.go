package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// defaultParallel is how many targets of a condition are worked on at once: enough to keep any of AWS's limits on
// its control planes busy at the latency of its answers.
const defaultParallel = 16

// A group is what one condition of the experiment changes: one change for each of its targets.
type group struct {
	name    string
	changes []*change

	applied, reverted int // as they were told
}

// parallel is how many targets are worked on at once.
func (o Options) parallel() int { return cmp.Or(max(o.Parallel, 0), defaultParallel) }

// shared is a time limit for each of n things that are worked on side by side: where they share a rate of the service's,
// each waits for the others' turns.
func (o Options) shared(limit time.Duration, n int) time.Duration {
	return limit + limit*time.Duration(max(min(n, o.parallel())-1, 0))/4
}

// limit is a time limit for what is done to one change of a condition.
func (r *runner) limit(limit time.Duration, ch *change) time.Duration {
	return r.o.shared(limit, len(ch.in.changes))
}

// prepared are the changes whose undo is on disk, last one first.
func (g *group) prepared() []*change {
	var out []*change
	for _, ch := range slices.Backward(g.changes) {
		if ch.prepared {
			out = append(out, ch)
		}
	}
	return out
}

// renewable are the changes whose leases can be extended.
func (g *group) renewable() []*change {
	var out []*change
	for _, ch := range g.changes {
		if _, ok := ch.action.(Renewer); ok {
			out = append(out, ch)
		}
	}
	return out
}

// leases is how the leases of the group stand.
func (g *group) leases() leases {
	var l leases
	for _, ch := range g.renewable() {
		if ch.renewed.IsZero() {
			continue
		}
		if l.renewed.IsZero() || ch.renewed.Before(l.renewed) {
			l.renewed, l.oldest = ch.renewed, ch.Name
		}
		if !ch.failing.IsZero() && (l.failing.IsZero() || ch.failing.Before(l.failing)) {
			l.failing = ch.failing
		}
	}
	return l
}

// extended books an attempt to begin or to extend a change's lease.
func (ch *change) extended(at time.Time, err error) {
	switch {
	case err == nil:
		ch.renewed, ch.failing = wallTime(at), time.Time{}
	case ch.failing.IsZero():
		ch.failing = wallTime(at)
	}
}

// sideBySide does all of the lists, width of them at once, each in its order. When do says false, nothing more is
// begun; it returns when all that was begun has ended.
func sideBySide[T any](width int, lists [][]T, do func(T) bool) {
	var next atomic.Int64
	var over atomic.Bool
	var workers sync.WaitGroup
	for range min(max(width, 1), len(lists)) {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(len(lists)); i = next.Add(1) {
				for _, item := range lists[i-1] {
					if over.Load() {
						return
					}
					if !do(item) {
						over.Store(true)
					}
				}
			}
		})
	}
	workers.Wait()
}

// byKey parts items so that those of one target are in one list: only different targets are worked on side by side.
func byKey[T any](items []T, key func(T) string) [][]T {
	var lists [][]T
	at := map[string]int{}
	for _, item := range items {
		k := key(item)
		i, known := at[k]
		if !known {
			i = len(lists)
			at[k] = i
			lists = append(lists, nil)
		}
		lists[i] = append(lists[i], item)
	}
	return lists
}

func (ch *change) target() string { return ch.key }

// A step is what an operation does to one change, on a goroutine of its own. What is to be kept of it is booked on
// the shell's, as soon as it is done; nil if nothing is.
type step func(ch *change) (book func(), err error)

// work does a step for several changes side by side and returns the first error. Unless persistent, nothing more is
// begun after an error. Nothing is begun once ctx has ended.
func (r *runner) work(ctx context.Context, changes []*change, persistent bool, do step) error {
	var mu sync.Mutex
	var first error
	sideBySide(r.o.parallel(), byKey(changes, (*change).target), func(ch *change) bool {
		err := context.Cause(ctx)
		goOn := err == nil && persistent
		if err == nil {
			var book func()
			book, err = do(ch)
			if book != nil {
				r.events <- event{kind: evNews, book: func(*event) { book() }}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first = err
		}
		return err == nil || goOn
	})
	return first
}
