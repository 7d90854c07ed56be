package pressure_test

import (
	"context"
	"fmt"
	"os"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
)

// A host takes what a plan asks for before it runs the handler, and gives it back afterwards.
func ExampleTaker_Take() {
	taker := pressure.New(os.Getenv)
	busy := fault.Injection{Kind: fault.CPU, Usage: fault.Usage{Cores: 1, Percent: 50}}
	release, err := taker.Take(context.Background(), busy, func() { fmt.Println("one processor is busy") })
	if err != nil {
		fmt.Println(err)
		return
	}
	defer release()
	fmt.Println("the handler runs")
	// Output:
	// one processor is busy
	// the handler runs
}
