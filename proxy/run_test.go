package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
	"github.com/firedrill-dev/firedrill/source"
)

// role says what this test binary is when it is started again.
const role = "FIREDRILL_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "function":
		lambda.Start(echo)
	case "stream":
		lambda.Start(stream)
	case "page":
		lambda.Start(page)
	case "page stream":
		lambda.Start(pageStream)
	case "exit":
		fmt.Println(os.Getenv(RuntimeAPI))
		os.Exit(7)
	case "wait": // for a signal, after saying that it is ready for one
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGTERM)
		fmt.Println("ready")
		<-got
		os.Exit(8)
	case "hang":
		fmt.Println("ready", os.Getpid())
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "again": // is what a wrapper has set since
		_ = syscall.Exec(os.Args[0], os.Args, append(without(os.Environ(), role), role+"="+os.Getenv("FIREDRILL_TEST_CHILD")))
	case "second":
		second(os.Args[0])
	case "proxy":
		os.Exit(runProxy(os.Args))
	default:
		os.Exit(m.Run())
	}
}

// runProxy is the proxy in a process of its own, in front of this binary in the role that FIREDRILL_TEST_CHILD names,
// or of the command that it is given.
func runProxy(args []string) int {
	command := Command{Args: args, Again: []string{"/usr/bin/env", role + "=proxy", args[0]}, Verbose: true,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Environ: append(without(os.Environ(), role), role+"="+os.Getenv("FIREDRILL_TEST_CHILD"))}
	if len(args) > 1 {
		command.Args, command.Again, command.Environ = args[1:], args, os.Environ()
	}
	code, err := Run(context.Background(), command)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return code
}

// The source is the caller's choice, and ends with the command.
func TestRunOpensTheSourceItIsGiven(t *testing.T) {
	var open context.Context
	_, err := Run(t.Context(), Command{Args: []string{os.Args[0], "-test.run=^$"}, Stdout: io.Discard, Stderr: &safeBuffer{},
		Environ: append(os.Environ(), RuntimeAPI+"=127.0.0.1:1", "FIREDRILL_CONFIG=elsewhere"),
		Source: func(ctx context.Context, getenv func(string) string, _ io.Writer) source.Source {
			if got := getenv("FIREDRILL_CONFIG"); got != "elsewhere" {
				t.Errorf("FIREDRILL_CONFIG is %q", got)
			}
			open = ctx
			return nil
		}})
	if err != nil || open == nil || open.Err() == nil {
		t.Errorf("%v, context %v", err, open)
	}
}

type order struct {
	SKU  string `json:"sku"`
	Fail string `json:"fail,omitempty"`
}

func echo(_ context.Context, o order) (map[string]string, error) {
	if o.Fail != "" {
		return nil, errors.New(o.Fail)
	}
	return map[string]string{"body": "sold " + o.SKU}, nil
}

func stream(_ context.Context, o order) (io.Reader, error) {
	parts := []io.Reader{strings.NewReader("sold "), strings.NewReader(o.SKU)}
	if o.Fail != "" {
		parts = append(parts, broken{errors.New(o.Fail)})
	}
	return io.MultiReader(parts...), nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// invoke sends orders through the proxy to a real function, one after the other, and returns the answers and
// the records.
func invoke(t *testing.T, kind, document string, orders ...order) (answers []runtimeapi.Result, records []string) {
	t.Helper()
	api := runtimeapi.NewServer(0)
	server := httptest.NewServer(api)
	defer server.Close()
	proof := filepath.Join(t.TempDir(), "proof")
	log := &safeBuffer{}
	exited := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Command{Args: []string{os.Args[0]}, Stdout: log, Stderr: log, Environ: append(os.Environ(), role+"="+kind,
			RuntimeAPI+"="+server.Listener.Addr().String(), FunctionName+"=shop", "FIREDRILL_CONFIG="+document, Proof+"="+proof)})
		exited <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // turns a hang into a failure
	defer cancel()
	for n, o := range orders {
		event, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := api.WaitIdle(ctx); err != nil {
			t.Fatalf("order %d: %v\n%s", n, err, log)
		}
		answer, err := api.Invoke(ctx, runtimeapi.Event{RequestID: fmt.Sprintf("r-%d", n), Payload: event, Deadline: time.Now().Add(time.Minute)})
		if err != nil {
			t.Fatalf("order %d: %v\n%s", n, err, log)
		}
		answers = append(answers, answer)
	}
	if err := api.WaitIdle(ctx); err != nil { // the last exchange is over
		t.Fatal(err)
	}
	api.Close()
	server.CloseClientConnections()
	if err := <-exited; err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	proven := &safeBuffer{}
	_, _ = proven.Write(kept)
	if diff := cmp.Diff(log.records(), proven.records()); diff != "" {
		t.Errorf("the proof differs from the log: %s", diff)
	}
	return answers, log.records()
}

