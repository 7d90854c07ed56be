package main

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

func (a *app) policyCommand() *cobra.Command {
	var in inputs
	whose := "runner"
	cmd := &cobra.Command{
		Use:   "policy FILE",
		Short: "Print the least permissions that an experiment needs",
		Long: `Print the IAM policy of exactly what an experiment does: the runner's, or that of the functions that read
its fault sets. The targets are looked up with the credentials at hand, and nothing is touched.`,
		Example: "  firedrill policy checkout.yaml > runner.json\n  firedrill policy checkout.yaml --for functions > functions.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if whose != "runner" && whose != "functions" {
				return usage("use --for runner or --for functions", "--for %q is neither the runner nor the functions", whose)
			}
			return a.inspect(cmd.Context(), args[0], in, func(ctx context.Context, s *session, x *experiment.Experiment, _ []byte) error {
				all, err := s.permissions(ctx, x)
				if err != nil {
					return refused(exitUsage, err)
				}
				if whose == "functions" {
					return a.printJSON(newPolicy(all.Function))
				}
				return a.printJSON(newPolicy(all.Runner))
			})
		},
	}
	in.register(cmd)
	cmd.Flags().StringVar(&whose, "for", whose, "whose permissions: runner, or functions for those that read the fault sets")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"runner", "functions"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// permissions are what an experiment needs: to change its targets, to send its load, to take its measures.
func (s *session) permissions(ctx context.Context, x *experiment.Experiment) (action.Permissions, error) {
	var all action.Permissions
	faultSets := s.faultSets()
	for _, c := range x.Conditions {
		if c.Target.Tag != "" {
			all.Runner = append(all.Runner, action.TagPermissions()...)
		}
		sets, err := faultSets.FaultSets(ctx, c, action.Params{Run: "policy", Lease: x.Lease, Share: 100})
		if err != nil {
			return all, err
		}
		for _, set := range sets {
			p, err := set.Permissions(ctx)
			if err != nil {
				return all, err
			}
			all.Runner, all.Function = append(all.Runner, p.Runner...), append(all.Function, p.Function...)
		}
	}
	for _, function := range invoked(x) {
		arn, err := faultSets.FunctionARN(ctx, function)
		if err != nil {
			return all, err
		}
		all.Runner = append(all.Runner, action.Permission{Actions: []string{"lambda:InvokeFunction"}, Resources: []string{arn}})
	}
	return all, nil
}

// invoked are the functions that loads and measures invoke.
func invoked(x *experiment.Experiment) []string {
	var out []string
	for _, l := range x.Loads {
		out = append(out, l.Lambda)
	}
	for _, m := range x.Measures {
		out = append(out, m.Probe.Lambda)
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return name == "" })
}

