package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A run is a "firedrill run" under way whose fault hits the function.
type run struct {
	id     string
	cmd    *exec.Cmd
	output bytes.Buffer
	over   chan struct{}
}

// start starts a run and waits until its fault hits.
func (w *world) start(ctx context.Context) (*run, error) {
	known := map[string]bool{}
	w.mu.Lock()
	for id := range w.last {
		known[id] = true
	}
	w.mu.Unlock()
	r := &run{cmd: w.firedrill(ctx, "run", "experiment.yaml", "--endpoint-url", w.lambda), over: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.output, &r.output
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait() // its exit code is not what is measured
		close(r.over)
	}()
	return r, w.until(ctx, r, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for id := range w.last {
			if !known[id] {
				r.id = id
			}
		}
		return r.id != ""
	})
}

// until waits for something that happens while a run is under way.
func (w *world) until(ctx context.Context, r *run, happened func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.over:
			return fmt.Errorf("the run ended by itself:\n%s", r.output.Bytes())
		case <-tick.C:
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// stopped stops a run from another process, a while into its fault, and says for how long the function was hit still.
// undone is the part of it until the run had written its undo; the rest is the function's own refresh.
func (w *world) stopped(ctx context.Context, into time.Duration) (took, undone time.Duration, err error) {
	r, err := w.start(ctx)
	if err != nil {
		return 0, 0, err
	}
	if err := wait(ctx, into); err != nil {
		return 0, 0, err
	}
	at := time.Now()
	if out, err := w.firedrill(ctx, "stop").CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("stop: %w\n%s", err, out)
	}
	<-r.over
	if err := w.quiet(ctx, r); err != nil {
		return 0, 0, err
	}
	reverted, err := w.reverted(r.id)
	return max(w.hit(r.id).Sub(at), 0), reverted.Sub(at), err
}

// reverted is when a run's journal says that everything was put back.
func (w *world) reverted(run string) (time.Time, error) {
	f, err := os.Open(filepath.Join(w.dir, ".firedrill", "runs", run, "journal.jsonl"))
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	for lines := json.NewDecoder(f); ; {
		var record struct {
			At   time.Time
			Type string
		}
		if err := lines.Decode(&record); err != nil {
			return time.Time{}, fmt.Errorf("the journal of run %s says nothing of an undo: %w", run, err)
		}
		if record.Type == "reverted" {
			return record.At, nil
		}
	}
}

// quiet waits until a while has passed without a hit: what would still hit would do so now.
func (w *world) quiet(ctx context.Context, r *run) error {
	const patience = 3 * time.Second
	for since := time.Now(); time.Since(latest(since, w.hit(r.id))) < patience; {
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// cutOff takes the store away in the middle of a run and says for how long the function was hit still. Then it brings
// the store back, and has everything put back.
func (w *world) cutOff(ctx context.Context) (time.Duration, error) {
	r, err := w.start(ctx)
	if err != nil {
		return 0, err
	}
	at := time.Now()
	w.store.cut(true)
	<-r.over // its lease could not be renewed, and what it left cannot be put back
	if err := wait(ctx, time.Until(at.Add(barLease))); err != nil {
		return 0, err
	}
	if err := w.quiet(ctx, r); err != nil {
		return 0, err
	}
	took := w.hit(r.id).Sub(at)
	w.store.cut(false)
	if out, err := w.firedrill(ctx, "recover").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("recover: %w\n%s", err, out)
	}
	if took <= 0 {
		return 0, errors.New("nothing was hit after the store was gone: the measurement shows nothing")
	}
	return took, nil
}
