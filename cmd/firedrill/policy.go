package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/experiment"
)

func (a *app) policyCommand() *cobra.Command {
	var in inputs
	var own house
	whose := forRunner
	cmd := &cobra.Command{
		Use:   "policy FILE",
		Short: "Print the least permissions that an experiment needs",
		Long: `Print the IAM policy of exactly what an experiment does: the runner's, that of the functions that read its
fault sets, or that of a role in one of its accounts. The targets are looked up with the credentials at hand, and nothing
is touched.

  --for runner         what you need (default)
  --for functions      what functions need that read the experiment's fault sets
  --for NAME           what the role needs that accounts: has under this name
  --for trust:NAME     whom that role must trust`,
		Example: "  firedrill policy checkout.yaml > runner.json\n  firedrill policy checkout.yaml --for functions > functions.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			house, err := a.guards(own)
			if err != nil {
				return err
			}
			return a.inspect(cmd.Context(), args[0], in, func(ctx context.Context, s *session, x *experiment.Experiment, _ []byte) error {
				state, err := a.statePermissions(ctx)
				if err != nil {
					return err
				}
				p, err := s.policy(ctx, under(x, house), whose, state)
				if err != nil {
					return err
				}
				return a.printJSON(p)
			})
		},
	}
	in.register(cmd)
	own.register(cmd)
	cmd.Flags().StringVar(&whose, "for", whose, "whose permissions: runner, functions, the NAME of an account, or trust:NAME")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{forRunner, forFunctions, forTrust}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Whose permissions are asked for.
const (
	forRunner    = "runner"
	forFunctions = "functions"
	forTrust     = "trust:"
)

// policy is what one of those who take part in an experiment needs.
func (s *session) policy(ctx context.Context, x *experiment.Experiment, whose string, state []action.Permission) (action.Policy, error) {
	name, trust := strings.CutPrefix(whose, forTrust)
	in, isAccount := x.FindAccount(name)
	switch {
	case trust && isAccount:
		cfg, err := s.services.here(ctx, "sts")
		if err != nil {
			return action.Policy{}, err
		}
		self, err := s.services.caller(ctx, cfg)
		root := arn.ARN{Partition: partitionOf(cfg.Region), Service: "iam", AccountID: self, Resource: "root"}
		return action.TrustPolicy(root.String(), in.ExternalID), err
	case whose != forRunner && whose != forFunctions && !isAccount:
		return action.Policy{}, usage("use --for runner, --for functions, or the name of an account in the file", "--for %q is neither the runner nor the functions, and no account of the file", whose)
	}
	all, err := s.permissions(ctx, x)
	if err != nil {
		return action.Policy{}, refused(exitUsage, err)
	}
	switch whose {
	case forFunctions:
		return action.NewPolicy(all.functions), nil
	case forRunner:
		return action.NewPolicy(append(all.runner[""], state...)), nil
	}
	return action.NewPolicy(all.runner[whose]), nil
}

// needed are the permissions of those who take part in an experiment.
type needed struct {
	runner    map[string][]action.Permission // by the name of the account; "": the runner's own
	functions []action.Permission
}

// assume lets the runner into an account.
func (n *needed) assume(in experiment.Account) {
	n.runner[""] = append(n.runner[""], action.Permission{Actions: []string{"sts:AssumeRole", "sts:TagSession"}, Resources: []string{in.Role}})
}

// permissions are what an experiment needs: to change its targets, to send its load, to take its measures.
func (s *session) permissions(ctx context.Context, x *experiment.Experiment) (needed, error) {
	all := needed{runner: map[string][]action.Permission{}}
	for _, c := range x.Conditions {
		p, err := s.conditionPermissions(ctx, c, x.Lease)
		if err != nil {
			return all, err
		}
		in := c.Target.Account
		for _, tag := range x.Guards.Tags { // which the guard reads
			p.Runner = append(p.Runner, action.TargetPermissions(experiment.Target{Tag: tag})...)
		}
		all.runner[in], all.functions = append(all.runner[in], p.Runner...), append(all.functions, p.Function...)
		if c.Target.Assume != nil {
			all.assume(*c.Target.Assume)
		}
	}
	if err := newMeasuring(s, x).permissions(ctx, &all); err != nil {
		return all, err
	}
	for _, function := range invoked(x) {
		arn, err := s.faultSets().FunctionARN(ctx, function)
		if err != nil {
			return all, err
		}
		all.runner[""] = append(all.runner[""], action.Permission{Actions: []string{"lambda:InvokeFunction"}, Resources: []string{arn}})
	}
	return all, nil
}

// conditionPermissions are what it takes to find the targets of a condition, to change them and to put them back.
func (s *session) conditionPermissions(ctx context.Context, c experiment.Condition, lease time.Duration) (action.Permissions, error) {
	out := action.Permissions{Runner: action.TargetPermissions(c.Target)}
	params := action.Params{Run: "policy", Lease: lease, Share: 100}
	if account.Has(c.Fault) {
		changes, err := account.NewFactory(s.accounts()).Changes(ctx, c, params)
		for _, a := range changes {
			out.Runner = append(out.Runner, a.Permissions()...)
		}
		return out, err
	}
	sets, err := s.faultSets().FaultSets(ctx, c, params)
	if err != nil {
		return out, err
	}
	for _, set := range sets {
		p, err := set.Permissions(ctx)
		if err != nil {
			return out, err
		}
		out.Runner, out.Function = append(out.Runner, p.Runner...), append(out.Function, p.Function...)
	}
	return out, nil
}

// invoked are the functions that loads and measures invoke.
func invoked(x *experiment.Experiment) []string {
	var out []string
	for _, l := range x.Loads {
		out = append(out, l.Lambda)
	}
	for _, m := range x.Measures {
		if m.Probe.Account == "" && m.Probe.Region == "" { // measures of other places say themselves what they need
			out = append(out, m.Probe.Lambda)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return name == "" })
}
