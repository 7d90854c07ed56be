package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

const functions = `version: 1
region: ` + moto.Region + `
lambda: {listen: "127.0.0.1:0"}
functions:
  shop:
    command: [%q]
    layer: true
    environment: {` + asFunction + `: "yes", FIREDRILL_CONFIG: "ssm:/shop/faults", FIREDRILL_REFRESH: 1s, AWS_ENDPOINT_URL_SSM: %q}
`

const experiment = `version: 1
title: Time to stop
objective: A fault is over soon after it was stopped
load:
  shop: {http: "GET %s", rate: 50/s}
measures:
  - {name: latency, of: load.shop, expect: p95 < 20s}
conditions:
  - {name: slow, fault: latency, target: {lambda: shop}, with: {delay: 1ms}}
phases: {baseline: 1s, baseline_max: 30s, fault: 10m, recovery: 1s}
`

// A world is everything that a run needs, in processes of their own.
type world struct {
	dir    string
	store  *relay
	lambda string // address of the local host
	ends   []func()

	mu         sync.Mutex
	last       map[string]time.Time // when each run's last injection was
	sent, lost int
	loss       error
}

func newWorld(ctx context.Context) (w *world, err error) {
	w = &world{last: map[string]time.Time{}}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "firedrill-bench"); err != nil {
		return w, err
	}
	w.ends = append(w.ends, func() { _ = os.RemoveAll(w.dir) })
	build := exec.CommandContext(ctx, "go", "build", "-o", w.dir+string(filepath.Separator), "./cmd/firedrill", "./cmd/firedrill-proxy")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return w, fmt.Errorf("build firedrill (run this in the module's root): %w", err)
	}
	address, stop, err := moto.Run(ctx)
	if err != nil {
		return w, err
	}
	w.ends = append(w.ends, stop)
	if w.store, err = newRelay(strings.TrimPrefix(address, "http://")); err != nil {
		return w, err
	}
	w.ends = append(w.ends, w.store.close)
	self, err := os.Executable()
	if err != nil {
		return w, err
	}
	err = errors.Join(w.write("functions.yaml", fmt.Sprintf(functions, self, w.store.address())), w.write("experiment.yaml", fmt.Sprintf(experiment, w.traffic())))
	if err != nil {
		return w, err
	}
	if err := w.startHost(ctx); err != nil {
		return w, err
	}
	loading, cancel := context.WithCancel(ctx)
	w.ends = append(w.ends, cancel)
	go w.invocations(loading)
	return w, nil
}

// traffic is something else for the run to watch: the function is invoked by the bench alone.
func (w *world) traffic() string {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w.ends = append(w.ends, server.Close)
	return server.URL
}

func (w *world) write(name, text string) error {
	return os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600)
}

// close ends everything, the last first.
func (w *world) close() {
	for len(w.ends) > 0 {
		w.ends[len(w.ends)-1]()
		w.ends = w.ends[:len(w.ends)-1]
	}
}

func (w *world) firedrill(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(w.dir, "firedrill"), args...)
	cmd.Dir = w.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// startHost starts the function and reads its log.
func (w *world) startHost(ctx context.Context) error {
	cmd := w.firedrill(ctx, "local", "functions.yaml", "--output", "json")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	logs, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	w.ends = append(w.ends, func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	go w.listen(logs)
	var told struct{ Lambda string }
	if err := json.NewDecoder(out).Decode(&told); err != nil {
		return fmt.Errorf("the local host does not start: %w", err)
	}
	w.lambda = told.Lambda
	return nil
}

// listen keeps the time of each run's last injection.
func (w *world) listen(logs io.Reader) {
	lines := bufio.NewScanner(logs)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Bytes()
		if i := bytes.IndexByte(line, '{'); i >= 0 {
			line = line[i:]
		}
		if r, ok := fault.ParseRecord(line); ok && r.Fired > 0 {
			w.mu.Lock()
			w.last[r.Run] = r.Time
			w.mu.Unlock()
		}
	}
}

// hit is when a run last hit an invocation.
func (w *world) hit(run string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[run]
}

// failed counts an invocation, and keeps the first error of one that was not answered as it should be.
func (w *world) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent++
	if err != nil {
		if w.lost++; w.loss == nil {
			w.loss = err
		}
	}
}
