package local

import (
	"slices"
	"strings"
	"sync"

	"github.com/firedrill-dev/firedrill/fault"
)

// maxInjectionKeys bounds the counters: a function can write what it likes into its log.
const maxInjectionKeys = 10_000

// An Injection counts the injections of one kind, in one function, for one run, as the function's log tells.
type Injection struct {
	Function string `json:"function"`
	Run      string `json:"run"`
	Kind     string `json:"kind"`
	Planned  int64  `json:"planned"`
	Fired    int64  `json:"fired"`
}

type injectionKey struct{ function, run, kind string }

type injections struct {
	mu     sync.Mutex
	counts map[injectionKey]*Injection
}

// add counts the record that the line holds, if any, for the function whose log it is.
func (in *injections) add(function string, line []byte) {
	record, ok := fault.ParseRecord(line)
	if !ok {
		return
	}
	key := injectionKey{function, record.Run, string(record.Kind)}
	in.mu.Lock()
	defer in.mu.Unlock()
	count := in.counts[key]
	if count == nil {
		if len(in.counts) >= maxInjectionKeys {
			return
		}
		count = &Injection{Function: function, Run: record.Run, Kind: key.kind}
		if in.counts == nil {
			in.counts = map[injectionKey]*Injection{}
		}
		in.counts[key] = count
	}
	count.Planned += record.Planned
	count.Fired += record.Fired
}

// of returns the counts of one run, or all if run is empty; never nil.
func (in *injections) of(run string) []Injection {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := []Injection{}
	for key, count := range in.counts {
		if run == "" || key.run == run {
			out = append(out, *count)
		}
	}
	slices.SortFunc(out, func(a, b Injection) int {
		return strings.Compare(a.Function+"\x00"+a.Run+"\x00"+a.Kind, b.Function+"\x00"+b.Run+"\x00"+b.Kind)
	})
	return out
}
