//go:build unix

package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe as the proof file, with or without a reader, delays nothing.
func TestRunWithAPipeAsProof(t *testing.T) {
	for _, read := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if read {
			reader, err := os.OpenFile(path, os.O_RDWR, 0) // for reading alone it would wait for the writer
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
		}
		code, _, stderr, _ := run(t, "exit", Command{}, RuntimeAPI+"=127.0.0.1:1", Proof+"="+path)
		if code != 7 || strings.Count(stderr, `"field":"FIREDRILL_PROOF"`) != 1 {
			t.Errorf("code %d, log %s", code, stderr)
		}
	}
}
