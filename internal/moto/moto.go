// Package moto starts moto_server, a stand-in for AWS, for tests and measurements. It is no part of the product.
package moto

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Region is where tests keep their things.
const Region = "eu-west-1"

// ErrMissing says that there is no moto_server in the PATH.
var ErrMissing = errors.New("there is no moto_server in the PATH")

// Start starts moto_server on a free port, until the test ends, and returns its address. It skips where there is
// none; if FIREDRILL_REQUIRE names moto, its absence fails.
func Start(t testing.TB) string {
	t.Helper()
	address, stop, err := Run(t.Context())
	if errors.Is(err, ErrMissing) && !slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "moto") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return address
}

// Run starts moto_server on a free port. stop ends it, and so does the end of ctx.
func Run(ctx context.Context) (address string, stop func(), err error) {
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return "", nil, ErrMissing
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, path, "-H", "127.0.0.1", "-p", "0")
	output, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() {
		cancel()
		_ = w.Close()
		_ = cmd.Wait() // killed
	}
	running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if m := running.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, output) }()
			return m[1], stop, nil
		}
	}
	stop()
	return "", nil, errors.New("moto_server does not start")
}
