package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// commandProbe runs a program. Exit status 0 is success. If the expectation is about a number, that is the one
// number which the program prints; otherwise the time that it takes is measured and what it prints is ignored.
//
// The program is started without a shell, in the working directory and with the environment of its caller: it
// is the user's own, and like every tool of theirs it may need their credentials. It has a process group of
// its own, which is killed when the time is up or the program has ended.
type commandProbe struct {
	argv    []string
	path    string
	environ []string
	number  bool
}

const (
	// maxOutput bounds what is kept of a program's output; the rest is read and thrown away.
	maxOutput = 64 << 10
	// grace is how long output is awaited after the program has ended: a child of its own may hold it open.
	grace = 500 * time.Millisecond
)

func newCommand(m experiment.Measure, d Deps) (asker, error) {
	if len(m.Probe.Command) == 0 {
		return nil, errors.New("a measure of command needs a program")
	}
	path, err := exec.LookPath(m.Probe.Command[0])
	if err != nil {
		return nil, fmt.Errorf("command: %w", err)
	}
	return &commandProbe{m.Probe.Command, path, d.Environ, !m.Latency()}, nil
}

func (p *commandProbe) ask(ctx context.Context) (reading, error) {
	var stdout, stderr bounded
	cmd := exec.CommandContext(ctx, p.path, p.argv[1:]...)
	cmd.Args[0] = p.argv[0]
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = p.environ, &stdout, &stderr, grace
	ownGroup(cmd)
	err := cmd.Run()
	endGroup(cmd) // what the program has started and left behind
	if ctx.Err() != nil {
		return reading{}, fmt.Errorf("%s was killed: %w", p.argv[0], ctx.Err())
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got := reading{class: "exit " + strconv.Itoa(exit.ExitCode())}
		return got, fmt.Errorf("%s: %w: %s", p.argv[0], err, excerpt(bytes.TrimSpace(stderr.kept)))
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return reading{}, err
	}
	got := reading{class: "exit 0"}
	if !p.number {
		return got, nil
	}
	if got.number, err = finite(string(stdout.kept)); err != nil {
		got.class = classNoNumber
		return got, fmt.Errorf("%s must print one number: %w", p.argv[0], err)
	}
	return got, nil
}

// bounded keeps the first bytes of what is written to it.
type bounded struct{ kept []byte }

// Write implements io.Writer. It never fails: a program must not notice that nobody listens.
func (b *bounded) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), maxOutput-len(b.kept))]...)
	return len(p), nil
}
