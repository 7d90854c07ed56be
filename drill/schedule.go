package drill

import (
	"slices"
	"time"
)

// A schedule decides which jobs may begin: the first that wait, as far as the width goes, but for those that must not run beside one
// that is going on. It knows no time.
type schedule struct {
	apart   [][]bool
	width   int
	waiting []int
	running []int
}

func newSchedule(apart [][]bool, width int) *schedule {
	s := &schedule{apart: apart, width: max(width, 1)}
	for i := range apart {
		s.waiting = append(s.waiting, i)
	}
	return s
}

// next takes a job that may begin now; false if none may.
func (s *schedule) next() (job int, ok bool) {
	if len(s.running) >= s.width {
		return 0, false
	}
	for at, job := range s.waiting {
		if !slices.ContainsFunc(s.running, func(other int) bool { return s.apart[job][other] }) {
			s.waiting = slices.Delete(s.waiting, at, at+1)
			s.running = append(s.running, job)
			return job, true
		}
	}
	return 0, false
}

// done gives back a job's place.
func (s *schedule) done(job int) {
	s.running = slices.DeleteFunc(s.running, func(other int) bool { return other == job })
}

// copy is a schedule of its own, to look ahead with.
func (s *schedule) copy() *schedule {
	c := *s
	c.waiting, c.running = slices.Clone(s.waiting), slices.Clone(s.running)
	return &c
}

// takes is how long it is until all jobs are done, if each that has not begun takes its length, and those that have what left says.
func (s *schedule) takes(lengths []time.Duration, left map[int]time.Duration) time.Duration {
	s = s.copy()
	ends := map[int]time.Duration{}
	for _, job := range s.running {
		ends[job] = left[job]
	}
	var now time.Duration
	for {
		for job, ok := s.next(); ok; job, ok = s.next() {
			ends[job] = now + lengths[job]
		}
		if len(s.running) == 0 {
			return now
		}
		first := slices.MinFunc(s.running, func(a, b int) int { return int(ends[a] - ends[b]) })
		now = max(now, ends[first])
		s.done(first)
	}
}

// apart says of each two jobs whether they must not run side by side.
func apart(jobs []Job) [][]bool {
	all := make([][]bool, len(jobs))
	for i := range all {
		all[i] = make([]bool, len(jobs))
	}
	by := map[string][]int{}
	for i, j := range jobs {
		for name := range j.Reach.names {
			by[name] = append(by[name], i)
		}
		for other := range jobs {
			if other != i && j.Reach.Alone != "" {
				all[i][other], all[other][i] = true, true
			}
		}
	}
	for _, group := range by {
		for _, i := range group {
			for _, j := range group {
				all[i][j] = all[i][j] || i != j
			}
		}
	}
	return all
}

// Forecast is about how long a drill takes.
func Forecast(jobs []Job, width int) time.Duration {
	return newSchedule(apart(jobs), width).takes(lengths(jobs), nil)
}

func lengths(jobs []Job) []time.Duration {
	out := make([]time.Duration, len(jobs))
	for i, j := range jobs {
		out[i] = j.Length
	}
	return out
}
