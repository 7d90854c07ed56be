package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// asFiredrill makes the test binary be firedrill.
const asFiredrill = "FIREDRILL_TEST_AS_COMMAND"

// command starts this test binary as firedrill.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asFiredrill+"=1")
	return cmd
}

// TestLocal starts a host as a user does, uses both of its doors, and ends it with Ctrl-C.
func TestLocal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no Ctrl-C to send to a process on Windows")
	}
	dir := t.TempDir()
	functions := `version: 1
http: {listen: 127.0.0.1:0, routes: {GET /hello: hello, GET /layered: layered}}
lambda: {listen: 127.0.0.1:0}
functions:
  hello: {command: ["${self}", demo, function, hello], environment: {` + asFiredrill + `: "1"}}
  layered: {command: ["${self}", demo, function, hello], layer: true, environment: {` + asFiredrill + `: "1"}}
`
	if err := os.WriteFile(filepath.Join(dir, "functions.yaml"), []byte(functions), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, "local", "functions.yaml", "--output", "json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var logs bytes.Buffer
	cmd.Stderr = &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var addresses struct{ API, Lambda string }
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&addresses); err != nil {
		t.Fatalf("%v\n%s", err, logs.String())
	}
	for _, path := range []string{"/hello", "/layered"} {
		if body := fetch(t, http.MethodGet, addresses.API+path); !strings.Contains(body, "ello") {
			t.Errorf("GET %s answers %q", path, body)
		}
	}
	if body := fetch(t, http.MethodPost, addresses.Lambda+"/2015-03-31/functions/hello/invocations"); !strings.Contains(body, "ello") {
		t.Errorf("invoke answers %q", body)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v\n%s", err, logs.String())
	}
	if !strings.Contains(logs.String(), "hello") {
		t.Errorf("the log does not name the function:\n%s", logs.String())
	}
}

func fetch(t *testing.T, method, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s: %s", method, url, resp.Status, body)
	}
	return string(body)
}
