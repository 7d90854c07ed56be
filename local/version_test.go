package local

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// setVariable changes $LATEST, as a deployment does.
func setVariable(t *testing.T, client *lambda.Client, value string) *lambda.UpdateFunctionConfigurationOutput {
	t.Helper()
	out, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("hello"),
		Environment:  &types.Environment{Variables: map[string]string{"LOCAL_TEST_FUNCTION": "command", "COLOUR": value}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func publish(t *testing.T, client *lambda.Client, in lambda.PublishVersionInput) *lambda.PublishVersionOutput {
	t.Helper()
	in.FunctionName = aws.String("hello")
	out, err := client.PublishVersion(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// colourOf invokes, and tells which version answered and what its environment says.
func colourOf(t *testing.T, client *lambda.Client, name string) (executed, colour string) {
	t.Helper()
	out := call(t, client, name, command{Do: "env"})
	var env []string
	if err := json.Unmarshal(out.Payload, &env); err != nil {
		t.Fatalf("%s: %v", out.Payload, err)
	}
	if v, _ := lookup(env, "AWS_LAMBDA_FUNCTION_VERSION"); v != aws.ToString(out.ExecutedVersion) {
		t.Errorf("%s: the function says version %s, the answer %s", name, v, aws.ToString(out.ExecutedVersion))
	}
	if v, _ := lookup(env, "AWS_LAMBDA_FUNCTION_NAME"); v != "hello" {
		t.Errorf("%s: the function is called %q", name, v)
	}
	if v, _ := lookup(env, "AWS_LAMBDA_LOG_STREAM_NAME"); !strings.Contains(v, "/["+aws.ToString(out.ExecutedVersion)+"]") {
		t.Errorf("%s: log stream %q", name, v)
	}
	colour, _ = lookup(env, "COLOUR")
	return aws.ToString(out.ExecutedVersion), colour
}

// TestPublishedVersionsAreFrozen: what is changed later changes $LATEST alone.
func TestPublishedVersionsAreFrozen(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	setVariable(t, client, "blue")
	one := publish(t, client, lambda.PublishVersionInput{Description: aws.String("the blue one")})
	if aws.ToString(one.Version) != "1" || !strings.HasSuffix(aws.ToString(one.FunctionArn), ":function:hello:1") || aws.ToString(one.Description) != "the blue one" {
		t.Errorf("published %s, %s, %q", aws.ToString(one.Version), aws.ToString(one.FunctionArn), aws.ToString(one.Description))
	}
	setVariable(t, client, "green")
	two := publish(t, client, lambda.PublishVersionInput{})
	again := publish(t, client, lambda.PublishVersionInput{})
	if aws.ToString(two.Version) != "2" || aws.ToString(again.Version) != "2" || aws.ToString(two.RevisionId) == aws.ToString(one.RevisionId) {
		t.Errorf("published %s, then %s without a change", aws.ToString(two.Version), aws.ToString(again.Version))
	}
	setVariable(t, client, "red")
	if _, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("hello"), Timeout: aws.Int32(9)}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"hello": {"$LATEST", "red"}, "hello:$LATEST": {"$LATEST", "red"}, "hello:1": {"1", "blue"}, "hello:2": {"2", "green"},
		"arn:aws:lambda:us-east-1:123456789012:function:hello:1": {"1", "blue"},
	} {
		if executed, colour := colourOf(t, client, name); executed != want[0] || colour != want[1] {
			t.Errorf("%s: version %s is %s, want %v", name, executed, colour, want)
		}
	}
	was, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("hello"), Qualifier: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToInt32(was.Timeout) != 30 || was.Environment.Variables["COLOUR"] != "blue" || aws.ToString(was.Version) != "1" {
		t.Errorf("version 1 has timeout %d and %v", aws.ToInt32(was.Timeout), was.Environment.Variables)
	}
	h.log.waitFor(t, "hello:1   | START RequestId: ")
	h.log.waitFor(t, " Version: 1\n")
}

// TestPublishedVersionsRunOn: a change of $LATEST ends its own environments and no others.
func TestPublishedVersionsRunOn(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	served := func(name string) (n int) {
		t.Helper()
		var told struct{ Served int }
		if out := call(t, client, name, command{Do: "count"}); json.Unmarshal(out.Payload, &told) != nil {
			t.Fatalf("%s", out.Payload)
		}
		return told.Served
	}
	for _, name := range []string{"hello", "hello:1", "hello:live"} {
		served(name)
	}
	setVariable(t, client, "red")
	for name, want := range map[string]int{"hello": 1, "hello:live": 3, "hello:2": 1} {
		if n := served(name); n != want {
			t.Errorf("%s: the environment has served %d, want %d", name, n, want)
		}
	}
}

func TestListVersions(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	for _, colour := range []string{"blue", "green", "red"} {
		setVariable(t, client, colour)
		publish(t, client, lambda.PublishVersionInput{})
	}
	var got []string
	pages := lambda.NewListVersionsByFunctionPaginator(client, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("hello"), MaxItems: aws.Int32(3)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			got = append(got, aws.ToString(v.Version))
			if !strings.HasSuffix(aws.ToString(v.FunctionArn), ":hello:"+aws.ToString(v.Version)) {
				t.Errorf("version %s has ARN %s", aws.ToString(v.Version), aws.ToString(v.FunctionArn))
			}
		}
	}
	if !slices.Equal(got, []string{"$LATEST", "1", "2", "3"}) {
		t.Errorf("versions %q", got)
	}
	all, err := client.ListFunctions(t.Context(), &lambda.ListFunctionsInput{FunctionVersion: types.FunctionVersionAll})
	if err != nil || len(all.Functions) != 4 {
		t.Errorf("%d functions with all versions, %v", len(all.Functions), err)
	}
	_, err = client.ListVersionsByFunction(t.Context(), &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("hello"), Marker: aws.String("99")})
	wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
}

