package engine

import (
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A store keeps every observation of one measure or load, in the order of arrival.
type store struct {
	mu   sync.Mutex
	all  []seen
	done bool // the run is being judged; what comes later is not counted

	unread int   // readings that failed
	first  error // of the first of them
}

// seen is an observation with the time at which it became known. Phases are cut by the intended start, stop rules by
// arrival: a request that hangs for 10 s is news when it ends, though it began long before.
type seen struct {
	verdict.Observation
	arrived time.Time
}

func (s *store) add(o verdict.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.all = append(s.all, seen{o, time.Now()}) // under the lock, so that arrivals are in order
	}
}

// fail counts a reading that could not be made. The observation itself is added like any other.
func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unread++; s.first == nil {
		s.first = err
	}
}

// trouble says how many readings failed and why; "" if none did.
func (s *store) trouble() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		return ""
	}
	return fmt.Sprintf("%d readings failed, the first with: %v", s.unread, s.first)
}

// started returns the observations that were meant to start in [from, to). No store has none.
func (s *store) started(from, to time.Time) []verdict.Observation {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []verdict.Observation
	for i := range s.all {
		if at := s.all[i].At; !at.Before(from) && at.Before(to) {
			out = append(out, s.all[i].Observation)
		}
	}
	return out
}

// arrived returns the observations that became known since from. No store has none.
func (s *store) arrived(from time.Time) []verdict.Observation {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first := sort.Search(len(s.all), func(i int) bool { return !s.all[i].arrived.Before(from) })
	out := make([]verdict.Observation, 0, len(s.all)-first)
	for _, o := range s.all[first:] {
		out = append(out, o.Observation)
	}
	return out
}

// close ends collection and returns everything, by intended start.
func (s *store) close() []verdict.Observation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	out := make([]verdict.Observation, len(s.all))
	for i, o := range s.all {
		out[i] = o.Observation
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	return out
}

// between cuts observations that are sorted by intended start to [from, to).
func between(sorted []verdict.Observation, from, to time.Time) []verdict.Observation {
	first := sort.Search(len(sorted), func(i int) bool { return !sorted[i].At.Before(from) })
	last := sort.Search(len(sorted), func(i int) bool { return !sorted[i].At.Before(to) })
	return sorted[first:max(first, last)]
}
