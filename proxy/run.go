package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// Variables of the environment, beside those of package source.
const (
	// RuntimeAPI names the Runtime API, HOST:PORT. The runtime gets it with the proxy's own address.
	RuntimeAPI = "AWS_LAMBDA_RUNTIME_API"
	// FunctionName is the function's name, which records carry.
	FunctionName = "AWS_LAMBDA_FUNCTION_NAME"
	// Proof names a file to which records are appended, beside the log.
	Proof = "FIREDRILL_PROOF"
)

// A Command is a runtime to be started behind the proxy.
type Command struct {
	Args           []string // the program and its arguments
	Again          []string // the command line that runs all this again, for another wrapper to run; may be nil
	Environ        []string // "NAME=value", as of os.Environ
	Stdin          io.Reader
	Stdout, Stderr io.Writer        // the runtime's; records go to Stderr, too
	Signals        <-chan os.Signal // passed on to the runtime; may be nil
	Verbose        bool             // say on Stderr where the proxy listens
	// Source opens the live fault set; nil is source.FromEnv. Its context ends with the command. What it writes
	// to log may come at any time, one line with each Write.
	Source func(ctx context.Context, getenv func(string) string, log io.Writer) source.Source
}

// Run starts the command behind a proxy and returns its exit code once it ends: 128 and the number for a
// signal. If there is nothing to stand in front of, or Firedrill is disabled, it becomes the command, where the
// system can do that, and so does not return. The error says why the command did not start. Cancelling ctx
// kills the command.
func Run(ctx context.Context, cmd Command) (code int, err error) {
	if len(cmd.Args) == 0 {
		return 2, errors.New("no command to run")
	}
	getenv := lookup(cmd.Environ)
	log := &journal{log: cmd.Stderr}
	if program := getenv(wrapped); program != "" {
		cmd.Environ = without(cmd.Environ, wrapped)
		cmd.Args = unwrapped(program, cmd.Args)
	}
	if getenv(source.Proxied) != "" {
		log.problem(fault.Problem{Field: source.Proxied, Message: "another proxy of ours stands in front already, the command runs without a second one", Warning: true})
		return cmd.direct(ctx)
	}
	if wrapper := getenv(Wrapper); wrapper != "" {
		cmd.Environ = without(cmd.Environ, Wrapper)
		cmd.wrap(wrapper, log)
	}
	if wrapper := getenv(WrapperBehind); wrapper != "" {
		cmd.Environ = without(cmd.Environ, WrapperBehind)
		cmd.putBehind(wrapper, log)
	}
	// Whoever was told our port depends on it.
	if source.IsDisabled(getenv) && getenv(Port) == "" {
		return cmd.direct(ctx)
	}
	upstream := getenv(RuntimeAPI)
	if upstream == "" {
		log.problem(fault.Problem{Field: RuntimeAPI, Message: "is not set, the command runs without the proxy"})
		return cmd.direct(ctx)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", listenAddress(getenv(Port), log))
	if err != nil {
		log.problem(fault.Problem{Field: "proxy", Message: "cannot listen, the command runs without it: " + err.Error()})
		return cmd.direct(ctx)
	}
	if cmd.Verbose {
		_, _ = fmt.Fprintf(cmd.Stderr, "{\"firedrill\":\"listening\",\"time\":%q,\"address\":%q}\n",
			time.Now().UTC().Format(time.RFC3339Nano), ln.Addr())
	}
	sourceCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	return cmd.behind(ctx, ln, Options{Upstream: upstream, Function: getenv(FunctionName), Log: cmd.Stderr, Getenv: getenv,
		Source: cmd.source(sourceCtx, getenv), Proof: openProof(getenv(Proof), log)})
}

func (cmd Command) source(ctx context.Context, getenv func(string) string) source.Source {
	if cmd.Source == nil {
		return source.FromEnv(getenv, cmd.Stderr)
	}
	return cmd.Source(ctx, getenv, cmd.Stderr)
}

// behind runs the command with the proxy on ln in front of it.
func (cmd Command) behind(ctx context.Context, ln net.Listener, o Options) (int, error) {
	if f, ok := o.Proof.(io.Closer); ok {
		defer f.Close()
	}
	environ := cmd.Environ
	if o.Source != nil {
		environ, o.Denylist = preload(environ, o.Getenv, &journal{log: o.Log})
	}
	if o.Denylist != nil {
		defer o.Denylist.Close()
	}
	p := New(o)
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := p.Serve(ctx, ln); err != nil {
			p.journal.problem(fault.Problem{Field: "proxy", Message: "serves no more connections: " + err.Error()})
		}
	}()
	code, err := cmd.child(ctx, append(without(environ, RuntimeAPI), RuntimeAPI+"="+ln.Addr().String(), source.Proxied+"=true"))
	_ = ln.Close()
	p.Close()
	<-served
	return code, err
}

// direct runs the command with nothing in front of it.
func (cmd Command) direct(ctx context.Context) (int, error) {
	if path, err := exec.LookPath(cmd.Args[0]); err == nil {
		_ = replaceProcess(path, cmd.Args, cmd.Environ) // a child does as well
	}
	return cmd.child(ctx, cmd.Environ)
}

// child runs the command to its end.
func (cmd Command) child(ctx context.Context, environ []string) (int, error) {
	// The kernel kills the child when the thread that started it ends: this one must last.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.CommandContext(ctx, cmd.Args[0], cmd.Args[1:]...)
	c.Env = environ
	c.Stdin, c.Stdout, c.Stderr = cmd.Stdin, cmd.Stdout, cmd.Stderr
	dieTogether(c)
	if err := c.Start(); err != nil {
		return 127, fmt.Errorf("start %s: %w", filepath.Base(cmd.Args[0]), err)
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case s := <-cmd.Signals:
				_ = c.Process.Signal(s) // it may have ended already
			case <-stop:
				return
			}
		}
	}()
	return exitCode(c.Wait())
}

// exitCode is what a shell would make of the end of a command.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if n := signalNumber(exit.ProcessState); n > 0 {
			return 128 + n, nil
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("wait for the command: %w", err)
	}
	return 0, nil
}

// openProof opens the file that FIREDRILL_PROOF names; nil if there is none or it cannot be opened.
func openProof(path string, log *journal) io.Writer {
	if path == "" {
		return nil
	}
	// Opening a pipe would wait for its reader, and writing to a full one, too.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o600)
	if err == nil {
		if info, statErr := f.Stat(); statErr != nil || !info.Mode().IsRegular() {
			_ = f.Close()
			err = errors.New("it is not a regular file")
		}
	}
	if err != nil {
		log.problem(fault.Problem{Field: Proof, Value: path, Message: "cannot be opened, records go to the log only: " + err.Error()})
		return nil
	}
	return f
}

// lookup is os.Getenv on a list: the last one counts.
func lookup(environ []string) func(name string) string {
	return func(name string) (value string) {
		for _, e := range environ {
			if n, v, _ := strings.Cut(e, "="); n == name {
				value = v
			}
		}
		return value
	}
}

func without(environ []string, name string) []string {
	var kept []string
	for _, e := range environ {
		if !strings.HasPrefix(e, name+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}