func TestPublishRefusals(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	stale := setVariable(t, client, "blue").RevisionId
	fresh := setVariable(t, client, "green").RevisionId
	for _, tt := range []struct {
		in     lambda.PublishVersionInput
		want   string
		status int
	}{
		{lambda.PublishVersionInput{FunctionName: aws.String("hello"), RevisionId: stale}, "PreconditionFailedException", http.StatusPreconditionFailed},
		{lambda.PublishVersionInput{FunctionName: aws.String("hello"), CodeSha256: aws.String("x")}, "InvalidParameterValueException", http.StatusBadRequest},
		{lambda.PublishVersionInput{FunctionName: aws.String("hello:1")}, "InvalidParameterValueException", http.StatusBadRequest},
		{lambda.PublishVersionInput{FunctionName: aws.String("nobody")}, "ResourceNotFoundException", http.StatusNotFound},
	} {
		_, err := client.PublishVersion(t.Context(), &tt.in)
		wantException(t, err, tt.want, tt.status)
	}
	if v := publish(t, client, lambda.PublishVersionInput{RevisionId: fresh}); aws.ToString(v.Version) != "1" {
		t.Errorf("published %s", aws.ToString(v.Version))
	}
	_, err := client.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("hello:1"), Timeout: aws.Int32(1)})
	wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
}

// versioned is a function of two versions, blue and green, with an alias that leads to the first.
func versioned(t testing.TB) Config {
	return oneFunction(t, func(f *Function) {
		for i, colour := range []string{"blue", "green"} {
			v := f.clone()
			v.Environment["COLOUR"] = colour
			f.Versions = append(f.Versions, Version{i + 1, v})
		}
		f.Aliases = []Alias{{Name: "live", Version: "1"}}
	})
}

// TestVersionsShareTheFaultSet: canary and baseline meet the same fault, as they do with a parameter in AWS.
func TestVersionsShareTheFaultSet(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	places := map[string]bool{}
	for _, name := range []string{"hello", "hello:1", "hello:2", "hello:live"} {
		out, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
		if err != nil {
			t.Fatal(err)
		}
		places[out.Environment.Variables["FIREDRILL_CONFIG"]] = true
	}
	if want := "file:" + filepath.Join(h.opts.StateDir, "faults", "hello.json"); len(places) != 1 || !places[want] {
		t.Errorf("fault sets at %v, want %s alone", places, want)
	}
}

