package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// rehearse tries the way back of an experiment and tells what came of it.
func (a *app) rehearse(ctx context.Context, x *experiment.Experiment, o engine.Options) error {
	r, err := engine.Rehearse(ctx, x, o)
	if err != nil {
		return refused(exitUsage, err)
	}
	if a.output == "json" {
		err = a.printJSON(r)
	} else {
		err = a.printRehearsal(r)
	}
	if err != nil {
		return err
	}
	if !r.OK {
		return &failure{code: exitError, err: errors.New("the rehearsal failed: do not run this experiment yet"), hint: rehearsalHint(r)}
	}
	return nil
}

// rehearsalHint is what to do about the first thing that went wrong.
func rehearsalHint(r *engine.Rehearsal) string {
	for _, c := range r.Changes {
		if c.Hint != "" {
			return c.Hint
		}
	}
	return ""
}

func (a *app) printRehearsal(r *engine.Rehearsal) error {
	fmt.Fprintf(a.stdout, "%s\n\n", r.Title)
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHANGE\tTARGET\tUNDO")
	for _, c := range r.Changes {
		undo := string(c.Undo)
		switch {
		case c.Undo == engine.UndoNone:
			undo = strings.ToUpper(undo)
		case c.Error != "":
			undo = "FAILS: " + c.Error
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Target, undo)
	}
	fmt.Fprintln(w, "\t\t")
	fmt.Fprintln(w, "STOPPED BY\tPUT BACK\tAFTER")
	for _, s := range r.Stops {
		took := fmt.Sprintf("%s, allowed %s", s.Took.Round(time.Millisecond), s.Bound)
		if s.Error != "" {
			took = "FAILS: " + s.Error
		}
		fmt.Fprintf(w, "%s\t%d of %d\t%s\n", s.Way, s.PutBack, s.Injected, took)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(a.stdout, "warning  %s\n", warning)
	}
	return nil
}
