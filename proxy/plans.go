package proxy

import (
	"sync"
	"sync/atomic"

	"github.com/firedrill-dev/firedrill/fault"
)

// maxPlans bounds the invocations in flight whose response is to be changed. A classic execution environment
// has one at a time; a runtime that dies without answering leaves one behind.
const maxPlans = 1024

// pending is what is to happen to a response that has not come yet, and what is held until it has.
type pending struct {
	entry entry
	after []fault.Injection
	held  holds
	again *repeat // nil if the event is delivered once
}

func (p pending) missed(reason string) {
	for _, i := range p.after {
		if i.Skip != "" {
			p.entry.missed(i.Kind, i.Skip)
		} else {
			p.entry.missed(i.Kind, reason)
		}
	}
}

// plans carries plans from the exchange that delivered the event to the one that brings the response. Runtimes
// may use different connections for the two.
type plans struct {
	count atomic.Int64 // of byID, so that a response for which nothing is planned takes no lock
	mu    sync.Mutex
	byID  map[string]pending
	order []string // oldest first
}

func (p *plans) put(plan pending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID == nil {
		p.byID = map[string]pending{}
	}
	id := plan.entry.id
	if old, ok := p.byID[id]; ok {
		old.missed("the event was delivered again")
		old.held.release()
	} else {
		p.order = append(p.order, id)
	}
	p.byID[id] = plan
	p.count.Store(int64(len(p.byID)))
	if len(p.byID) > maxPlans {
		p.evict()
	}
}

func (p *plans) evict() {
	oldest := p.order[0]
	p.order = p.order[1:]
	p.byID[oldest].missed("no response came")
	p.byID[oldest].held.release()
	delete(p.byID, oldest)
	p.count.Store(int64(len(p.byID)))
}

// take returns the plan of an invocation and forgets it.
func (p *plans) take(id []byte) (pending, bool) {
	if p.count.Load() == 0 {
		return pending{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, ok := p.byID[string(id)]
	if !ok {
		return pending{}, false
	}
	delete(p.byID, string(id))
	p.count.Store(int64(len(p.byID)))
	for i, known := range p.order {
		if known == string(id) {
			p.order = append(p.order[:i], p.order[i+1:]...)
			break
		}
	}
	return plan, true
}

// close records what never got its response.
func (p *plans) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.order) > 0 {
		p.evict()
	}
}
