// Command firedrill rehearses failure in serverless applications: it breaks one thing on purpose, watches
// whether users would have noticed, puts everything back and gives a verdict that a pipeline can act on.
//
// This package is wiring: flags, the registry of kinds, terminal output and exit codes. What it wires is in
// the packages at the top of the repository.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	_ "time/tzdata" // guards name time zones, and not every machine knows them

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/experiment"
)

// Exit codes: the contract for scripts.
const (
	exitHeld        = 0
	exitError       = 1
	exitUsage       = 2
	exitDisproved   = 3
	exitUnsettled   = 4 // inconclusive or not steady
	exitStopped     = 5
	exitUndo        = 10 // something could not be put back
	exitInterrupted = 130
)

// A failure is an error that knows its exit code and, often, what to do about it.
type failure struct {
	code int
	err  error
	hint string
	// silent: the outcome has been reported already, only the code is left to say.
	silent   bool
	problems []experiment.Problem // of the file that err is about
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) Hint() string  { return f.hint }

// usage marks an error as the user's to mend: bad flags or a bad file.
func usage(hint, format string, args ...any) error {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// An app is one invocation of the command: its streams, environment and global flags.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	state          string
	output         string
	quiet          bool
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is main without the exit, so that the CLI tests can run it as a command of theirs.
func run(args []string) int {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv}
	root := a.rootCommand()
	root.SetArgs(asFunction(args, a.getenv))
	cmd, err := root.ExecuteContextC(context.Background())
	return a.report(withUsage(cmd, err))
}

// withUsage gives cobra's own errors, which are all about usage, a hint.
func withUsage(cmd *cobra.Command, err error) error {
	var f *failure
	var file *fs.PathError // such as standard output, where nothing can be written
	switch {
	case err == nil || errors.As(err, &f):
		return err
	case errors.As(err, &file):
		return &failure{code: exitError, err: err}
	case cmd.HasSubCommands():
		return usage(cmd.CommandPath()+" --help", "%w", err)
	}
	return usage(cmd.UseLine()+"; more: "+cmd.CommandPath()+" --help", "%w", err)
}

// report prints an error as a person or a program wants to read it and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		return exitHeld
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{code: exitUsage, err: err} // cobra's own errors are about usage
	}
	if f.silent {
		return f.code
	}
	if a.output == "json" {
		_ = json.NewEncoder(a.stderr).Encode(map[string]any{"error": f.Error(), "hint": f.hint, "code": f.code})
		return f.code
	}
	fmt.Fprintf(a.stderr, "firedrill: error: %v\n", err)
	if f.hint != "" {
		fmt.Fprintf(a.stderr, "firedrill: hint: %s\n", f.hint)
	}
	return f.code
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "firedrill",
		Short: "Rehearse failure in serverless applications",
		Long: `Firedrill breaks one thing on purpose, in a controlled way, watches whether users
would have noticed, puts everything back, and gives a verdict.

Start with "firedrill demo", then "firedrill init".

Exit codes: 0 held, 1 the run itself failed, 2 usage or bad file, 3 disproved,
4 inconclusive or not steady, 5 stopped, 10 undo incomplete, 130 interrupted and undone.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "text" && a.output != "json" {
				return usage("use --output text or --output json", "unknown output %q", a.output)
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.state, "state", cmp.Or(a.getenv("FIREDRILL_STATE"), defaultState), "folder that holds runs, locks and the kill switch, or dynamodb:TABLE for a team")
	flags.StringVarP(&a.output, "output", "o", "text", "text, or json for programs")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress, only the outcome")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddCommand(
		a.demoCommand(), a.initCommand(), a.validateCommand(), a.planCommand(), a.policyCommand(), a.runCommand(), a.verifyCommand(), a.canaryCommand(), a.flagCommand(),
		a.sweepCommand(), a.statusCommand(), a.stopCommand(), a.recoverCommand(), a.runsCommand(), a.reportCommand(),
		a.faultsCommand(), a.killSwitchCommand(), a.stateCommand(), a.localCommand(), a.layerCommand(), a.proxyCommand(), a.schemaCommand(), a.versionCommand(),
		a.lambdaCommand(),
	)
	return root
}

// getenv is lookupEnv for readers who do not care whether a variable is unset or empty.
func (a *app) getenv(name string) string {
	value, _ := a.lookupEnv(name)
	return value
}

// printJSON writes v indented to standard output.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
