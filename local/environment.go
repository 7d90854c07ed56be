package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// exitPatience is how long the answers of a process that has ended may still be on their way.
const exitPatience = time.Second

// An environment is one process of a version. See the package comment for its life.
type environment struct {
	version    *version
	spec       Function // as it was when the environment started
	generation int      // of the function's configuration
	server     *runtimeapi.Server
	http       *http.Server
	cmd        *exec.Cmd
	logs       *logPipe
	initTook   time.Duration
	served     int           // invocations; only the one at hand looks
	idleSince  time.Time     // guarded by Host.mu
	idle       bool          // guarded by Host.mu
	uncounted  bool          // guarded by Host.mu: its place has been given away before its end
	settled    chan struct{} // guarded by Host.mu: closed when it is not, or no longer, settling; nil before

	exited  chan struct{} // closed when the process and its connections are gone
	exitErr error         // after exited: what exec.Cmd.Wait said
	kill    func()
}

// startEnvironment starts the process; it does not wait for its initialization. When the process ends, the
// environment cleans up after itself and calls h.gone.
func (h *Host) startEnvironment(v *version, spec Function, generation int) (*environment, error) {
	if !h.join() {
		return nil, errClosing
	}
	defer h.running.Done()
	env := &environment{
		version: v, spec: spec, generation: generation,
		server: runtimeapi.NewServer(0),
		exited: make(chan struct{}),
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(h.life, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	env.http = newHTTPServer(env.server)
	env.logs, err = newLogPipe(func(line []byte) {
		h.injections.add(spec.Name, line)
		h.log.line(v.label(), line)
	})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	env.cmd = &exec.Cmd{
		Path:   v.argv[0],
		Args:   v.argv,
		Dir:    v.dir,
		Env:    h.environ(v, spec, listener.Addr().String()),
		Stdout: env.logs.w,
		Stderr: env.logs.w,
	}
	if err := h.launcher.start(env.cmd); err != nil {
		env.logs.close()
		_ = listener.Close()
		return nil, fmt.Errorf("start the function: %w", err)
	}
	env.kill = sync.OnceFunc(func() {
		if err := killGroup(env.cmd.Process); err != nil {
			h.log.line(v.label(), fmt.Appendf(nil, "firedrill: cannot kill process %d: %v", env.cmd.Process.Pid, err))
		}
	})
	h.mu.Lock()
	h.all[env] = struct{}{}
	if h.closing { // Close may have looked already
		env.kill()
	}
	h.mu.Unlock()
	h.running.Go(func() {
		if err := env.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			h.log.line(v.label(), fmt.Appendf(nil, "firedrill: Runtime API: %v", err))
		}
	})
	h.running.Go(func() { env.reap(h) })
	return env, nil
}

// reap waits for the process's end and clears away what belonged to it.
func (env *environment) reap(h *Host) {
	env.exitErr = env.cmd.Wait()
	env.kill() // what it started and left behind
	ctx, cancel := context.WithTimeout(h.life, exitPatience)
	defer cancel()
	_ = env.http.Shutdown(ctx) // takes in an answer that was posted just before the end
	_ = env.http.Close()
	env.logs.close()
	env.server.Close()
	close(env.exited)
	h.gone(env)
}

// initialize waits for the function's first poll. Its error is a *failure.
func (env *environment) initialize(ctx context.Context, h *Host, requestID string) error {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, h.initTimeout)
	defer cancel()
	err := env.server.WaitIdle(ctx)
	env.initTook = time.Since(started)
	if err == nil {
		return nil
	}
	var f *failure
	var posted *runtimeapi.InitError
	var lost *runtimeapi.LostError
	switch {
	case errors.As(err, &posted):
		f = &failure{kind: posted.Result.ErrorType, payload: posted.Result.Payload}
	case errors.As(err, &lost):
		f = exitFailure(requestID, env.exitErr)
	case h.life.Err() != nil: // the host ends, which is not the function's fault
		env.kill()
		<-env.exited
		f = exitFailure(requestID, env.exitErr)
	default:
		env.logs.write("firedrill: the function did not ask for an event while it initialized; does it speak the Lambda Runtime API?\n")
		f = timeoutFailure(requestID, h.initTimeout)
	}
	env.logs.write(fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: error\tError Type: %s\n",
		milliseconds(env.initTook), f.kind))
	env.kill()
	return f
}

