package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

const steadyExperiment = `version: 1
title: T
objective: O
load:
  shop: {http: "GET ${server}/", rate: 50/s}
measures:
  - {name: latency, of: load.shop, expect: p95 < 20s}
conditions:
  - {name: slow, fault: latency, target: {file: faults.json}, with: {min: 10ms, max: 20ms}}
phases: {baseline: 1500ms, fault: ${fault}, recovery: 1s}
`

// TestNobodyListens: whoever reads the progress goes away, as "| head" does. The run goes on and puts everything back.
func TestNobodyListens(t *testing.T) {
	cmd, reader, writer := watched(t, "2s")
	if err := errors.Join(writer.Close(), reader.Close()); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitUnsettled { // nobody proves the injections
		t.Errorf("the run ended with %v", err)
	}
	if left, err := os.ReadFile(filepath.Join(cmd.Dir, "faults.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %s (%v)", left, err)
	}
}

// TestNobodyReads: whoever reads the progress stands still, as a terminal does after Ctrl-S. That does not keep a run
// that is told to stop from putting everything back.
func TestNobodyReads(t *testing.T) {
	cmd, reader, writer := watched(t, "50s")
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		_, _ = writer.Write(make([]byte, 1<<20)) // more than a pipe holds, until the reader is closed
	}()
	for filler := []byte{1}; filler[0] != 0; { // what is left of the progress comes before it
		if _, err := reader.Read(filler); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	deadline, tick := time.After(20*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for back := false; !back; {
		select {
		case <-deadline:
			t.Error("left behind while nobody reads")
			back = true
		case <-tick.C:
			_, err := os.Stat(filepath.Join(cmd.Dir, "faults.json"))
			back = errors.Is(err, os.ErrNotExist)
		}
	}
	_ = reader.Close()
	<-filled
	_ = writer.Close()
	_ = cmd.Wait() // the outcome is nobody's to read
}

// TestTerminalCloses: a closed terminal is an order to stop, like Ctrl-C.
func TestTerminalCloses(t *testing.T) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // a process that catches it hands on the default, even under nohup
	defer signal.Stop(hangup)
	cmd, reader, writer := watched(t, "50s")
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, reader)
	}()
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("the run ended with %v", err)
	}
	if left, err := os.ReadFile(filepath.Join(cmd.Dir, "faults.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %s (%v)", left, err)
	}
	_ = writer.Close()
	<-drained
	_ = reader.Close()
}

// watched starts a run and reads its progress until the fault is there.
func watched(t *testing.T, fault string) (cmd *exec.Cmd, reader, writer *os.File) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there are neither SIGPIPE nor SIGINT on Windows")
	}
	server := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "experiment.yaml"), []byte(steadyExperiment), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd = command(ctx, dir, "run", "experiment.yaml", "--var", "server="+server.URL, "--var", "fault="+fault)
	cmd.Stderr = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		if strings.Contains(lines.Text(), "injected") {
			return cmd, reader, writer
		}
	}
	t.Fatal("nothing was injected")
	return nil, nil, nil
}

// TestInterruptedWhileStarting: Ctrl-C while functions are built has the exit code of interruptions.
func TestInterruptedWhileStarting(t *testing.T) {
	dir := t.TempDir()
	functions := filepath.Join(dir, "functions.yaml")
	text := "version: 1\nlambda: {listen: 127.0.0.1:0}\nfunctions:\n  hello: {go: .}\n"
	if err := os.WriteFile(functions, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{stdout: io.Discard, stderr: io.Discard, lookupEnv: os.LookupEnv, state: filepath.Join(dir, "state")}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.runFile(ctx, "experiment.yaml", inputs{local: functions}, io.Discard)
	var f *failure
	if !errors.As(err, &f) || f.code != exitInterrupted {
		t.Errorf("got %v", err)
	}
}
