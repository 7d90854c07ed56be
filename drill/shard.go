package drill

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Shard is one machine's part of a drill: the Number-th of Of. The zero Shard is all of it.
type Shard struct{ Number, Of int }

// mostShards is more than anybody has machines for, and few enough to reckon with.
const mostShards = 10_000

// ParseShard reads "2/4".
func ParseShard(text string) (Shard, error) {
	number, of, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	m, err2 := strconv.Atoi(of)
	if !ok || err != nil || err2 != nil || n < 1 || m < 1 || n > m || m > mostShards {
		return Shard{}, fmt.Errorf("%q is no shard", text)
	}
	return Shard{n, m}, nil
}

// Choose returns the shard's jobs, in their order. Each job is in exactly one shard, always the same one as long as the jobs
// are. The shards take about equally long: the longest bundle goes first, to the shard that has least. With together, jobs that must
// not run side by side are one bundle, because nobody keeps the machines apart.
func (s Shard) Choose(jobs []Job, together bool) []Job {
	if s.Of < 2 {
		return jobs
	}
	bundles := bundled(jobs, together)
	length := func(bundle []int) (sum time.Duration) {
		for _, i := range bundle {
			sum += jobs[i].Length
		}
		return sum
	}
	slices.SortStableFunc(bundles, func(a, b []int) int {
		return cmp.Or(cmp.Compare(length(b), length(a)), strings.Compare(jobs[a[0]].File, jobs[b[0]].File))
	})
	load, count := make([]time.Duration, s.Of), make([]int, s.Of)
	var mine []int
	for _, bundle := range bundles {
		least := 0
		for i := range load {
			if load[i] < load[least] || (load[i] == load[least] && count[i] < count[least]) {
				least = i
			}
		}
		load[least] += length(bundle)
		count[least] += len(bundle)
		if least == s.Number-1 {
			mine = append(mine, bundle...)
		}
	}
	slices.Sort(mine)
	chosen := make([]Job, len(mine))
	for i, job := range mine {
		chosen[i] = jobs[job]
	}
	return chosen
}

// bundled puts each job with those that it must be kept apart from, and with whatever these must be kept apart from.
func bundled(jobs []Job, together bool) [][]int {
	var bundles [][]int
	seen := make([]bool, len(jobs))
	conflicts := apart(jobs)
	for i := range jobs {
		if seen[i] {
			continue
		}
		seen[i] = true
		bundle := []int{i}
		for at := 0; together && at < len(bundle); at++ {
			for j, not := range conflicts[bundle[at]] {
				if not && !seen[j] {
					seen[j] = true
					bundle = append(bundle, j)
				}
			}
		}
		slices.Sort(bundle)
		bundles = append(bundles, bundle)
	}
	return bundles
}
