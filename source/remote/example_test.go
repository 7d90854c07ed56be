package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/source/remote"
)

// A function that reads its faults from wherever FIREDRILL_CONFIG says, also over the network.
func ExampleFromEnv() {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"exception": {"enabled": true, "exception_msg": "the shelf fell over"}}`)
	}))
	defer store.Close()
	getenv := func(name string) string { return map[string]string{"FIREDRILL_CONFIG": store.URL}[name] }

	ctx, cancel := context.WithCancel(context.Background()) // in a function's main there is nothing to cancel it
	defer cancel()
	faults := remote.FromEnv(ctx, getenv, os.Stderr)
	handler := lambda.NewHandler(firedrill.Wrap(func() (string, error) { return "in stock", nil }, firedrill.WithSource(faults), firedrill.WithLog(io.Discard)))

	for faults.Faults(time.Now()) == nil { // invocations do not wait for the first answer; this example does
		<-time.After(time.Millisecond)
	}
	_, err := handler.Invoke(ctx, []byte(`{}`))
	var failed messages.InvokeResponse_Error
	fmt.Println(errors.As(err, &failed), failed.Message)
	// Output: true the shelf fell over
}
