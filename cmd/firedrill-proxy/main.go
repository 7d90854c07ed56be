// Firedrill-proxy runs a Lambda runtime behind Firedrill's layer:
//
//	firedrill-proxy [-verbose] [--] COMMAND [ARGUMENT...]
//
// A copy named bootstrap takes no flags, and runs the bootstrap.firedrill-original beside it with all its arguments. It exits with the command's code, 2 for wrong usage, and 127 if the command cannot be started. The environment
// says the rest: see docs/layer.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/firedrill-dev/firedrill/proxy"
	"github.com/firedrill-dev/firedrill/source/remote"
)

const usage = "usage: firedrill-proxy [-verbose] [--] COMMAND [ARGUMENT...]"

func main() {
	// The proxy waits for two peers in turn and shares a CPU with the runtime: one processor saves the hand-over
	// between threads. The limit makes the collector give back what a held event has cost.
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(20 << 20)
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	verbose := false
	args, named := proxy.Behind(program, os.Args[1:])
	if !named {
		verbose, args = parse(os.Args[1:])
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	code, err := proxy.Run(context.Background(), proxy.Command{
		Args: args, Again: append([]string{program}, os.Args[1:]...), Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Signals: signals, Verbose: verbose, Source: remote.FromEnv,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "firedrill-proxy: error:", err)
	}
	os.Exit(code)
}

// parse reads our own flags, which stand before the command.
func parse(args []string) (verbose bool, command []string) {
	for len(args) > 0 {
		switch args[0] {
		case "-verbose", "--verbose":
			verbose, args = true, args[1:]
			continue
		case "--":
			return verbose, args[1:]
		}
		return verbose, args
	}
	return verbose, nil
}
