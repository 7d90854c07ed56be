// Bench measures how long a stop takes: from the start of "firedrill stop" to the last invocation that was hit, at 100
// invocations a second, through a parameter in SSM.
//
//	go run ./action/bench [-n 10] [-cut 1] [-check]
//
// Everything is a process of its own, as users have it: the local host with a function behind the layer, moto_server as
// AWS, "firedrill run" with the load, and "firedrill stop" from another process. The function's own log, where
// each injection has its time, says which invocation was the last. With -cut the store goes dead instead, for the function and for
// the run: then the lease must end the faults. -check exits with 1 if a bar is missed.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// The bars.
const (
	barStop  = 1500 * time.Millisecond
	barLease = 60 * time.Second // of a fault set in a parameter
)

// asFunction makes this program the function that is broken.
const asFunction = "FIREDRILL_BENCH_FUNCTION"

func main() {
	if os.Getenv(asFunction) != "" {
		lambda.Start(func(context.Context, json.RawMessage) (string, error) { return "fine", nil })
		return
	}
	n := flag.Int("n", 10, "how many runs to stop")
	cut := flag.Int("cut", 1, "how many runs to leave alone, with their store cut off; each takes a minute")
	check := flag.Bool("check", false, "exit with 1 if a bar is missed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(*n)*30*time.Second+time.Duration(*cut)*3*time.Minute)
	defer cancel()
	if err := measure(ctx, *n, *cut, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, n, cut int, check bool) (err error) {
	w, err := newWorld(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	var stops, undos, leases []time.Duration
	for i := range n {
		took, undone, err := w.stopped(ctx, time.Duration(i)*time.Second/time.Duration(n))
		if err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
		stops, undos = append(stops, took), append(undos, undone)
	}
	for range cut {
		took, err := w.cutOff(ctx)
		if err != nil {
			return fmt.Errorf("with the store cut off: %w", err)
		}
		leases = append(leases, took)
	}
	if err := w.loaded(); err != nil {
		return err
	}
	told("from stop to the undo in the store", undos, barStop)
	good := told("from stop to the last invocation that was hit", stops, barStop)
	good = told("from the loss of the store to the last invocation that was hit", leases, barLease) && good
	if check && !good {
		return fmt.Errorf("a bar is missed")
	}
	return nil
}

// told prints a distribution, and whether it stays within its bar.
func told(what string, took []time.Duration, bar time.Duration) bool {
	if len(took) == 0 {
		return true
	}
	slices.Sort(took)
	at := func(q float64) time.Duration { return took[min(int(q*float64(len(took))), len(took)-1)] }
	p99 := at(0.99)
	verdict := "held"
	if p99 > bar {
		verdict = "MISSED"
	}
	fmt.Printf("%s (%d runs): p50 %s, p99 %s, at most %s: %s\n", what, len(took), at(0.5).Round(time.Millisecond), p99.Round(time.Millisecond), bar, verdict)
	return p99 <= bar
}
