//go:build linux

package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// freeze stops a process, and returns once it stands still.
func freeze(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("%v, %v", err, status)
	}
}

// listening waits until the proxy has said where it listens.
func listening(t *testing.T, said *safeBuffer) string {
	t.Helper()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		var line struct{ Address string }
		first, _, whole := strings.Cut(said.String(), "\n")
		if whole && json.Unmarshal([]byte(first), &line) == nil {
			return line.Address
		}
		if t.Context().Err() != nil {
			t.Fatal("the proxy does not start")
		}
	}
}

// While an environment is frozen its connections may die. The runtime does not notice.
func TestFrozenWhileUpstreamCloses(t *testing.T) {
	var connections atomic.Int64
	hangUp, gone := make(chan struct{}), make(chan struct{})
	upstream := scripted(t, func(c net.Conn, r *bufio.Reader) {
		n := connections.Add(1)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r%d\r\nContent-Length: 2\r\n\r\n{}", n)
		if n == 1 {
			<-hangUp
			_ = c.Close()
			close(gone)
		}
	})
	cmd, said := startProcess(t, RuntimeAPI+"="+upstream, "FIREDRILL_TEST_CHILD=wait", failsBad)
	runtime := (&rig{address: listening(t, said)}).dial(t)
	const next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
	for n := range 2 {
		runtime.send(next)
		resp, body := runtime.answer("GET")
		if id := resp.Header.Get(fieldRequestID); resp.StatusCode != 200 || body != "{}" || id != fmt.Sprint("r", n+1) {
			t.Fatalf("%s %q, event %s", resp.Status, body, id)
		}
		if n == 0 {
			freeze(t, cmd)
			close(hangUp)
			<-gone
			if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// restorable is a source that says when it was told.
type restorable struct {
	fixed
	restored chan struct{}
}

func (r restorable) Restored(time.Time) { close(r.restored) }

// A runtime waits for its restore as long as it takes, and what the source knew is forgotten before it goes on.
func TestRestoreFromASnapshot(t *testing.T) {
	asked, restore := make(chan struct{}), make(chan struct{})
	s := restorable{parse(t, `{"exception":{"enabled":true}}`), make(chan struct{})}
	g := behind(t, Options{Source: s}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == pathRestore {
			close(asked)
			<-restore
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	runtime := g.dial(t)
	runtime.send("GET " + pathRestore + " HTTP/1.1\r\nHost: x\r\n\r\n")
	<-asked
	select {
	case <-s.restored:
		t.Error("restored before the restore")
	default:
	}
	close(restore)
	if resp, _ := runtime.answer("GET"); resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	select {
	case <-s.restored:
	default:
		t.Error("the runtime goes on before the source has forgotten")
	}
	runtime.send("POST /2018-06-01/runtime/restore/error HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
	if resp, _ := runtime.answer("POST"); resp.StatusCode != http.StatusAccepted {
		t.Error(resp.Status)
	}
}

// Environments from one snapshot must not all start slowly, or none.
func TestEnvironmentsOfASnapshotDiffer(t *testing.T) {
	env := map[string]string{Environment: "2026/11/21/[$LATEST]abc"}
	getenv := func(name string) string { return env[name] }
	if got := environmentName(getenv); got != env[Environment] {
		t.Errorf("%q", got)
	}
	env[Initialization] = "snap-start"
	if a, b := environmentName(getenv), environmentName(getenv); a == b {
		t.Errorf("twice %q", a)
	}
}
