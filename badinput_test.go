package firedrill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/conformance"
	"github.com/firedrill-dev/firedrill/source"
)

// Whatever is wrong with a fault set, it is one line in the log that names the field, and the function answers as if
// there were none.
func TestBadInput(t *testing.T) {
	for _, in := range conformance.BadInputs(time.Now()) {
		t.Run(in.Name, func(t *testing.T) {
			env := map[string]string{source.Config: "env:FAULTS", "FAULTS": in.Document}
			for i := 0; i < len(in.Env); i += 2 {
				env[in.Env[i]] = in.Env[i+1]
			}
			var log bytes.Buffer
			handler := lambda.NewHandler(firedrill.Wrap(bytesHandler(func(_ context.Context, event []byte) ([]byte, error) { return event, nil }),
				firedrill.WithLog(&log), firedrill.WithGetenv(func(name string) string { return env[name] })))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a deadline for those who wait for one
			defer cancel()
			const event = `{"Records":[{"messageId":"1","eventSource":"aws:sqs"}],"a":"b","body":"c"}`
			if out, err := handler.Invoke(ctx, []byte(event)); string(out) != event || err != nil {
				t.Errorf("answer %s, %v", out, err)
			}
			checkProblem(t, log.String(), in.Field)
		})
	}
}

// checkProblem wants one line in a log: a problem with a field, and a reason that is not too long.
func checkProblem(t *testing.T, log, field string) {
	t.Helper()
	var line struct{ Firedrill, Field, Message string }
	if err := json.Unmarshal([]byte(log), &line); err != nil || strings.Count(log, "\n") != 1 {
		t.Fatalf("the log is %.2000s, not one line", log)
	}
	if line.Firedrill != "problem" || line.Field != field || line.Message == "" || len(log) > 4000 {
		t.Errorf("the line is %.4000s, want the field %q", log, field)
	}
}
