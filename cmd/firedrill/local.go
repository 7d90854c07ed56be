package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) localCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "local FILE",
		Short: "Run Lambda functions on this machine",
		Long: `Run the functions of a functions file on this machine until Ctrl-C: an HTTP API in front, the
Lambda API behind. AWS SDKs and the AWS CLI work against it:

  aws lambda invoke --endpoint-url http://127.0.0.1:9001 --function-name hello out.json`,
		Example: "  firedrill local functions.yaml",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, interrupts := a.interruptible(cmd.Context())
			defer interrupts.release()
			s := &session{vars: map[string]string{}}
			if err := s.startHost(ctx, a, args[0], a.stderr); err != nil {
				return err
			}
			if err := a.announce(s); err != nil {
				return err
			}
			<-ctx.Done()
			if err := s.close(ctx); err != nil {
				return &failure{code: exitError, err: err}
			}
			return nil
		},
	}
}

// announce says where the host listens, for people and for scripts that wait for it.
func (a *app) announce(s *session) error {
	if a.output == "json" {
		return a.printJSON(map[string]string{"api": s.vars["api"], "lambda": s.endpoint})
	}
	if api := s.vars["api"]; api != "" {
		fmt.Fprintf(a.stdout, "HTTP API    %s\n", api)
	}
	fmt.Fprintf(a.stdout, "Lambda API  %s\n", s.endpoint)
	for _, line := range s.host.Versions() {
		fmt.Fprintln(a.stdout, line)
	}
	fmt.Fprintln(a.stdout, "Ctrl-C ends it")
	return nil
}
