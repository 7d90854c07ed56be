package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// sdk is the real AWS SDK, pointed at the host.
func sdk(h testHost) *lambda.Client {
	return lambda.New(lambda.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://" + h.LambdaAddr()),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
		Retryer:    aws.NopRetryer{},
		HTTPClient: &http.Client{Timeout: 2 * patience},
	})
}

func call(t testing.TB, client *lambda.Client, name string, c command) *lambda.InvokeOutput {
	t.Helper()
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: event0(c)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantException checks the error's name and status as the SDK sees them.
func wantException(t *testing.T, err error, name string, status int) {
	t.Helper()
	var api smithy.APIError
	var response interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &response) {
		t.Fatalf("got %v, want %s", err, name)
	}
	if api.ErrorCode() != name || response.HTTPStatusCode() != status {
		t.Fatalf("got %s with %d, want %s with %d", api.ErrorCode(), response.HTTPStatusCode(), name, status)
	}
	if api.ErrorMessage() == "" {
		t.Errorf("%s has no message", name)
	}
}

func TestInvokeAnswers(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	tests := []struct {
		name      string
		do        command
		payload   string // contained
		functionE string
	}{
		{"echo", command{Payload: json.RawMessage(`{"a":[1,"é"]}`)}, `{"a":[1,"é"]}`, ""},
		{"error", command{Do: "fail", Text: "no stock"}, `"errorMessage":"no stock"`, "Unhandled"},
		{"panic", command{Do: "panic", Text: "boom"}, `"errorMessage":"boom"`, "Unhandled"},
		{"after a panic", command{Payload: json.RawMessage(`1`)}, `1`, ""},
		{"crash", command{Do: "exit"}, `Error: Runtime exited with error: exit status 7","errorType":"Runtime.ExitError"`, "Unhandled"},
		{"after a crash", command{Payload: json.RawMessage(`2`)}, `2`, ""},
		{"too large", command{Do: "big"}, `"errorType":"Function.ResponseSizeTooLarge"`, "Unhandled"},
		{"after that", command{Payload: json.RawMessage(`3`)}, `3`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := call(t, client, "hello", tt.do)
			if out.StatusCode != http.StatusOK || !strings.Contains(string(out.Payload), tt.payload) {
				t.Errorf("got %d %s, want 200 with %s", out.StatusCode, out.Payload, tt.payload)
			}
			if got := aws.ToString(out.FunctionError); got != tt.functionE {
				t.Errorf("function error %q, want %q", got, tt.functionE)
			}
			if got := aws.ToString(out.ExecutedVersion); got != "$LATEST" {
				t.Errorf("executed version %q", got)
			}
		})
	}
}

func TestNamesAndQualifiers(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	for _, name := range []string{
		"hello", "hello:$LATEST", "123456789012:function:hello", "function:hello",
		"arn:aws:lambda:us-west-2:123456789012:function:hello", "arn:aws:lambda:us-west-2:123456789012:function:hello:$LATEST",
	} {
		if out := call(t, client, name, command{Payload: json.RawMessage(`1`)}); string(out.Payload) != "1" {
			t.Errorf("%s: %s", name, out.Payload)
		}
	}
	for name, want := range map[string]string{
		"nobody": "ResourceNotFoundException", "hello:7": "ResourceNotFoundException", "hello:prod": "ResourceNotFoundException",
	} {
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name)})
		wantException(t, err, want, http.StatusNotFound)
	}
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello:$LATEST"), Qualifier: aws.String("2")})
	wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
}

func TestRefusedRequests(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	large := []byte(`"` + strings.Repeat("x", maxSyncPayload) + `"`)
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: large})
	wantException(t, err, "RequestTooLargeException", http.StatusRequestEntityTooLarge)
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("hello"), Payload: large[len(large)-maxAsyncPayload-2:], InvocationType: types.InvocationTypeEvent,
	})
	wantException(t, err, "RequestTooLargeException", http.StatusRequestEntityTooLarge)
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: []byte("{nonsense")})
	wantException(t, err, "InvalidRequestContentException", http.StatusBadRequest)
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), ClientContext: aws.String("%%%")})
	wantException(t, err, "InvalidRequestContentException", http.StatusBadRequest)
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != http.StatusNoContent {
		t.Errorf("dry run: %v %v", out, err)
	}
	_, err = client.ListLayers(t.Context(), &lambda.ListLayersInput{})
	wantException(t, err, "UnknownOperationException", http.StatusNotImplemented)
}

func TestLargeEvent(t *testing.T) {
	h := startHost(t, Config{Functions: []Function{testFunction(t, "hello", "noop")}}, nil)
	large := []byte(`"` + strings.Repeat("y", maxSyncPayload-2) + `"`)
	out, err := sdk(h).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: large})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Payload, large) {
		t.Errorf("got %d bytes back, want %d", len(out.Payload), len(large))
	}
}

