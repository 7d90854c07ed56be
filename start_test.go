package firedrill_test

import (
	"bytes"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// An environment starts once, and is sampled by its name.
func TestEnvironmentStartsOnce(t *testing.T) {
	hit := 0
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		var log bytes.Buffer
		wrapped := lambda.NewHandler(firedrill.Wrap(func() error { return nil }, firedrill.WithLog(&log),
			firedrill.WithGetenv(func(variable string) string {
				return map[string]string{"AWS_LAMBDA_LOG_STREAM_NAME": name}[variable]
			}), armedWith(t, `{"coldstart":{"enabled":true,"percentage":50,"min_latency":1}}`)))
		for range 3 {
			if _, err := wrapped.Invoke(t.Context(), []byte("{}")); err != nil {
				t.Fatal(err)
			}
		}
		if got := records(log.Bytes()); len(got) > 0 {
			hit++
			if diff := cmp.Diff([]counted{{fault.ColdStart, 1, ""}}, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		}
	}
	if hit == 0 || hit == 8 {
		t.Errorf("%d of 8 environments were hit", hit)
	}
}
