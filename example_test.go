package firedrill_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// Order is the event of the examples.
type Order struct {
	SKU string `json:"sku"`
}

func purchase(_ context.Context, o Order) (string, error) { return "bought " + o.SKU, nil }

// The one line that makes a function rehearse failure. Without FIREDRILL_CONFIG it changes nothing.
func Example() {
	handler := firedrill.Wrap(purchase)
	// In a function's main: lambda.Start(handler)
	out, err := lambda.NewHandler(handler).Invoke(context.Background(), []byte(`{"sku":"A1"}`))
	fmt.Println(string(out), err)
	// Output: "bought A1" <nil>
}

// The environment arms the function, for orders of one article only.
func ExampleWrap() {
	env := map[string]string{source.Config: `{"statuscode": {"enabled": true, "status_code": 503,
		"match": [{"path": "sku", "value": "A1"}]}}`}
	handler := firedrill.Wrap(purchase,
		firedrill.WithGetenv(func(name string) string { return env[name] }),
		firedrill.WithLog(os.Stderr))
	for _, event := range []string{`{"sku":"A1"}`, `{"sku":"B2"}`} {
		out, err := lambda.NewHandler(handler).Invoke(context.Background(), []byte(event))
		fmt.Println(string(out), err)
	}
	// Output:
	// {"statusCode":503,"headers":{"Content-Type":"application/json"},"body":"{\"message\":\"Injected status code 503\"}"} <nil>
	// "bought B2" <nil>
}

// always is a source.Source of one's own.
type always struct{ set *fault.Set }

func (a always) Faults(time.Time) *fault.Set { return a.set }

// A test of one's own function can arm it without any environment.
func ExampleWithSource() {
	set, _ := fault.Parse([]byte(`{"exception": {"enabled": true, "exception_type": "Throttled"}}`))
	handler := firedrill.Wrap(purchase, firedrill.WithSource(always{set}))
	_, err := lambda.NewHandler(handler).Invoke(context.Background(), []byte(`{"sku":"A1"}`))
	fmt.Println(err != nil)
	// Output: true
}

// A payment service that refuses connections, as the handler's HTTP client sees it.
func ExampleTransport() {
	env := map[string]string{source.Config: `{"outgoing": {"enabled": true, "hosts": ["payment.internal"], "refuse": true}}`}
	client := &http.Client{Transport: firedrill.Transport(nil,
		firedrill.WithGetenv(func(name string) string { return env[name] }))}
	_, err := client.Get("http://payment.internal/charge")
	fmt.Println(err)
	// Output: Get "http://payment.internal/charge": dial tcp payment.internal:80: connect: connection refused
}

// A cache whose name has vanished, as a client of its own protocol sees it.
func ExampleDialContext() {
	env := map[string]string{source.Config: `{"denylist": {"enabled": true, "hosts": ["*.internal"]}}`}
	dial := firedrill.DialContext(nil) // for redis.Options.Dialer, http.Transport.DialContext, ...
	handler := firedrill.Wrap(func(ctx context.Context) error {
		_, err := dial(ctx, "tcp", "cache.internal:6379")
		fmt.Println(err)
		return nil
	}, firedrill.WithGetenv(func(name string) string { return env[name] }), firedrill.WithLog(io.Discard))
	_, _ = lambda.NewHandler(handler).Invoke(context.Background(), []byte("{}"))
	// Output: dial tcp: lookup cache.internal: no such host
}
