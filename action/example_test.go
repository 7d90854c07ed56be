package action_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

func ExampleFactory_FaultSets() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "firedrill")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	target := filepath.Join(dir, "inventory.json") // the function reads FIREDRILL_CONFIG=file:PATH

	sets, err := action.NewFactory(action.Deps{}).FaultSets(ctx, experiment.Condition{
		Name: "slow inventory", Fault: "latency", Percentage: 100,
		Target: experiment.Target{File: target}, With: fault.Attributes{"min": "100ms", "max": "200ms"},
	}, action.Params{Run: "01J", Lease: 15 * time.Second, Share: 100})
	if err != nil {
		panic(err)
	}
	a := sets[0]
	undo, err := a.Prepare(ctx) // write it down before you go on
	if err != nil {
		panic(err)
	}
	if err := a.Apply(ctx, undo); err != nil {
		panic(err)
	}
	text, err := os.ReadFile(target)
	if err != nil {
		panic(err)
	}
	set, _ := fault.Parse(text)
	fmt.Println("armed:", set.Armed())

	if err := a.Revert(ctx, undo); err != nil {
		panic(err)
	}
	_, err = os.Stat(target)
	fmt.Println("gone:", os.IsNotExist(err))
	// Output:
	// armed: [latency]
	// gone: true
}
