package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/flag"
	"github.com/firedrill-dev/firedrill/report"
)

// flagging is what "flag" is asked for.
type flagging struct {
	in       inputs
	own      house
	out      outputs
	where    string
	cohort   string
	control  string
	variant  string
	everyone bool
	offAfter bool
	policy   bool
	settle   time.Duration
	logs     string
}

func (a *app) flagCommand() *cobra.Command {
	var f flagging
	cmd := &cobra.Command{
		Use:   "flag FILE",
		Short: "Turn a feature flag on for a cohort, verify, and turn it off if that fails",
		Long: `Turn a feature flag on for the users who have a value of an attribute, run the experiment in FILE with and without its
faults, and leave the flag on for them if it held. Whatever else happens, the flag is turned off: it was disproved, nobody can
tell, somebody said stop, or this process was killed and "firedrill recover" comes along.

The file knows ${flag}, ${cohort_attribute}, ${cohort_value} and, with --control, ${control_value}. Its faults must match the
cohort, and the control, and nobody else.

  --flag APPLICATION/ENVIRONMENT/PROFILE:FLAG   a feature flag of AWS AppConfig
  --flag file:PATH:FLAG                         a flag in a file of flagd's (JSON), OpenFeature's own format
  --flag program:FLAG                           a flag of any other make: $FIREDRILL_FLAG_PROVIDER is a program that knows it`,
		Example: `  firedrill flag checkout.yaml --flag shop/live/flags:new-pricing --cohort cohort=beta --control control
  firedrill flag checkout.yaml --flag file:flags.json:new-pricing --cohort userId=42 --variant on --off-after`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logw, closeLogs, err := openLogs(f.logs)
			if err != nil {
				return err
			}
			defer closeLogs()
			if f.in.guards, err = a.guards(f.own); err != nil {
				return err
			}
			if err := f.out.begin(a); err != nil {
				return err
			}
			d, err := a.flag(cmd.Context(), args[0], f, logw)
			if d == nil {
				d = report.Drill{unbegun(args[0], err)}
			}
			return f.out.end(a, d, err)
		},
	}
	f.in.register(cmd)
	f.in.signing.register(cmd)
	f.own.register(cmd)
	f.out.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.where, "flag", "", "which flag, and where it is kept (required)")
	flags.StringVar(&f.cohort, "cohort", "", "ATTRIBUTE=VALUE of the users who get it (required)")
	flags.StringVar(&f.control, "control", "", "another value of the attribute: users who do not get it, and meet the same faults")
	flags.StringVar(&f.variant, "variant", "", "the variant that the cohort gets (default: the one called on; for AppConfig, enabled)")
	flags.BoolVar(&f.everyone, "everybody", false, "let faults hit others than the cohort, too")
	flags.BoolVar(&f.offAfter, "off-after", false, "turn the flag off even if it held")
	flags.BoolVar(&f.policy, "policy", false, "print the IAM policy that this needs, and change nothing")
	flags.DurationVar(&f.settle, "settle", -1, "how long functions may take to see a change (default: 50s for AppConfig, else 0s)")
	flags.StringVar(&f.logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	_ = cmd.MarkFlagRequired("flag")
	_ = cmd.MarkFlagRequired("cohort")
	return cmd
}

// order reads what is to be turned on, for whom, and where.
func (f flagging) order() (where string, o flag.Order, err error) {
	i := strings.LastIndex(f.where, ":")
	if i < 1 || i == len(f.where)-1 {
		return "", o, usage("write APPLICATION/ENVIRONMENT/PROFILE:FLAG or file:PATH:FLAG", "--flag %q names no flag", f.where)
	}
	cohort, err := flag.ParseCohort(f.cohort)
	if err != nil {
		return "", o, refused(exitUsage, fmt.Errorf("--cohort: %w", err))
	}
	if f.control != "" {
		if _, err := flag.ParseCohort(cohort.Attribute + "=" + f.control); err != nil || f.control == cohort.Value {
			return "", o, usage("another value of "+cohort.Attribute+", without quotes and backslashes", "--control %q cannot be a control of %s", f.control, cohort)
		}
	}
	return f.where[:i], flag.Order{Flag: f.where[i+1:], Cohort: cohort, Variant: f.variant}, nil
}

// vars are the variables that the file may use.
func (f flagging) vars(o flag.Order) []string {
	out := []string{"flag=" + o.Flag, "cohort_attribute=" + o.Cohort.Attribute, "cohort_value=" + o.Cohort.Value}
	if f.control != "" {
		out = append(out, "control_value="+f.control)
	}
	return append(out, f.in.vars...)
}

// flag opens the world and does it. Without a drill nothing was begun.
func (a *app) flag(parent context.Context, file string, f flagging, logs io.Writer) (report.Drill, error) {
	where, order, err := f.order()
	if err != nil {
		return nil, err
	}
	f.in.vars = f.vars(order)
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	world, err := a.open(ctx, f.in, logs)
	if err != nil {
		return nil, early(ctx, err)
	}
	defer a.leave(ctx, world)
	x, source, found, err := a.parse(file, world.vars)
	if err != nil {
		return nil, err
	}
	a.warn(found)
	if err := f.check(x, order.Cohort); err != nil {
		return nil, err
	}
	d := &raising{app: a, asked: f, where: where, order: order, x: x, source: source, world: world, interrupts: interrupts}
	if f.policy {
		return report.Drill{}, d.printPolicy(ctx)
	}
	return d.run(ctx)
}

// check refuses an experiment that would hit others than those for whom the flag is.
func (f flagging) check(x *experiment.Experiment, cohort flag.Cohort) error {
	if f.everyone {
		return nil
	}
	for _, c := range x.Conditions {
		if why := escapes(c, cohort.Value, f.control); why != "" {
			return usage("match on the cohort's value, such as {path: headers.x-"+cohort.Attribute+", value: \"${cohort_value}\"}; or allow it: --everybody",
				"%s:%d: condition %q %s", x.File, c.Line, c.Name, why)
		}
	}
	return nil
}
