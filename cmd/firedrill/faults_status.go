package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/reading"
)

// A faultsStatus is a fault set, where it is, and how it reads.
type faultsStatus struct {
	Place  string `json:"place"`
	Exists bool   `json:"exists"`
	reading.Status
}

func (a *app) faultsStatusCommand() *cobra.Command {
	var p faultPlace
	var raw bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show a function's fault set",
		Example: "  firedrill faults status --lambda inventory",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, now, err := a.look(cmd.Context(), &p)
			if err != nil {
				return err
			}
			if raw {
				_, err := fmt.Fprintf(a.stdout, "%s\n", bytes.TrimSpace(now.Text))
				return err
			}
			status := faultsStatus{e.String(), now.Exists, reading.Of(now.Text, time.Now())}
			if a.output == "json" {
				return a.printJSON(status)
			}
			return a.printFaults(status, time.Now())
		},
	}
	p.registerAll(cmd)
	cmd.Flags().BoolVar(&raw, "json", false, "the document itself, as it stands (for what it means: --output json)")
	return cmd
}

func (a *app) printFaults(s faultsStatus, now time.Time) error {
	w := &strings.Builder{}
	fmt.Fprintln(w, s.Place)
	switch {
	case !s.Exists:
		fmt.Fprintln(w, "  does not exist yet: nothing is injected")
		return a.printText(w)
	case s.Format != "" && s.Format != fault.FormatFiredrill && s.Format != fault.FormatFailure1:
		fmt.Fprintf(w, "  a document of %s, read as it is\n", s.Format)
	}
	if s.Run != "" {
		fmt.Fprintf(w, "  armed by run %s\n", s.Run)
	}
	fmt.Fprintf(w, "  lease: %s\n", s.leaseText(now))
	if len(s.Faults) > 0 {
		fmt.Fprintln(w)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  FAULT\t\tSHARE\tSETTINGS\tMATCH")
		for _, f := range s.Faults {
			fmt.Fprintf(table, "  %s\t%s\t%g%%\t%s\t%s\n", f.Kind, s.word(f), f.Percentage, settingsText(f.Settings), matchText(f.Match))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	for _, p := range s.Problems {
		fmt.Fprintf(w, "  problem: %s\n", p)
	}
	for _, p := range s.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", p)
	}
	return a.printText(w)
}

// printText prints what was made of a document.
func (a *app) printText(text fmt.Stringer) error {
	_, err := io.WriteString(a.stdout, printable(text.String()))
	return err
}

func (s faultsStatus) leaseText(now time.Time) string {
	switch {
	case s.Expires.IsZero():
		return "none: what is on stays on until it is switched off"
	case s.Expired:
		return "over since " + s.Expires.Local().Format(time.DateTime) + ": nothing is injected"
	}
	return fmt.Sprintf("until %s (%s left)", s.Expires.Local().Format(time.DateTime), s.Expires.Sub(now).Round(time.Second))
}

// word says whether a fault is on, and if it is only said to be, why not.
func (s faultsStatus) word(f reading.Fault) string {
	switch {
	case f.InForce && f.Armed:
		return "ON (run)"
	case f.InForce:
		return "ON"
	case f.Enabled && s.Expired:
		return "over"
	case f.Enabled && f.Percentage > 0:
		return "invalid"
	}
	return "off"
}

func settingsText(settings map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		raw, err := json.Marshal(settings[name])
		if err == nil {
			parts = append(parts, name+"="+compact(raw))
		}
	}
	return orDash(strings.Join(parts, " "))
}

// matchText renders conditions as --match takes them.
func matchText(match []fault.Condition) string {
	var parts []string
	for _, c := range match {
		switch c.Operator {
		case "exists":
			parts = append(parts, c.Path)
		case "startsWith":
			parts = append(parts, c.Path+"^="+c.Value)
		case "regex":
			parts = append(parts, c.Path+"~="+c.Value)
		default:
			parts = append(parts, c.Path+"="+c.Value)
		}
	}
	if len(parts) == 0 {
		return "every invocation"
	}
	return strings.Join(parts, ", ")
}
