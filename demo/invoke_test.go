package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill/demo"
)

// lambdaAPI is a Lambda API on loopback that knows Invoke only: each function is a handler.
func lambdaAPI(t *testing.T, functions map[string]http.HandlerFunc) func(string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256") {
			t.Errorf("the request is not signed as AWS wants it")
		}
		functions[r.PathValue("name")](w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return environment(map[string]string{"AWS_ENDPOINT_URL_LAMBDA": server.URL})
}

func environment(set map[string]string) func(string) string {
	return func(name string) string {
		if value, ok := set[name]; ok {
			return value
		}
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}[name]
	}
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// crashes answers as Lambda does for a function that failed.
func crashes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amz-Function-Error", "Unhandled")
	_, _ = io.WriteString(w, `{"errorType":"Shop.InventoryUnavailable","errorMessage":"refused"}`)
}

// isThrottled answers as Lambda does without concurrency left.
func isThrottled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","message":"Rate Exceeded."}`)
}

// hangs answers when the client has gone. Only reading the body lets the server see that.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// buy sends one purchase through the handler, as Lambda's own library would.
func buy(t *testing.T, getenv func(string) string) (status int, stock, paid string) {
	t.Helper()
	handler, ok := demo.Function(demo.Purchase, getenv)
	if !ok {
		t.Fatal("no purchase")
	}
	event, err := json.Marshal(events.APIGatewayV2HTTPRequest{Body: `{"sku":"A1"}`})
	if err != nil {
		t.Fatal(err)
	}
	out, err := lambda.NewHandler(handler).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var resp events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(out, &resp); err != nil {
		t.Fatal(err)
	}
	var receipt struct{ Stock, Payment string }
	if err := json.Unmarshal([]byte(resp.Body), &receipt); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, receipt.Stock, receipt.Payment
}

func TestPurchaseOverTheLambdaAPI(t *testing.T) {
	stock, paid := says(`{"sku":"A1","available":3}`), says(`{"approved":true,"code":"c"}`)
	for _, test := range []struct {
		name               string
		inventory, payment http.HandlerFunc
		status             int
		stock, paid        string
	}{
		{"all is well", stock, paid, 200, "live", "paid"},
		{"inventory fails", crashes, paid, 200, "cached", "paid"},
		{"inventory is throttled", isThrottled, paid, 200, "cached", "paid"},
		{"inventory hangs", hangs, paid, 200, "cached", "paid"},
		{"inventory answers junk", says("<html>"), paid, 200, "cached", "paid"},
		{"payment fails", stock, crashes, 202, "live", "pending"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			calls := map[string]http.HandlerFunc{demo.Inventory: test.inventory, demo.Payment: test.payment}
			if status, stock, paid := buy(t, lambdaAPI(t, calls)); status != test.status || stock != test.stock || paid != test.paid {
				t.Errorf("got %d %s %s, want %d %s %s", status, stock, paid, test.status, test.stock, test.paid)
			}
		})
	}
}

func TestNobodyAtTheLambdaAPI(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	status, stock, paid := buy(t, environment(map[string]string{"AWS_ENDPOINT_URL": server.URL}))
	if status != 202 || stock != "cached" || paid != "pending" {
		t.Errorf("got %d %s %s", status, stock, paid)
	}
}

func TestFunctionsAreLambdaHandlers(t *testing.T) {
	for name, event := range map[string]string{
		demo.Inventory: `{"sku":"A1"}`, demo.Payment: `{"order":"o","cents":5}`, demo.Hello: `{}`,
	} {
		handler, ok := demo.Function(name, environment(nil))
		if !ok {
			t.Fatalf("no %s", name)
		}
		if out, err := lambda.NewHandler(handler).Invoke(context.WithoutCancel(t.Context()), []byte(event)); err != nil || !json.Valid(out) {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
	if _, ok := demo.Function("nothing", environment(nil)); ok {
		t.Error("there is a function called nothing")
	}
}

func BenchmarkNewPurchase(b *testing.B) { // what a cold start pays for the AWS SDK
	getenv := environment(map[string]string{"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:1"})
	for b.Loop() {
		demo.Function(demo.Purchase, getenv)
	}
}