// An outcome is what an invocation came to.
type outcome struct {
	result runtimeapi.Result // of a failure: the error document
	tail   []byte            // end of the log, if it was asked for
}

// run has the environment serve one invocation. A LostError says that the function never saw it.
func (env *environment) run(ctx context.Context, h *Host, in invocation) (outcome, error) {
	started := time.Now()
	deadline := started.Add(env.spec.Timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	env.logs.begin("START RequestId: " + in.id + " Version: " + env.version.name + "\n")
	result, err := env.server.Invoke(ctx, runtimeapi.Event{
		RequestID:     in.id,
		Payload:       in.payload,
		Deadline:      deadline,
		FunctionARN:   in.arn,
		TraceID:       in.traceID,
		ClientContext: in.clientContext,
	})
	took := time.Since(started)
	var lost *runtimeapi.LostError
	switch {
	case err == nil:
	case errors.As(err, &lost) && !lost.Delivered && lost.Cause == nil:
		return outcome{}, lost // ended while it was idle: another environment may take the event
	case errors.Is(err, context.DeadlineExceeded):
		took = max(took, env.spec.Timeout)
		env.kill()
		result = timeoutFailure(in.id, env.spec.Timeout).result()
	default:
		env.kill()
		<-env.exited
		result = exitFailure(in.id, env.exitErr).result()
	}
	tail := env.logs.end(env.report(in, took, result), in.tail)
	env.served++
	return outcome{result, tail}, nil
}

// report renders the last lines of an invocation's log as Lambda does.
func (env *environment) report(in invocation, took time.Duration, result runtimeapi.Result) string {
	ms := milliseconds(took)
	billed := int64(ms)
	if float64(billed) < ms {
		billed++
	}
	line := fmt.Sprintf("END RequestId: %s\nREPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\t",
		in.id, in.id, ms, billed, env.spec.MemoryMB)
	if env.served == 0 {
		line += fmt.Sprintf("Init Duration: %.2f ms\t", milliseconds(env.initTook))
	}
	if result.Failed && (result.ErrorType == errTimedOut || result.ErrorType == errExit) {
		line += fmt.Sprintf("Status: error\tError Type: %s\t", result.ErrorType)
	}
	return line + "\n"
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A failure is an invocation that ended without the function's own answer.
type failure struct {
	kind    string // errorType
	payload []byte // error document
}

// Error types as Lambda names them.
const (
	errTimedOut   = "Sandbox.Timedout"
	errExit       = "Runtime.ExitError"
	errEntrypoint = "Runtime.InvalidEntrypoint"
)

// Error is the error document.
func (f *failure) Error() string { return string(f.payload) }

func (f *failure) result() runtimeapi.Result {
	return runtimeapi.Result{Payload: f.payload, ContentType: "application/json", Failed: true, ErrorType: f.kind}
}

func timeoutFailure(requestID string, timeout time.Duration) *failure {
	return newFailure(errTimedOut, fmt.Sprintf("%s %s Task timed out after %.2f seconds",
		time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), requestID, timeout.Seconds()))
}

func exitFailure(requestID string, err error) *failure {
	message := "RequestId: " + requestID + " Error: Runtime exited without providing a reason"
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		message = fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", requestID, exit.ProcessState)
	case err != nil && !errors.Is(err, os.ErrProcessDone):
		message = fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %v", requestID, err)
	}
	return newFailure(errExit, message)
}

func newFailure(kind, message string) *failure {
	return &failure{kind: kind, payload: marshal(runtimeapi.ErrorResponse{ErrorMessage: message, ErrorType: kind})}
}
