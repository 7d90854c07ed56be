//go:build unix

package firedrill_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
)

// A pipe as the proof file, with or without a reader, holds up no invocation.
func TestPipeAsProof(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	getenv := func(name string) string { return map[string]string{"FIREDRILL_PROOF": path}[name] }
	handler := lambda.NewHandler(firedrill.Wrap(func(context.Context) error { return nil },
		armedWith(t, `{"latency":{"enabled":true,"min_latency":1}}`), firedrill.WithLog(&log), firedrill.WithGetenv(getenv)))
	for _, read := range []bool{false, true} {
		log.Reset()
		if read {
			reader, err := os.OpenFile(path, os.O_RDWR, 0) // for reading alone it would wait for the writer
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
		}
		if _, err := handler.Invoke(t.Context(), []byte("{}")); err != nil || strings.Count(log.String(), `"field":"FIREDRILL_PROOF"`) != 1 {
			t.Errorf("%v, log %s", err, log.String())
		}
	}
}
