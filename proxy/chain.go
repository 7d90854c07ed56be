package proxy

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/firedrill-dev/firedrill/fault"
)

// Variables by which the proxy finds its place among others.
const (
	// Wrapper names the wrapper that AWS_LAMBDA_EXEC_WRAPPER named before it named ours.
	Wrapper = "FIREDRILL_WRAPPER"
	// WrapperBehind names a wrapper that is to stand between us and the runtime: one that runs something else than
	// the command line it is given.
	WrapperBehind = "FIREDRILL_WRAPPER_BEHIND"
	// wrapped tells a proxy that another wrapper runs which program it was to run.
	wrapped = "FIREDRILL_WRAPPED_PROGRAM"
	// Port is the port to listen on, for an extension that must be told before where its Runtime API is.
	Port = "FIREDRILL_PORT"
)

// Names in a function's package for the runtimes that have only an operating system.
const (
	// Bootstrap is the program that such a runtime starts.
	Bootstrap = "bootstrap"
	// Original is the function's own bootstrap where the proxy has taken its name.
	Original = "bootstrap.firedrill-original"
)

// Behind is the command line of the program that a proxy stands in front of by its own name: a program called
// bootstrap runs the original beside it, with the arguments that it was given itself. ok is false for any other.
func Behind(program string, args []string) (command []string, ok bool) {
	if filepath.Base(program) != Bootstrap {
		return nil, false
	}
	return append([]string{filepath.Join(filepath.Dir(program), Original)}, args...), true
}

// wrap becomes the other wrapper, which is to run the proxy with the command as it would have run the command
// itself. So whatever it sets for the command is set for the proxy: if it leads the runtime to a proxy of its own,
// that is our upstream. It returns only if that cannot be done.
func (cmd Command) wrap(wrapper string, log *journal) {
	problem := fault.Problem{Field: Wrapper, Value: wrapper, Message: "cannot be run, the command runs without it"}
	path, err := exec.LookPath(wrapper)
	switch {
	case err != nil:
		problem.Message += ": " + err.Error()
	case len(cmd.Again) == 0:
		problem.Message += ": the proxy does not know its own command line"
	default:
		environ := append(slices.Clip(cmd.Environ), wrapped+"="+cmd.Args[0])
		if err := replaceProcess(path, append([]string{path}, cmd.Again...), environ); err != nil {
			problem.Message += ": " + err.Error()
		}
	}
	log.problem(problem)
}

// unwrapped gives the program the flags that a wrapper has put before it: some insert theirs after the first word that
// they are given, which is the proxy where they expect the runtime.
func unwrapped(program string, args []string) []string {
	i := slices.Index(args, program)
	if i <= 0 {
		return args
	}
	return slices.Concat(args[i:i+1], args[:i], args[i+1:])
}

// putBehind makes another wrapper the command, with the command after it, unless it cannot be run.
func (cmd *Command) putBehind(wrapper string, log *journal) {
	path, err := exec.LookPath(wrapper)
	if err != nil {
		log.problem(fault.Problem{Field: WrapperBehind, Value: wrapper, Message: "cannot be run, the command runs without it: " + err.Error()})
		return
	}
	cmd.Args = append([]string{path}, cmd.Args...)
}

// listenAddress is where the proxy listens: on a free port, unless the environment names one.
func listenAddress(port string, log *journal) string {
	if port == "" {
		return "127.0.0.1:0"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		log.problem(fault.Problem{Field: Port, Value: port, Message: "is not a port, the proxy takes a free one", Hint: "a number from 1 to 65535"})
		return "127.0.0.1:0"
	}
	return fmt.Sprintf("127.0.0.1:%s", port)
}