// TestVersionsShareTheConcurrency of their function.
func TestVersionsShareTheConcurrency(t *testing.T) {
	cfg := versioned(t)
	cfg.Functions[0].Concurrency = aws.Int(1)
	h := startHost(t, cfg, nil)
	client := sdk(h)
	g := newGate(t)
	done := make(chan error, 1)
	go func() {
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello:1"), Payload: g.event()})
		done <- err
	}()
	open := g.hold(1)
	for _, name := range []string{"hello", "hello:2", "hello:live"} {
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name})
		wantException(t, err, "TooManyRequestsException", http.StatusTooManyRequests)
	}
	open()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_, err := client.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("hello:1"), ReservedConcurrentExecutions: aws.Int32(1)})
	wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
}

// TestAnEventThatWaitsKeepsItsVersion: the one that the answer named.
func TestAnEventThatWaitsKeepsItsVersion(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	file := filepath.Join(t.TempDir(), "hangs")
	out, err := sdk(h).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("hello:2"), InvocationType: types.InvocationTypeEvent, Payload: event0(command{Do: "hang", Text: file}),
	})
	if err != nil || aws.ToString(out.ExecutedVersion) != "2" {
		t.Fatalf("%v, %v", out, err)
	}
	until("the event is delivered", func() bool { _, err := os.Stat(file); return err == nil })
	h.mu.Lock()
	defer h.mu.Unlock()
	for env := range h.all {
		if env.version.name != "2" {
			t.Errorf("version %s runs", env.version.name)
		}
	}
}

func TestQualifiers(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	for _, qualifier := range []string{"1", "live"} {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Qualifier: &qualifier, Payload: event0(command{Do: "context"})})
		if err != nil {
			t.Fatal(err)
		}
		var told struct{ Arn string }
		if err := json.Unmarshal(out.Payload, &told); err != nil || !strings.HasSuffix(told.Arn, ":function:hello:"+qualifier) {
			t.Errorf("%s: invoked as %s, %v", qualifier, out.Payload, err)
		}
	}
	stream, err := client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("hello"), Qualifier: aws.String("2"), Payload: event0(command{})})
	if err != nil || aws.ToString(stream.ExecutedVersion) != "2" {
		t.Fatalf("%+v, %v", stream, err)
	}
	if err := stream.GetStream().Close(); err != nil {
		t.Error(err)
	}
	got, err := client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("hello"), Qualifier: aws.String("live")})
	if err != nil {
		t.Fatal(err)
	}
	if c := got.Configuration; aws.ToString(c.Version) != "1" || !strings.HasSuffix(aws.ToString(c.FunctionArn), ":hello:live") {
		t.Errorf("live is version %s, %s", aws.ToString(c.Version), aws.ToString(c.FunctionArn))
	}
	for qualifier, want := range map[string]string{"3": "ResourceNotFoundException", "canary": "ResourceNotFoundException", "a b": "InvalidParameterValueException"} {
		_, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("hello"), Qualifier: &qualifier})
		status := http.StatusNotFound
		if strings.HasPrefix(want, "Invalid") {
			status = http.StatusBadRequest
		}
		wantException(t, err, want, status)
	}
}

// TestVersionsOfTheFileMustBeRight also for those who configure a host in code.
func TestVersionsOfTheFileMustBeRight(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"functions.hello.aliases.live":       func(c *Config) { c.Functions[0].Aliases[0].Version = "7" },
		"cannot be greater than 1":           func(c *Config) { c.Functions[0].Aliases[0].Weights = map[string]float64{"2": .1, "3": .1} },
		"functions.hello.versions.2.command": func(c *Config) { c.Functions[0].Versions[1].Command = []string{"./nowhere"} },
		`function "hello" has no version or alias "canary"`: func(c *Config) {
			c.HTTP = &HTTP{Listen: "127.0.0.1:0", Timeout: time.Second, Routes: []Route{{"GET /", "hello", "canary"}}}
		},
	} {
		cfg := versioned(t)
		cfg.LambdaListen, cfg.Dir = "127.0.0.1:0", t.TempDir()
		change(&cfg)
		h, err := Start(t.Context(), cfg, Options{StateDir: t.TempDir(), BaseEnv: os.Environ()})
		if err == nil {
			h.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
