package main

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/proxy"
	"github.com/firedrill-dev/firedrill/source/remote"
)

// proxyCommand is the layer's proxy inside the large binary, for functions with "layer: true" where
// firedrill-proxy is not installed beside it.
func (a *app) proxyCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "proxy -- COMMAND [ARGUMENT...]",
		Short:              "Run a Lambda runtime behind the layer's proxy",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
			if len(args) == 0 {
				return usage("firedrill proxy -- COMMAND [ARGUMENT...]", "no command to run")
			}
			self, err := os.Executable()
			if err != nil {
				return &failure{code: exitError, err: err}
			}
			signals := make(chan os.Signal, 8)
			signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
			code, err := proxy.Run(cmd.Context(), proxy.Command{
				Args: args, Again: append([]string{self, "proxy", "--"}, args...), Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
				Signals: signals, Source: remote.FromEnv,
			})
			if err != nil {
				return &failure{code: code, err: err}
			}
			if code != 0 {
				return &failure{code: code, err: errors.New("the command failed"), silent: true}
			}
			return nil
		},
	}
}
