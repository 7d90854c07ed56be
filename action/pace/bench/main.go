// Bench measures how close to AWS's own limits a thousand targets are changed and put back: the reserved concurrency of
// 1,000 functions, through the real engine, against a server that throttles as Lambda's control plane does (15 calls a
// second, 30 ms each).
//
//	go run ./action/pace/bench [-n 1000] [-scale 1] [-check]
//
// First a run takes its whole course. Then a run is killed when all is changed, its recovery is killed in the middle, and
// a second recovery ends it. The floor is the number of calls by the limit; -check exits with 1 if one takes more than
// 1.5 times as long. With -scale 20 limits and latencies are twenty times as fast; else it takes some twenty minutes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// bar is how many times the floor a run may take.
const bar = 1.5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(asChild) != "" {
		exitOn(child(ctx))
		return
	}
	n := flag.Int("n", 1000, "how many functions")
	scale := flag.Float64("scale", 1, "how many times as fast as AWS")
	check := flag.Bool("check", false, "exit with 1 if the bar is missed")
	flag.Parse()
	exitOn(bench(ctx, *n, *scale, *check))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, n int, scale float64, check bool) error {
	good := true
	for _, m := range []struct {
		name string
		do   func(context.Context, int, float64) (figures, error)
	}{{"set and put back", measureRun}, {"recovered, killed in the middle", measureRecovery}} {
		f, err := m.do(ctx, n, scale)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Printf("%d functions, %s: %s\n", n, m.name, f)
		good = good && f.ratio() <= bar
	}
	if check && !good {
		return fmt.Errorf("it took more than %g times the limit's own floor", bar)
	}
	return nil
}

// figures are what was measured.
type figures struct {
	calls, throttled int
	took             time.Duration
	limit            float64 // calls a second
}

func (f figures) floor() time.Duration {
	return time.Duration(float64(f.calls) / f.limit * float64(time.Second))
}

func (f figures) ratio() float64 { return f.took.Seconds() / f.floor().Seconds() }

// String is a line of the report.
func (f figures) String() string {
	return fmt.Sprintf("%d calls, %d throttled, in %s; %.2f times the floor of %s at %g a second",
		f.calls, f.throttled, f.took.Round(10*time.Millisecond), f.ratio(), f.floor().Round(10*time.Millisecond), f.limit)
}
