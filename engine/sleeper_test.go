//go:build unix

package engine_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// TestSleeper: a machine that wakes up after its run was recovered changes nothing any more, not even where a target
// looks exactly as it had left it: by then it is somebody else's.
func TestSleeper(t *testing.T) {
	t.Parallel()
	d := &disaster{table: moto.NewRelay(t, moto.Start(t)).URL}
	if _, err := home("", d.table).(*dynamostate.Table).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := d.newDir(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), killMode+"=sleep", killDir+"="+dir, killTable+"="+d.table, killAt+"=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	armed := map[string][]byte{}
	for _, name := range []string{"present.json", "first.json", "second.json", "third.json"} {
		armed[name] = awaitArmed(t, filepath.Join(dir, name))
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	state := engine.StateAt(home(dir, d.table))
	for unfinished := dead(t, state); len(unfinished) > 0; unfinished = dead(t, state) { // on a busy machine its last extension may arrive only now
		recoverAll(t, state)
	}
	compareWorld(t, dir)
	for name, text := range armed { // the next run does the same
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasPrefix(out.String(), "error 4 ") {
		t.Errorf("the sleeper: %v\n%s", err, out.String())
	}
	for name, text := range armed {
		if now, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(now, text) {
			t.Errorf("the sleeper changed %s to %s, %v", name, now, err)
		}
	}
	if infos, err := state.Runs(t.Context()); err != nil || len(infos) != 1 || len(infos[0].Pending) > 0 || infos[0].Live {
		t.Errorf("%+v, %v", infos, err)
	}
}

// awaitArmed waits until a file holds a fault of the run.
func awaitArmed(t *testing.T, path string) []byte {
	t.Helper()
	for {
		if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte("expires_at")) {
			return text
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("%s was never armed", path)
		}
	}
}