func TestContextOfAnInvocation(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) { f.Timeout = 20 * time.Second }), nil)
	out, err := sdk(h).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("hello"), Payload: event0(command{Do: "context"}),
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"client":{"app_title":"shop"}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID, ARN, Client, Trace string
		Left                   int
	}
	if err := json.Unmarshal(out.Payload, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.ID) != 36 || got.ARN != "arn:aws:lambda:eu-central-1:000000000000:function:hello" || got.Client != "shop" ||
		got.Left <= 0 || got.Left > 20_000 || !strings.HasPrefix(got.Trace, "Root=1-") {
		t.Errorf("got %s", out.Payload)
	}
}

func TestEnvironmentOfAFunction(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) {
		f.MemoryMB = 256
		f.Environment["GREETING"] = "${word}, $$5"
	}), func(o *Options) {
		o.BaseEnv = append(os.Environ(), "AWS_SECRET_ACCESS_KEY=real", "AWS_PROFILE=prod", "HOME=/home/x")
		o.Vars = map[string]string{"word": "hi"}
	})
	var env []string
	if err := json.Unmarshal(call(t, sdk(h), "hello", command{Do: "env"}).Payload, &env); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"AWS_LAMBDA_FUNCTION_NAME=hello", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/hello", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "_HANDLER=bootstrap",
		"AWS_REGION=eu-central-1", "AWS_ENDPOINT_URL=http://" + h.LambdaAddr(), "AWS_ENDPOINT_URL_LAMBDA=http://" + h.LambdaAddr(),
		"AWS_SECRET_ACCESS_KEY=local", "TZ=:UTC", "HOME=/home/x", "GREETING=hi, $5", "FIREDRILL_CONFIG=file:" + h.faultFile("hello"),
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, e := range env {
		if strings.Contains(e, "real") || strings.HasPrefix(e, "AWS_PROFILE") {
			t.Errorf("the developer's %s has leaked", e)
		}
	}
}

func TestTail(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	for _, text := range []string{"first", strings.Repeat("long ", 2000)} {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: aws.String("hello"), LogType: types.LogTypeTail, Payload: event0(command{Do: "print", Text: text}),
		})
		if err != nil {
			t.Fatal(err)
		}
		tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
		if err != nil {
			t.Fatal(err)
		}
		if len(tail) > tailBytes || !strings.Contains(string(tail), "\nunfinished\nEND RequestId: ") || !strings.Contains(string(tail), "Memory Size: 128 MB") {
			t.Errorf("tail of %d bytes: %s", len(tail), tail)
		}
		if text == "first" && (!strings.HasPrefix(string(tail), "START RequestId: ") || !strings.Contains(string(tail), "\nfirst\n") || !strings.Contains(string(tail), "Init Duration")) {
			t.Errorf("tail: %s", tail)
		}
		if text != "first" && strings.Contains(string(tail), "first") {
			t.Error("the tail holds another invocation's log")
		}
	}
	if !strings.Contains(h.log.String(), "hello     | first\n") {
		t.Errorf("log:\n%s", h.log)
	}
}

func TestEnvironmentsAreReused(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	type count struct{ Served, PID int }
	var first count
	for i := range 50 {
		var c count
		if err := json.Unmarshal(call(t, client, "hello", command{Do: "count"}).Payload, &c); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = c
		}
		if c.PID != first.PID || c.Served != i+1 {
			t.Fatalf("invocation %d: %+v after %+v: not the same environment", i, c, first)
		}
		h.waitIdle("hello", 1) // or a busy machine might settle too late for the grace
	}
}

func TestScaleOutAndReservedConcurrency(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	g := newGate(t)
	invoke := func() error {
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: g.event()})
		return err
	}
	start := func(n int) *sync.WaitGroup {
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if err := invoke(); err != nil {
					t.Error(err)
				}
			})
		}
		return &wg
	}
	wg := start(3)
	open := g.hold(3) // three at once: three environments
	put := func(n int32) {
		out, err := client.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("hello"), ReservedConcurrentExecutions: &n})
		if err != nil || aws.ToInt32(out.ReservedConcurrentExecutions) != n {
			t.Fatalf("put %d: %+v %v", n, out, err)
		}
	}
	put(3)
	err := invoke()
	wantException(t, err, "TooManyRequestsException", http.StatusTooManyRequests)
	var throttle *types.TooManyRequestsException
	if !errors.As(err, &throttle) || throttle.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded {
		t.Errorf("reason: %+v", throttle)
	}
	open()
	wg.Wait()
	put(0)
	wantException(t, invoke(), "TooManyRequestsException", http.StatusTooManyRequests)
	got, err := client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("hello")})
	if err != nil || got.ReservedConcurrentExecutions == nil || *got.ReservedConcurrentExecutions != 0 {
		t.Errorf("get: %+v %v", got, err)
	}
	if _, err := client.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("hello")}); err != nil {
		t.Fatal(err)
	}
	got, err = client.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("hello")})
	if err != nil || got.ReservedConcurrentExecutions != nil {
		t.Errorf("get after delete: %+v %v", got, err)
	}
	wg = start(1)
	g.hold(1)()
	wg.Wait()
}

