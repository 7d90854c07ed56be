package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// lamp is the world of the example: an action switches it off, a probe reads it.
type lamp struct{ on bool }

func (l *lamp) Prepare(context.Context) (json.RawMessage, error) { return json.Marshal(l.on) }
func (l *lamp) Apply(context.Context, json.RawMessage) error     { l.on = false; return nil }
func (l *lamp) Revert(_ context.Context, undo json.RawMessage) error {
	return json.Unmarshal(undo, &l.on)
}
func (l *lamp) Proof(context.Context) (engine.Proof, error) {
	return engine.Proof{Known: true, Planned: 1, Fired: 1}, nil
}
func (l *lamp) Read(context.Context) (verdict.Observation, error) {
	return verdict.Observation{Value: 1}, nil // somebody else's lamp is still on
}

func ExampleRun() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "firedrill")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	light, err := verdict.ParseExpectation("count >= 1")
	if err != nil {
		panic(err)
	}
	l := &lamp{on: true}
	result, err := engine.Run(ctx, &experiment.Experiment{
		Title:      "One lamp may fail",
		Measures:   []experiment.Measure{{Name: "light", Of: "command", Expect: light, Every: 5 * time.Millisecond}},
		Conditions: []experiment.Condition{{Name: "lamp off", Fault: "off", Target: experiment.Target{File: "lamp"}}},
		Phases:     experiment.Phases{Baseline: 100 * time.Millisecond, BaselineMax: 10 * time.Second, Fault: 300 * time.Millisecond},
	}, engine.Options{
		State: engine.NewState(dir),
		Registry: engine.Registry{
			Actions: func(context.Context, experiment.Condition, engine.ActionParams) ([]engine.Targeted, error) {
				return []engine.Targeted{{Action: l, Key: "lamp"}}, nil
			},
			Probe: func(experiment.Measure) (engine.Probe, error) { return l, nil },
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(result.Verdict, "- the lamp is on again:", l.on)
	// Output: held - the lamp is on again: true
}
