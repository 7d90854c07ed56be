package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/calendar"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/probe"
)

// houseFile holds the guards of whoever keeps the folder, for every experiment that is run in it.
const houseFile = ".firedrill/guards.yaml"

// variableGuards names a guards file for every experiment that is run in an environment, such as that of CI.
const variableGuards = "FIREDRILL_GUARDS"

// A house is where guards come from that experiments cannot relax.
type house struct{ files []string }

func (h *house) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&h.files, "guards", nil, "file with guards beside the experiment's own (repeatable; "+houseFile+" and $"+variableGuards+" count in any case)")
	_ = cmd.MarkFlagFilename("guards", "yaml", "yml")
}

// guards reads all guards files. One that cannot be read is an error: what it says must count.
func (a *app) guards(h house) ([]experiment.Guards, error) {
	files := h.files
	if name := a.getenv(variableGuards); name != "" {
		files = append([]string{name}, files...)
	}
	if _, err := os.Stat(houseFile); !errors.Is(err, fs.ErrNotExist) {
		files = append([]string{houseFile}, files...)
	}
	var all []experiment.Guards
	for _, file := range files {
		data, err := readFile(file)
		if err != nil {
			return nil, err
		}
		g, found := experiment.ParseGuards(file, data)
		if err := problems(file, found); err != nil {
			return nil, err
		}
		all = append(all, *g)
	}
	if at, err := dynamostate.Parse(a.state); err == nil { // a fault on it would keep runs from being put back
		all = append(all, experiment.Guards{File: "--state " + a.state, Protected: []string{at.Table}})
	}
	return all, nil
}

// under is an experiment that asks of AWS what the guards of the house ask, too.
func under(x *experiment.Experiment, house []experiment.Guards) *experiment.Experiment {
	all := *x
	for _, g := range house {
		all.Guards.Tags = append(slices.Clip(all.Guards.Tags), g.Tags...)
		all.Guards.NoAlarm = append(slices.Clip(all.Guards.NoAlarm), g.NoAlarm...)
	}
	return &all
}

// calendarOf reads the calendar that guards name, next to their file.
func calendarOf(x *experiment.Experiment) func(experiment.Guards) (calendar.Freezes, error) {
	return func(g experiment.Guards) (calendar.Freezes, error) {
		named := x.File
		if g.File != "" {
			named = g.File
		}
		path := g.Calendar
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(named), path)
		}
		data, err := readFile(path)
		if err != nil {
			return calendar.Freezes{}, err
		}
		freezes, err := calendar.ParseICS(data, g.TimeLimits().Location())
		if err != nil {
			return freezes, fmt.Errorf("%s: %w", path, err)
		}
		return freezes, nil
	}
}

// guarded adds to a registry what guards and measures need to know of the world.
func (s *session) guarded(x *experiment.Experiment) engine.Registry {
	s.mu.Lock()
	for _, in := range x.Accounts {
		s.roles = append(s.roles, in.Role)
	}
	s.mu.Unlock()
	registry, measures := s.registry(), newMeasuring(s, x)
	registry.Calendar = calendarOf(x)
	registry.Alarms = probe.NewAlarms(measures.cloudWatch).States
	registry.Probe = func(m experiment.Measure) (engine.Probe, error) { return probe.New(m, measures.deps()) }
	return registry
}