func TestAccountConcurrencyAndEviction(t *testing.T) {
	cfg := Config{MaxEnvironments: 2, Functions: []Function{testFunction(t, "a", "command"), testFunction(t, "b", "command")}}
	h := startHost(t, cfg, nil)
	client := sdk(h)
	g := newGate(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("a"), Payload: g.event()}); err != nil {
				t.Error(err)
			}
		})
	}
	open := g.hold(2)
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("b")})
	wantException(t, err, "TooManyRequestsException", http.StatusTooManyRequests)
	open()
	wg.Wait()
	h.waitIdle("a", 2)
	call(t, client, "b", command{Payload: json.RawMessage(`1`)}) // takes the place of an idle a
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.environments > 2 || len(h.functions["a"].latest.idle) != 1 {
		t.Errorf("%d environments, %d idle of a", h.environments, len(h.functions["a"].latest.idle))
	}
}

func TestPlaceOfADeadEnvironmentIsFree(t *testing.T) {
	cfg := oneFunction(t, nil)
	cfg.MaxEnvironments = 1
	client := sdk(startHost(t, cfg, nil))
	for range 10 {
		if out := call(t, client, "hello", command{Do: "exit"}); !strings.Contains(string(out.Payload), "exit status 7") {
			t.Fatalf("got %s", out.Payload)
		}
	}
}

// waitIdle returns when the function has n idle environments.
func (h testHost) waitIdle(name string, n int) {
	until(fmt.Sprintf("%s has %d idle environments", name, n), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.functions[name].latest.idle) == n
	})
}

func TestWebPagesAreRefused(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	_, port, err := net.SplitHostPort(h.LambdaAddr())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host, origin string
		status       int
	}{
		{"127.0.0.1:" + port, "", http.StatusOK},
		{"localhost:" + port, "", http.StatusOK},
		{"lambda.localhost", "", http.StatusOK},
		{"[::1]:" + port, "", http.StatusOK},
		{"evil.example:" + port, "", http.StatusForbidden}, // a name that its owner has resolve to 127.0.0.1
		{"evil.example", "http://evil.example", http.StatusForbidden},
		{"127.0.0.1:" + port, "http://evil.example", http.StatusForbidden},
		{"127.0.0.1:" + port, "null", http.StatusForbidden},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.LambdaAddr()+"/2015-03-31/functions/hello/invocations", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Host = tt.host; tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.status {
			t.Errorf("%s from %q: got %d, want %d", tt.host, tt.origin, answer.StatusCode, tt.status)
		}
	}
}

func TestConfigurationOverTheAPI(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) { f.Timeout = 1500 * time.Millisecond }), nil)
	client := sdk(h)
	name := aws.String("hello")
	before, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: name})
	if err != nil {
		t.Fatal(err)
	}
	if *before.Timeout != 2 || *before.MemorySize != 128 || before.Environment.Variables["FIREDRILL_CONFIG"] != "file:"+h.faultFile("hello") || before.State != types.StateActive {
		t.Errorf("before: %+v", before)
	}
	call(t, client, "hello", command{})
	vars := map[string]string{"LOCAL_TEST_FUNCTION": "command", "FIREDRILL_CONFIG": "{}"}
	after, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: name, Timeout: aws.Int32(9), MemorySize: aws.Int32(512), RevisionId: before.RevisionId,
		Environment: &types.Environment{Variables: vars},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *after.Timeout != 9 || *after.MemorySize != 512 || *after.RevisionId == *before.RevisionId {
		t.Errorf("after: %+v", after)
	}
	var env []string
	if err := json.Unmarshal(call(t, client, "hello", command{Do: "env"}).Payload, &env); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(env, "FIREDRILL_CONFIG={}") || !slices.Contains(env, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512") {
		t.Errorf("the environment was not recycled: %q", env)
	}
	_, err = client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name, RevisionId: before.RevisionId, Timeout: aws.Int32(1)})
	wantException(t, err, "PreconditionFailedException", http.StatusPreconditionFailed)
	for _, bad := range []*lambda.UpdateFunctionConfigurationInput{
		{FunctionName: name, Timeout: aws.Int32(901)}, {FunctionName: name, MemorySize: aws.Int32(1)},
		{FunctionName: name, Environment: &types.Environment{Variables: map[string]string{"_HANDLER": "x"}}},
		{FunctionName: name, Role: aws.String("arn:aws:iam::1:role/x")},
	} {
		_, err = client.UpdateFunctionConfiguration(t.Context(), bad)
		wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
	}
	whole, err := client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: name})
	if err != nil || *whole.Configuration.RevisionId != *after.RevisionId {
		t.Errorf("get: %+v %v", whole, err)
	}
	list, err := client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil || len(list.Functions) != 1 || *list.Functions[0].FunctionName != "hello" {
		t.Errorf("list: %+v %v", list, err)
	}
	account, err := client.GetAccountSettings(t.Context(), &lambda.GetAccountSettingsInput{})
	if err != nil || account.AccountLimit.ConcurrentExecutions != DefaultMaxEnvironments {
		t.Errorf("account: %+v %v", account, err)
	}
}
