package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
)

// defaultState is the folder for runs, and for what stays on this machine when the runs' state is in a table.
const defaultState = ".firedrill"

// openState opens the state that --state names. Nothing is asked yet.
func (a *app) openState(ctx context.Context) (*engine.State, error) {
	if !dynamostate.IsLocation(a.state) {
		return engine.NewState(a.state), nil
	}
	table, err := a.openTable(ctx)
	if err != nil {
		return nil, err
	}
	return engine.StateAt(table), nil
}

// openTable opens the table that --state names, with the environment's own credentials: the state is the team's,
// whatever accounts an experiment touches.
func (a *app) openTable(ctx context.Context) (*dynamostate.Table, error) {
	at, err := dynamostate.Parse(a.state)
	if err != nil {
		return nil, usage("such as --state dynamodb:drills or --state dynamodb:drills?region=eu-west-1", "%w", err)
	}
	s := newServices(a.getenv, at.Region)
	place, err := s.home(ctx, "dynamodb")
	if err != nil {
		return nil, err
	}
	cfg, err := s.ownConfig(ctx, "dynamodb", place)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, usage("set AWS_REGION, or --state dynamodb:"+at.Table+"?region=REGION", "no AWS region is set")
	}
	return dynamostate.New(cfg, at), nil
}

// localFolder is where files go that only this machine needs.
func (a *app) localFolder() string {
	if dynamostate.IsLocation(a.state) {
		return defaultState
	}
	return a.state
}

// statePermissions are what the state needs; nothing while it is in a folder.
func (a *app) statePermissions(ctx context.Context) ([]action.Permission, error) {
	if !dynamostate.IsLocation(a.state) {
		return nil, nil
	}
	at, err := dynamostate.Parse(a.state)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	place, err := newServices(a.getenv, at.Region).home(ctx, "dynamodb")
	if err != nil {
		return nil, err
	}
	table := arn.ARN{Partition: partitionOf(place.Region), Service: "dynamodb", Region: place.Region, AccountID: place.Account, Resource: "table/" + at.Table}
	if table.AccountID == "" {
		table.AccountID = "*"
	}
	return []action.Permission{{Actions: dynamostate.Actions(), Resources: []string{table.String()}}}, nil
}

// partitionOf is the part of AWS that a region is in.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// runDir is the folder of a run; empty if the state is in a table.
func (a *app) runDir(run string) string {
	if dynamostate.IsLocation(a.state) {
		return ""
	}
	return engine.NewState(a.state).RunDir(run)
}

func (a *app) stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Prepare a DynamoDB table in which a team shares its runs",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.stateCreateCommand())
	return cmd
}

func (a *app) stateCreateCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "create dynamodb:TABLE",
		Short: "Create the table: paid by request, with point-in-time recovery and deletion protection",
		Long: `Create the table that --state dynamodb:TABLE then names. One that is there already is checked and left as it is.
It takes ` + strings.Join(dynamostate.CreateActions(), ", ") + `;
whoever only uses the table needs what "firedrill policy FILE --state dynamodb:TABLE" prints.`,
		Example: "  firedrill state create dynamodb:drills\n  firedrill run checkout.yaml --state dynamodb:drills",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.state = args[0]
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			table, err := a.openTable(ctx)
			if err != nil {
				return err
			}
			created, err := table.Create(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				return &failure{code: exitError, err: err, hint: "it may still be on its way: repeat the command"}
			}
			if err != nil {
				return refused(exitError, err)
			}
			if a.output == "json" {
				return a.printJSON(map[string]any{"state": table.Name(), "created": created})
			}
			word := "is there already"
			if created {
				word = "is ready"
			}
			fmt.Fprintf(a.stdout, "%s %s; use it: --state %s\n", table.Name(), word, table.Name())
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait for the table")
	return cmd
}
