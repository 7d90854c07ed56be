package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
)

// faultsCommand is what people do to a fault set themselves.
func (a *app) faultsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Look at a function's fault set and change it by hand",
		Long: `Look at a function's fault set, switch single faults on and off by hand, and read the documents of other tools.

An experiment (firedrill run) also measures what users felt, and puts everything back; by hand, a lease ends what
was switched on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.faultsStatusCommand(), a.faultsEnableCommand(), a.faultsDisableCommand(), a.faultsRestoreCommand(),
		a.faultsImportCommand(), a.faultsProfileCommand())
	cmd.AddCommand(a.faultsSignCommands()...)
	return cmd
}

// faultsError gives an error of a fault set its exit code and hint. What a user asked for wrongly is usage.
func faultsError(err error) error {
	var known *failure
	if err == nil || errors.As(err, &known) {
		return err
	}
	var refused *action.Refused
	if errors.As(err, &refused) {
		return &failure{code: exitUsage, err: errors.New(printable(err.Error()) + "; nothing was changed"), hint: printable(refused.Hint())}
	}
	return &failure{code: exitError, err: errors.New(printable(err.Error()))}
}