func TestRealFunctions(t *testing.T) {
	const boom = `{"errorMessage":"boom","errorType":"errorString"}`
	type answer struct {
		Failed bool
		Body   string
	}
	failing := `{"errorMessage":"Injected exception","errorType":"InjectedException","stackTrace":[]}`
	for _, c := range []struct {
		name, kind, document string
		orders               []order
		want                 []answer
		records              []string
	}{
		{"nothing armed", "function", "", []order{{SKU: "A1"}, {Fail: "boom"}, {SKU: "A2"}},
			[]answer{{false, `{"body":"sold A1"}`}, {true, boom}, {false, `{"body":"sold A2"}`}}, nil},
		{"stream", "stream", "", []order{{SKU: "A1"}, {SKU: "A1", Fail: "boom"}, {SKU: "A2"}},
			[]answer{{false, "sold A1"}, {true, boom}, {false, "sold A2"}}, nil},
		{"exception by match", "function", `{"exception":{"enabled":true,"match":[{"path":"sku","value":"A2"}]}}`,
			[]order{{SKU: "A1"}, {SKU: "A2"}, {SKU: "A1"}},
			[]answer{{false, `{"body":"sold A1"}`}, {true, failing}, {false, `{"body":"sold A1"}`}}, []string{"r-1 exception 1/1"}},
		{"fail-after", "function", `{"fail-after":{"enabled":true}}`, []order{{SKU: "A1"}, {Fail: "boom"}},
			[]answer{{true, failing}, {true, boom}}, []string{"r-0 fail-after 1/1", "r-1 fail-after 0/1 the handler itself failed"}},
		{"fail-after of a stream", "stream", `{"fail-after":{"enabled":true}}`, []order{{SKU: "A1"}, {SKU: "A1", Fail: "boom"}},
			[]answer{{true, failing}, {true, boom}}, []string{"r-0 fail-after 1/1", "r-1 fail-after 0/1 the handler itself failed"}},
		{"corruption", "function", `{"corruption":{"enabled":true,"body":"junk"}}`, []order{{SKU: "A1"}},
			[]answer{{false, `{"body":"junk"}`}}, []string{"r-0 corruption 1/1"}},
		{"corruption of a stream", "stream", `{"corruption":{"enabled":true,"body":"junk"}}`, []order{{SKU: "A1"}, {SKU: "A1", Fail: "boom"}},
			[]answer{{false, `{"body":"junk"}`}, {true, boom}}, []string{"r-0 corruption 1/1", "r-1 corruption 0/1 the handler itself failed"}},
		{"latency and status", "function", `{"latency":{"enabled":true,"min_latency":5,"max_latency":5},"statuscode":{"enabled":true,"status_code":503,"body":"x"}}`,
			[]order{{SKU: "A1"}}, []answer{{false, `{"statusCode":503,"headers":{"Content-Type":"application/json"},"body":"x"}`}},
			[]string{"r-0 latency 1/1", "r-0 statuscode 1/1"}},
		{"slow start", "function", `{"coldstart":{"enabled":true,"min_latency":5}}`, []order{{SKU: "A1"}, {SKU: "A1"}},
			[]answer{{false, `{"body":"sold A1"}`}, {false, `{"body":"sold A1"}`}}, []string{"coldstart 1/1"}},
		{"resources", "function", `{"diskspace":{"enabled":true,"disk_space":1},"memory":{"enabled":true,"memory_mb":1},"cpu":{"enabled":true,"cores":1}}`,
			[]order{{SKU: "A1"}, {Fail: "boom"}, {SKU: "A1"}}, []answer{{false, `{"body":"sold A1"}`}, {true, boom}, {false, `{"body":"sold A1"}`}},
			[]string{"r-0 diskspace 1/1", "r-0 memory 1/1", "r-0 cpu 1/1", "r-1 diskspace 1/1", "r-1 memory 1/1", "r-1 cpu 1/1",
				"r-2 diskspace 1/1", "r-2 memory 1/1", "r-2 cpu 1/1"}},
		{"resources, then an exception", "function", `{"memory":{"enabled":true,"memory_mb":1},"exception":{"enabled":true}}`,
			[]order{{SKU: "A1"}, {SKU: "A1"}}, []answer{{true, failing}, {true, failing}},
			[]string{"r-0 memory 1/1", "r-0 exception 1/1", "r-1 memory 1/1", "r-1 exception 1/1"}},
		{"resources while streaming", "stream", `{"memory":{"enabled":true,"memory_mb":1},"fail-after":{"enabled":true}}`,
			[]order{{SKU: "A1"}, {SKU: "A1"}}, []answer{{true, failing}, {true, failing}},
			[]string{"r-0 memory 1/1", "r-0 fail-after 1/1", "r-1 memory 1/1", "r-1 fail-after 1/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			results, records := invoke(t, c.kind, c.document, c.orders...)
			var got []answer
			for _, r := range results {
				got = append(got, answer{r.Failed, withoutTrace(r.Payload)})
			}
			for n := range c.want {
				c.want[n].Body = withoutTrace([]byte(c.want[n].Body))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.records, records); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutTrace drops what differs between versions of Go and of the library.
func withoutTrace(body []byte) string {
	var e runtimeapi.ErrorResponse
	if json.Unmarshal(body, &e) == nil && e.ErrorType != "" {
		return e.ErrorType + ": " + e.ErrorMessage
	}
	return string(body)
}

// run starts this binary again behind Run.
func run(t *testing.T, kind string, cmd Command, environ ...string) (code int, stdout, stderr string, err error) {
	t.Helper()
	out, log := &safeBuffer{}, &safeBuffer{}
	if len(cmd.Args) == 0 {
		cmd.Args = []string{os.Args[0]}
	}
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	cmd.Stderr, cmd.Environ = log, append(append(os.Environ(), role+"="+kind), environ...)
	code, err = Run(t.Context(), cmd)
	return code, out.String(), log.String(), err
}

func TestRunPassesOnCodeAndAddress(t *testing.T) {
	code, stdout, stderr, err := run(t, "exit", Command{Verbose: true}, RuntimeAPI+"=127.0.0.1:1")
	if code != 7 || err != nil || stdout == "127.0.0.1:1\n" || !strings.HasPrefix(stdout, "127.0.0.1:") {
		t.Errorf("code %d, runtime API %q, %v", code, stdout, err)
	}
	if !strings.Contains(stderr, `"listening"`) || !strings.Contains(stderr, strings.TrimSpace(stdout)) {
		t.Errorf("stderr %q", stderr)
	}
}

func TestRunWithoutRuntimeAPI(t *testing.T) {
	t.Setenv(role, "proxy")
	t.Setenv("FIREDRILL_TEST_CHILD", "exit")
	// Run becomes its command here, so it has to run in a process of its own.
	for name, environ := range map[string][]string{
		"unset":    {RuntimeAPI + "="},
		"disabled": {RuntimeAPI + "=127.0.0.1:1", "FIREDRILL_DISABLED=true"},
	} {
		out := &safeBuffer{}
		code, err := Command{Args: []string{os.Args[0]}, Environ: append(os.Environ(), environ...), Stdout: out, Stderr: out}.child(t.Context(),
			append(os.Environ(), environ...))
		address := strings.TrimPrefix(strings.TrimPrefix(environ[0], RuntimeAPI), "=")
		if code != 7 || err != nil || !strings.HasSuffix(out.String(), address+"\n") {
			t.Errorf("%s: code %d, %q, %v", name, code, out, err)
		}
	}
}

func TestRunReportsWhatCannotStart(t *testing.T) {
	code, _, _, err := run(t, "", Command{Args: []string{filepath.Join(t.TempDir(), "nothing")}}, RuntimeAPI+"=127.0.0.1:1")
	if code != 127 || err == nil {
		t.Errorf("code %d, %v", code, err)
	}
	if code, err := Run(t.Context(), Command{}); code != 2 || err == nil {
		t.Errorf("no command: code %d, %v", code, err)
	}
}

func TestRunForwardsSignals(t *testing.T) {
	signals := make(chan os.Signal, 1)
	ready := writerFunc(func(p []byte) { signals <- syscall.SIGTERM })
	code, _, _, err := run(t, "wait", Command{Signals: signals, Stdout: ready}, RuntimeAPI+"=127.0.0.1:1")
	if code != 8 || err != nil {
		t.Errorf("code %d, %v", code, err)
	}
}

type writerFunc func(p []byte)

func (w writerFunc) Write(p []byte) (int, error) { w(p); return len(p), nil }

// An opened proof file that fails is said, and the function runs.
func TestRunWithoutProof(t *testing.T) {
	code, _, stderr, _ := run(t, "exit", Command{}, RuntimeAPI+"=127.0.0.1:1", Proof+"="+t.TempDir())
	if code != 7 || !strings.Contains(stderr, Proof) {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// A runtime that goes away while its event is held back gets nothing, and nothing has fired.
func TestRuntimeGoesAwayDuringDelay(t *testing.T) {
	source := parse(t, `{"latency":{"enabled":true,"min_latency":60000,"max_latency":60000},"fail-after":{"enabled":true},"firedrill":{"run":"01J"}}`)
	api := runtimeapi.NewServer(0)
	g := behind(t, Options{Source: source}, api.ServeHTTP)
	c := g.dial(t)
	c.send("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := api.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := api.Invoke(ctx, runtimeapi.Event{RequestID: "r-1"})
		lost <- err
	}()
	_ = c.Close()
	g.Close() // waits for the connection to end
	want := []string{"r-1 latency 1/1", "r-1 fail-after 0/1 the runtime went away"}
	if got := g.log.records(); len(got) > 0 { // none if the runtime went before the event came
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
	}
	cancel()
	api.Close()
	<-lost
}

// What was planned and never came to pass is recorded when the proxy closes, and when too many pile up.
func TestPlansAreBoundedAndAccounted(t *testing.T) {
	log := &safeBuffer{}
	p := New(Options{Upstream: "x:1", Log: log})
	released := 0
	for n := range maxPlans + 10 {
		p.plans.put(pending{entry{p.journal, "", fmt.Sprintf("r-%d", n), nil}, []fault.Injection{{Kind: fault.FailAfter}}, holds{func() { released++ }}, nil})
	}
	defer func() {
		if released != maxPlans+10 {
			t.Errorf("%d of %d plans gave back what they held", released, maxPlans+10)
		}
	}()
	if n := len(p.plans.byID); n != maxPlans {
		t.Errorf("%d plans", n)
	}
	if got := log.records(); len(got) != 10 || got[0] != "r-0 fail-after 0/1 no response came" {
		t.Errorf("%d records, %q", len(got), got[:1])
	}
	p.Close()
	if got := len(log.records()); got != maxPlans+10 {
		t.Errorf("%d records", got)
	}
}

// A wait is recorded as it begins: Lambda may end everything at the deadline, and the run may end before.
func TestWaitsAreRecordedAsTheyBegin(t *testing.T) {
	inWorld(t, parse(t, `{"timeout":{"enabled":true}}`), time.Time{}, posts(`{}`), func(t *testing.T, w *world) {
		if err := w.api.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := w.api.Invoke(ctx, runtimeapi.Event{RequestID: "r-1", Deadline: time.Now().Add(3 * time.Second)}); err == nil {
			t.Error("the event was delivered at once")
		}
		if diff := cmp.Diff([]string{"r-1 timeout 1/1"}, w.log.records()); diff != "" {
			t.Error(diff)
		}
	})
}

// A response too large to hold passes, with its trailers, and is counted as not corrupted.
func TestTooLargeToCorrupt(t *testing.T) {
	api := runtimeapi.NewServer(64 << 20)
	g := behind(t, Options{Source: parse(t, `{"corruption":{"enabled":true,"body":"x"}}`)}, api.ServeHTTP)
	for n, framing := range []string{"Content-Length: 20000000\r\n\r\n%s", "Transfer-Encoding: chunked\r\n\r\n1312d00\r\n%s\r\n0\r\n\r\n"} {
		c := g.dial(t)
		c.send("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if err := api.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		result := make(chan runtimeapi.Result, 1)
		id := fmt.Sprintf("r-%d", n)
		go func() {
			r, _ := api.Invoke(t.Context(), runtimeapi.Event{RequestID: id})
			result <- r
		}()
		c.answer("GET")
		content := strings.Repeat("z", 20_000_000)
		c.send(fmt.Sprintf("POST "+runtimeapi.PathInvocation+id+"/response HTTP/1.1\r\nHost: x\r\n"+framing, content))
		if resp, body := c.answer("POST"); resp.StatusCode != 202 {
			t.Errorf("%s %s", resp.Status, body)
		}
		if r := <-result; string(r.Payload) != content {
			t.Errorf("%d bytes arrived", len(r.Payload))
		}
		_ = c.Close()
	}
	want := []string{"r-0 corruption 0/1 " + tooLarge, "r-1 corruption 0/1 " + tooLarge}
	if diff := cmp.Diff(want, g.log.records()); diff != "" {
		t.Error(diff)
	}
}

// A fault set must not be able to write headers.
func TestErrorTypeCannotWriteHeaders(t *testing.T) {
	if got := visible("a\r\nX: y\u00e9"); got != "a??X: y??" {
		t.Errorf("%q", got)
	}
	for id, want := range map[string]bool{"8476a536-e9f4-11e8-9739-2dfe598c3fcd": true, "": false, "a/b": false, "a b": false, "a?b": false, "a%2f": false} {
		if plainID(id) != want {
			t.Errorf("plainID(%q) is %v", id, !want)
		}
	}
}

// A proxy that is killed takes the runtime with it.
func TestRuntimeDiesWithTheProxy(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("only Linux kills the child with its parent")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(without(os.Environ(), role), role+"=proxy", "FIREDRILL_TEST_CHILD=hang", RuntimeAPI+"=127.0.0.1:1")
	stdin, err := cmd.StdinPipe() // open: nothing else ends the runtime
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(stdout)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, r) // ends when the runtime, too, has let go of it
	_ = cmd.Wait()
}
