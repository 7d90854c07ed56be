package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/action"
)

// defaultLease is how long a fault lasts that was switched on by hand.
const defaultLease = 15 * time.Minute

// maxLease bounds a lease by hand: who wants more says that it has none.
const maxLease = 24 * time.Hour

func (a *app) faultsEnableCommand() *cobra.Command {
	var p faultPlace
	var sets, matches []string
	var percentage float64
	var lease time.Duration
	var noExpiry, yes bool
	cmd := &cobra.Command{
		Use:   "enable KIND [NAME=VALUE...]",
		Short: "Switch a fault on, for a while",
		Long: `Switch a fault on. Settings that are not given stay as they are in the fault set, and so does everything else in it.
NAME is an attribute of the kind, as fault sets (min_latency=100) or experiments (min=100ms) spell it.

The fault ends by itself after --for, even if nobody switches it off. What stood there before can be put back with
"firedrill faults restore". On a terminal the change is shown first, and confirmed.`,
		Example: `  firedrill faults enable latency min=100ms max=400ms --percentage 50 --lambda inventory
  firedrill faults enable statuscode status=503 --match requestContext.http.path^=/api --for 5m --file faults.json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeEnable,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := readSwitch(args[0], append(args[1:], sets...), matches)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("percentage") {
				s.Percentage = &percentage
			}
			if lease < time.Second || lease > maxLease {
				return usage("a fault that nobody is to end by itself: --no-expiry", "--for %s is not between 1s and %s", lease, maxLease)
			}
			if !noExpiry {
				s.Expires = time.Now().Add(lease)
			}
			edit := func(now action.Content) (action.Content, []string, error) {
				text, notes, err := s.On(now.Text, time.Now())
				return action.Content{Text: text, Exists: true}, notes, err
			}
			return a.edit(cmd.Context(), &p, yes, edit, switchedOn(s))
		},
	}
	p.registerAll(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&sets, "set", nil, "NAME=VALUE, another way to write a setting (repeatable)")
	flags.Float64Var(&percentage, "percentage", 0, "share of the matching invocations that is hit (default: as in the fault set, else 100)")
	flags.StringArrayVar(&matches, "match", nil, `which invocations: PATH=VALUE, PATH^=BEGINNING, PATH~=REGEX, PATH for "exists" (repeatable, all must hold; "" for all invocations)`)
	flags.DurationVar(&lease, "for", defaultLease, "how long the fault set is in force")
	flags.BoolVar(&noExpiry, "no-expiry", false, "no end: the fault stays until somebody switches it off")
	flags.BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.MarkFlagsMutuallyExclusive("for", "no-expiry")
	return cmd
}

func (a *app) faultsDisableCommand() *cobra.Command {
	var p faultPlace
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "disable KIND... | --all",
		Short: "Switch faults off; their settings stay",
		Long: `Switch faults off. Their settings stay in the fault set, for the next time.

It stops whatever it can: documents of older tools, and faults of a run, too. The run notices, and ends; to end one
with everything put back, use "firedrill stop".`,
		Example:           "  firedrill faults disable --all --lambda inventory",
		ValidArgsFunction: completeKinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usage("", "name the kinds to switch off, or --all")
			}
			kinds, err := readKinds(args)
			if err != nil {
				return err
			}
			var off []string
			edit := func(now action.Content) (action.Content, []string, error) {
				text, names, err := action.Off(now.Text, kinds, time.Now())
				off = names
				return action.Content{Text: text, Exists: now.Exists}, nil, err
			}
			return a.edit(cmd.Context(), &p, yes, edit, func() string {
				if len(off) == 0 {
					return "nothing was on"
				}
				return strings.Join(off, ", ") + " off"
			})
		},
	}
	p.registerAll(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "every fault of the fault set")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

// An edit is what a command makes of a fault set, and what else there is to say about it.
type edit func(now action.Content) (next action.Content, notes []string, err error)

// An edited is the outcome of a command that changes a fault set, for programs.
type edited struct {
	Place   string          `json:"place"`
	Changed bool            `json:"changed"`
	Outcome string          `json:"outcome"`
	Notes   []string        `json:"notes"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
	Undo    string          `json:"undo,omitempty"`
}

// edit changes a fault set: shows what will be, asks, keeps the way back, writes.
func (a *app) edit(ctx context.Context, p *faultPlace, yes bool, change edit, outcome func() string) error {
	e, now, err := a.look(ctx, p)
	if err != nil {
		return err
	}
	next, notes, err := change(now)
	if err != nil {
		return faultsError(fmt.Errorf("%s: %w", e, err))
	}
	next.Secret = now.Secret
	result := edited{Place: e.String(), Notes: orEmpty(notes), Before: asJSON(now), After: asJSON(next), Changed: !next.Same(now)}
	if result.Changed {
		result.Undo = "firedrill faults restore " + p.flags()
		if err := a.confirm(result, yes); err != nil {
			return err
		}
		err := e.Update(ctx, func(found action.Content) (action.Content, error) {
			if !found.Same(now) {
				return found, &action.Refused{Reason: fmt.Sprintf("%s was changed by somebody else a moment ago", e), Tip: "look at it, and try again: firedrill faults status " + p.flags()}
			}
			return next, a.history().keep(e.Key(), way{Before: now.Discreet(), After: next.Discreet(), At: time.Now()})
		})
		if err == nil {
			err = a.history().made(e.Key())
		}
		if err != nil {
			return faultsError(err)
		}
	}
	result.Outcome = outcome()
	return a.printEdited(result)
}

func (a *app) printEdited(r edited) error {
	if a.output == "json" {
		return a.printJSON(r)
	}
	w := &strings.Builder{}
	fmt.Fprintf(w, "%s: %s\n", r.Place, r.Outcome)
	if r.Changed && !a.quiet {
		r.describe(w)
	}
	if r.Changed {
		fmt.Fprintf(w, "to put back what was there: %s\n", r.Undo)
	}
	return a.printText(w)
}

// describe says what is another, and what else there is to say.
func (r edited) describe(w *strings.Builder) {
	for _, line := range differences(r.Before, r.After) {
		fmt.Fprintf(w, "  %s\n", line)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
}

// confirm asks a person; a program has meant what it said.
func (a *app) confirm(r edited, yes bool) error {
	in, isFile := a.stdin.(*os.File)
	if yes || !isFile || a.output == "json" || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	w := &strings.Builder{}
	fmt.Fprintf(w, "%s:\n", r.Place)
	r.describe(w)
	fmt.Fprintf(a.stderr, "%sChange it? [y/N] ", printable(w.String()))
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err == nil && slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
		return nil
	}
	return &failure{code: exitUsage, err: errors.New("not confirmed: nothing was changed")}
}

// asJSON is a document for JSON output; one that is no JSON is told as text.
func asJSON(c action.Content) json.RawMessage {
	text := bytes.TrimSpace(c.Text)
	switch {
	case !c.Exists || len(text) == 0:
		return json.RawMessage("null")
	case json.Valid(text):
		return text
	}
	raw, err := json.Marshal(string(text))
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

// switchedOn says what a switch did.
func switchedOn(s action.Switch) func() string {
	return func() string {
		if s.Expires.IsZero() {
			return fmt.Sprintf("%s on, without an end", s.Kind)
		}
		return fmt.Sprintf("%s on until %s", s.Kind, s.Expires.Local().Format(time.DateTime))
	}
}
