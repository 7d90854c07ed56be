// Package probe reads measures: it asks the world one question and reports the answer as an observation. There
// is one file for each kind: http, invoke, command, prometheus, cloudwatch, alarm and logs. Measures of a load's traffic are not read;
// the load reports them itself.
//
// An observation carries a latency in seconds or a number, as experiment.Measure.Latency says. What could not
// be read is a failed observation, never a missing one. Its latency is the time waited if the time was up
// (class "timeout"), otherwise +Inf: the right answer never came, and how fast a wrong one was is no merit.
// (A load counts error answers with their latency, because its errors have a measure of their own; a probe often
// has just one.) Its number is NaN.
//
// Three kinds know more than Read: Datapoints of a metric are followed, because they come late and on their own terms, and may be
// compared with earlier weeks; Insights are asked about the log of a time.
//
// A probe asks only while Read runs. It keeps no goroutines and starts no process that outlives Read's context,
// but it may keep idle connections.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Probe reads one measure once. An error says why the observation has failed; the observation is complete
// with or without it. Read is safe for concurrent use and returns soon after ctx ends.
type Probe interface {
	Read(ctx context.Context) (verdict.Observation, error)
}

// Deps are what probes need of the world. All fields may be zero.
type Deps struct {
	// Invoke calls a function and waits for its answer; nil if there is no access to functions. An error with an API error code in its
	// chain is of that class.
	Invoke func(ctx context.Context, f Function, payload []byte) (InvokeResult, error)
	// CloudWatch and Logs are asked for the client of a place at each reading; nil if there is no access to AWS. An empty account is
	// the runner's own, an empty region the account's.
	CloudWatch func(ctx context.Context, account, region string) (CloudWatchAPI, error)
	Logs       func(ctx context.Context, account, region string) (LogsAPI, error)
	// Transport sends HTTP requests; nil for one of the probe's own.
	Transport http.RoundTripper
	// Environ is the environment of commands, as os.Environ gives it; nil for that of this process.
	Environ []string
}

// A Function is what a measure invokes.
type Function struct {
	Name            string // or ARN, with its alias or version
	Account, Region string // empty: the runner's own
}

// An InvokeResult is what a function answered.
type InvokeResult struct {
	Payload       []byte
	FunctionError string // not empty if the function failed: "Handled" or "Unhandled"
	Version       string // that ran
}

// Kinds are the kinds of measures that New makes probes for, as experiment files spell them.
func Kinds() []string {
	return []string{experiment.HTTP, experiment.Invoke, experiment.Command, experiment.Prometheus, experiment.CloudWatch, experiment.AlarmOf, experiment.Logs}
}

// New makes the probe of a measure. It reads nothing yet, but fails for what can never be read, such as a
// program that is not there.
func New(m experiment.Measure, d Deps) (Probe, error) {
	if m.Timeout <= 0 {
		m.Timeout = experiment.DefaultTimeout
	}
	var ask asker
	var err error
	switch m.Of {
	case experiment.HTTP:
		ask, err = newHTTP(m, d)
	case experiment.Invoke:
		ask, err = newInvoke(m, d)
	case experiment.Command:
		ask, err = newCommand(m, d)
	case experiment.Prometheus:
		ask, err = newPrometheus(m, d)
	case experiment.AlarmOf:
		ask, err = newAlarm(m, d)
	case experiment.CloudWatch:
		return newDatapoints(m, d)
	case experiment.Logs:
		return newInsights(m, d)
	default:
		err = fmt.Errorf("%q is not a kind of measure that can be read", m.Of)
	}
	if err != nil {
		return nil, err
	}
	return &reader{ask: ask, timeout: m.Timeout, latency: m.Latency()}, nil
}

// maxAnswer bounds what is read of any answer, in bytes.
const maxAnswer = 1 << 20

// A reading is what one question came to.
type reading struct {
	class   string  // "" if no answer came; the error says why
	number  float64 // if a number is measured
	version string  // of the function that answered, if it says so
}

// An asker asks once. Its error says why the reading has failed.
type asker interface {
	ask(ctx context.Context) (reading, error)
}

// A reader turns questions into observations: it keeps the time.
type reader struct {
	ask     asker
	timeout time.Duration
	latency bool
}

// Read implements Probe.
func (r *reader) Read(ctx context.Context) (verdict.Observation, error) {
	o := verdict.Observation{At: time.Now()}
	ctx, cancel := context.WithTimeout(ctx, r.timeout) // after At: who timed out has waited at least that long
	defer cancel()
	got, err := r.ask.ask(ctx)
	took := time.Since(o.At).Seconds()
	o.Class, o.Failed, o.Version = got.class, err != nil, got.version
	if o.Class == "" {
		o.Class = classOf(err)
	}
	switch {
	case !r.latency && err != nil:
		o.Value = math.NaN()
	case !r.latency:
		o.Value = got.number
	case err == nil || o.Class == verdict.TimedOut:
		o.Value = took
	default:
		o.Value = math.Inf(1)
	}
	return o, err
}

// Windows has its own numbers for these; no Unix uses them.
const (
	wsaConnReset   = syscall.Errno(10054)
	wsaConnRefused = syscall.Errno(10061)
)

// classOf is a short name for why no answer came, the same as load's.
func classOf(err error) string {
	var timeout interface{ Timeout() bool }
	var api interface {
		error
		ErrorCode() string
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return verdict.TimedOut
	case errors.As(err, &timeout) && timeout.Timeout():
		return verdict.TimedOut
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, wsaConnReset),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "reset"
	case errors.As(err, &api) && api.ErrorCode() != "":
		return api.ErrorCode()
	}
	return "error"
}
