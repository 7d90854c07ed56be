package proxy

import (
	"runtime"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
)

// The program runs on one processor, and would keep no more than that one busy.
func TestProcessorsForCPU(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	taker := pressure.New(func(string) string { return "" })
	log := &safeBuffer{}
	for cores, want := range map[int]int{0: runtime.NumCPU() + 1, 1: 2, 100: runtime.NumCPU() + 1} {
		var taken holds
		taken.take(t.Context(), taker, fault.Injection{Kind: fault.CPU, Usage: fault.Usage{Cores: cores, Percent: 1}}, time.Time{},
			entry{journal: &journal{log: log}})
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("%d cores: %d processors, want %d", cores, got, want)
		}
		taken.release()
		if got := runtime.GOMAXPROCS(0); got != 1 {
			t.Errorf("%d processors afterwards", got)
		}
	}
}
