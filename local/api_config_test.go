package local

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestTimeoutComesBackExactly: Lambda's API knows whole seconds only, so what takes a change back can tell no more.
func TestTimeoutComesBackExactly(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) { f.Timeout = 1500 * time.Millisecond }), nil)
	for _, step := range []struct {
		seconds int32
		want    time.Duration
	}{{1, time.Second}, {2, 1500 * time.Millisecond}, {9, 9 * time.Second}, {2, 1500 * time.Millisecond}} {
		_, err := sdk(h).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("hello"), Timeout: &step.seconds})
		if err != nil {
			t.Fatal(err)
		}
		h.mu.Lock()
		got := h.functions["hello"].latest.spec.Timeout
		h.mu.Unlock()
		if got != step.want {
			t.Errorf("set to %d s: %s, want %s", step.seconds, got, step.want)
		}
	}
}
