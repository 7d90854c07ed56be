//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestVerifyCancelledWhileWriting: a signal that comes when the runs are over keeps no output from being written.
func TestVerifyCancelledWhileWriting(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	pipe := filepath.Join(dir, "out.xml") // what is written to it waits for us
	text := strings.Replace(fmt.Sprintf(drilledExperiment, server.URL, "a"), "60s", "1s", 1)
	text = strings.Replace(text, "Drilled", strings.Repeat("Drilled", 1e4), 1) // more than a pipe takes
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, "verify", "a.yaml", "--junit", "out.xml")
	var told bytes.Buffer
	cmd.Stderr = &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if early, err := os.ReadFile(pipe); err != nil || len(early) > 0 {
		t.Errorf("before anything is run: %q, %v", early, err)
	}
	report, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer report.Close()
	begin := make([]byte, 1)
	if _, err := report.Read(begin); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	rest, err := io.ReadAll(report)
	if err != nil || !bytes.Contains(rest, []byte("</testsuites>")) {
		t.Errorf("%d bytes are written, %v", len(rest), err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitUnsettled {
		t.Errorf("ended with %v\n%s", err, &told)
	}
}
