package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
)

func postInitError() {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
	r, err := http.Post(url, "application/json", strings.NewReader(`{"errorMessage":"no table","errorType":"Config.Missing"}`))
	if err == nil {
		r.Body.Close()
	}
	os.Exit(1)
}

func TestTimeoutKills(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) { f.Timeout = 250 * time.Millisecond }), nil)
	client := sdk(h)
	pidFile := filepath.Join(t.TempDir(), "pid")
	out := call(t, client, "hello", command{Do: "hang", Text: pidFile})
	text := regexp.MustCompile(`^{"errorMessage":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [0-9a-f-]{36} Task timed out after 0\.25 seconds","errorType":"Sandbox.Timedout"}$`)
	if !text.Match(out.Payload) || aws.ToString(out.FunctionError) != "Unhandled" {
		t.Errorf("got %s %q", out.Payload, aws.ToString(out.FunctionError))
	}
	if pid, err := os.ReadFile(pidFile); err == nil && len(pid) > 0 { // a busy machine may not have got that far
		waitDead(t, string(pid))
	}
	h.mu.Lock()
	h.functions["hello"].latest.spec.Timeout = 30 * time.Second // the next environment's
	h.mu.Unlock()
	if out := call(t, client, "hello", command{Payload: json.RawMessage(`5`)}); string(out.Payload) != "5" {
		t.Errorf("after the timeout: %s", out.Payload)
	}
}

// waitDead returns when the process is gone.
func waitDead(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	if err != nil {
		t.Fatal(err)
	}
	until("process "+pid+" is gone", func() bool { return !alive(n) })
}

// alive says whether the process runs; one that has ended and waits to be collected does not.
func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
	}
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func TestInitFailures(t *testing.T) {
	tests := []struct{ kind, payload, log string }{
		{"init-exit", `Error: Runtime exited with error: exit status 3","errorType":"Runtime.ExitError"`, "cannot start"},
		{"init-error", `{"errorMessage":"no table","errorType":"Config.Missing"}`, "Error Type: Config.Missing"},
		{"init-hang", `Task timed out after 0.20 seconds","errorType":"Sandbox.Timedout"`, "does it speak the Lambda Runtime API?"},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			h := startHost(t, Config{Functions: []Function{testFunction(t, "hello", tt.kind)}}, func(o *Options) {
				if tt.kind == "init-hang" {
					o.InitTimeout = 200 * time.Millisecond
				}
			})
			out := call(t, sdk(h), "hello", command{})
			if !strings.Contains(string(out.Payload), tt.payload) || aws.ToString(out.FunctionError) != "Unhandled" {
				t.Errorf("got %s", out.Payload)
			}
			h.log.waitFor(t, tt.log)
			h.log.waitFor(t, "INIT_REPORT Init Duration: ")
		})
	}
}

func TestCloseDuringInitialization(t *testing.T) {
	h := startHost(t, Config{Functions: []Function{testFunction(t, "hello", "init-hang")}}, nil)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = h.invoke(h.functions["hello"].latest, invocation{id: "1"}) }) // its answer does not matter
	until("the function starts", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.all) == 1
	})
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if strings.Contains(h.log.String(), "does it speak") {
		t.Errorf("the function is blamed for the end of the host:\n%s", h.log)
	}
}

func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	withCommand := func(argv ...string) Config {
		return Config{Functions: []Function{{Name: "f", Command: argv}}}
	}
	tests := []struct {
		name string
		cfg  Config
		opts Options
		want string
	}{
		{"no such program", withCommand("./nothing"), Options{}, "functions.f.command: "},
		{"not executable", withCommand("./plain"), Options{}, "functions.f.command: "},
		{"not in PATH", withCommand("surely-not-there"), Options{}, "not found in PATH"},
		{"variable", withCommand("./${nope}"), Options{}, "unknown variable ${nope}"},
		{"layer without proxy", Config{Functions: []Function{{Name: "f", Command: []string{os.Args[0]}, Layer: true}}}, Options{}, "functions.f.layer: "},
		{"folder", Config{Functions: []Function{{Name: "f", Command: []string{os.Args[0]}, Dir: "nowhere"}}}, Options{}, "is not a folder"},
		{"port in use", Config{LambdaListen: taken.Addr().String()}, Options{}, "lambda.listen: " + taken.Addr().String() + " is in use by another process"},
		{"state folder", Config{}, Options{StateDir: filepath.Join(dir, "plain")}, "state folder: "},
		{"no compiler", Config{Functions: []Function{{Name: "f", Go: "./cmd/f"}}}, Options{}, "need the Go toolchain"},
		{"unknown function", Config{HTTP: &HTTP{Routes: []Route{{Key: "GET /", Function: "g"}}}}, Options{}, `no such function: "g"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.LambdaListen == "" {
				tt.cfg.LambdaListen = "127.0.0.1:0"
			}
			if tt.opts.StateDir == "" {
				tt.opts.StateDir = t.TempDir()
			}
			tt.cfg.Dir = dir
			h, err := Start(t.Context(), tt.cfg, tt.opts)
			if err == nil {
				h.Close(t.Context())
				t.Fatal("started")
			}
			var start *StartError
			if !errors.As(err, &start) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestGoPackagesAreBuilt(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "go.mod", "module shop\n\ngo 1.26\n")
	if err := os.Mkdir(filepath.Join(dir, "crash"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "crash"), "main.go", "package main\n\nimport \"os\"\n\nfunc main() { println(\"built\"); os.Exit(9) }\n")
	cfg := Config{Dir: dir, Functions: []Function{{Name: "f", Go: "./crash", Timeout: time.Second}}}
	h := startHost(t, cfg, nil)
	if out := call(t, sdk(h), "f", command{}); !strings.Contains(string(out.Payload), "exit status 9") {
		t.Errorf("got %s", out.Payload)
	}
	cfg.Functions[0].Go = "./missing"
	_, err := Start(t.Context(), cfg, Options{StateDir: t.TempDir(), BaseEnv: os.Environ()})
	if err == nil || !strings.Contains(err.Error(), "go build ./missing: ") {
		t.Errorf("got %v", err)
	}
}

func TestLayerWrapsTheCommand(t *testing.T) {
	cfg := oneFunction(t, func(f *Function) { f.Layer = true })
	proxy := writeFile(t, t.TempDir(), "proxy", "#!/bin/sh\nshift\nexec env WRAPPED=yes \"$@\"\n")
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for the proxy is a script")
	}
	h := startHost(t, cfg, func(o *Options) {
		o.ProxyCommand = []string{proxy, "layer-proxy"}
		o.BaseEnv = append(o.BaseEnv, "FIREDRILL_PRELOAD=/lib/firedrill-denylist.so") // the proxy's
	})
	out := call(t, sdk(h), "hello", command{Do: "env"})
	for _, want := range []string{"WRAPPED=yes", "FIREDRILL_PRELOAD=/lib/firedrill-denylist.so"} {
		if !strings.Contains(string(out.Payload), `"`+want+`"`) {
			t.Errorf("no %s in %s", want, out.Payload)
		}
	}
}

func TestInjectionsAreCounted(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	now := time.Now()
	for _, r := range []fault.Record{
		{Time: now, Run: "R1", Kind: fault.Latency, Function: "liar", Planned: 1, Fired: 1},
		{Time: now, Run: "R1", Kind: fault.Latency, Planned: 2, Fired: 1, Reason: "client went away"},
		{Time: now, Run: "R1", Kind: fault.Exception, Planned: 1, Fired: 1},
		{Time: now, Run: "R2", Kind: fault.Latency, Planned: 1, Fired: 1},
	} {
		call(t, client, "hello", command{Do: "print", Text: string(r.AppendJSON(nil))})
	}
	want := []Injection{{"hello", "R1", "exception", 1, 1}, {"hello", "R1", "latency", 3, 2}}
	if diff := cmp.Diff(want, h.Injections("R1")); diff != "" {
		t.Error(diff)
	}
	r, err := http.Get("http://" + h.LambdaAddr() + "/_firedrill/injections?run=R2")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if got := string(body); err != nil || got != `[{"function":"hello","run":"R2","kind":"latency","planned":1,"fired":1}]` {
		t.Errorf("got %s %v", got, err)
	}
	if got := h.Injections("nobody"); got == nil || len(got) != 0 {
		t.Errorf("got %v, want an empty list", got)
	}
	if got := h.Injections(""); len(got) != 3 {
		t.Errorf("all runs: %v", got)
	}
}

func TestAsynchronousEvents(t *testing.T) {
	h := startHost(t, oneFunction(t, func(f *Function) { f.Retries, f.RetryDelay = 2, time.Millisecond }), nil)
	client := sdk(h)
	send := func(c command) {
		t.Helper()
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: event0(c), InvocationType: types.InvocationTypeEvent})
		if err != nil || out.StatusCode != http.StatusAccepted || len(out.Payload) != 0 {
			t.Fatalf("got %+v %v", out, err)
		}
	}
	send(command{Do: "fail", Text: "always"})
	h.log.waitFor(t, "dropped: the function failed 3 times")
	h.Injections("") // reads what the functions have written
	if got := strings.Count(h.log.String(), "START RequestId"); got != 3 {
		t.Errorf("%d attempts, want 3", got)
	}
	// A throttled event waits until it may run.
	if _, err := client.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("hello"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	send(command{Do: "print", Text: "at last"})
	if _, err := client.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("hello")}); err != nil {
		t.Fatal(err)
	}
	h.log.waitFor(t, "| at last")
}

func TestTheQueueIsBounded(t *testing.T) {
	cfg := oneFunction(t, func(f *Function) { f.Concurrency = new(int) })
	cfg.Functions = append(cfg.Functions, testFunction(t, "noop", "noop"))
	h := startHost(t, cfg, nil)
	v := h.functions["hello"].latest
	for range maxQueued {
		if err := h.enqueue(v, invocation{id: "x", payload: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	err := h.enqueue(v, invocation{})
	var refused *apiError
	if !errors.As(err, &refused) || refused.status != http.StatusTooManyRequests {
		t.Errorf("got %v", err)
	}
	if err := h.enqueue(h.functions["noop"].latest, invocation{id: "y", payload: []byte("{}")}); err != nil {
		t.Errorf("another function's event: %v", err)
	}
}

func TestFiftyAtOnce(t *testing.T) {
	h := startHost(t, Config{Functions: []Function{testFunction(t, "noop", "noop")}}, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
	defer client.CloseIdleConnections()
	url := "http://" + h.LambdaAddr() + "/2015-03-31/functions/noop/invocations"
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 10 {
				if err := invokeOver(client, url, fmt.Sprintf(`{"i":%d,"j":%d}`, i, j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCloseLeavesNoProcess(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	g := newGate(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { // their answers are lost: that is the point
			_, _ = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: g.event()})
		})
	}
	defer g.hold(3)()
	var pids []int
	h.mu.Lock()
	for env := range h.all {
		pids = append(pids, env.cmd.Process.Pid)
	}
	h.mu.Unlock()
	if len(pids) != 3 {
		t.Fatalf("%d processes", len(pids))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // no patience
	if err := h.Close(ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, err := net.Dial("tcp", h.LambdaAddr()); err == nil {
		t.Error("the host still listens")
	}
	if _, err := h.invoke(h.functions["hello"].latest, invocation{}); err == nil {
		t.Error("a closed host takes an event")
	}
}

// hostUntilKilled runs a host with one busy function, prints the function's process id, and waits.
func hostUntilKilled(dir string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	fn := Function{Name: "hello", Command: []string{self}, Timeout: time.Hour, Environment: map[string]string{"LOCAL_TEST_FUNCTION": "command"}}
	h, err := Start(context.Background(), Config{LambdaListen: "127.0.0.1:0", Dir: dir, Functions: []Function{fn}}, Options{StateDir: dir, BaseEnv: os.Environ()})
	if err != nil {
		panic(err)
	}
	// One busy, one idle: the second comes when the first has its environment, and so needs another.
	busy := command{Do: "gate", Text: os.Getenv("LOCAL_TEST_GATE")}
	go func() { _, _ = h.invoke(h.functions["hello"].latest, invocation{id: "1", payload: event0(busy)}) }()
	until("the first environment starts", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.all) == 1
	})
	if _, err := h.invoke(h.functions["hello"].latest, invocation{id: "2", payload: event0(command{Do: "count"})}); err != nil {
		panic(err)
	}
	testHost{Host: h}.waitIdle("hello", 1)
	h.mu.Lock()
	for env := range h.all {
		fmt.Println(env.cmd.Process.Pid)
	}
	h.mu.Unlock()
	fmt.Println("ready")
	select {}
}

func TestKilledHostLeavesNoProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with their parent")
	}
	g := newGate(t)
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), "LOCAL_TEST_HOST="+t.TempDir(), "LOCAL_TEST_GATE="+g.Addr().String())
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	defer host.Process.Kill() // however the test ends; it has been killed if all goes well
	defer g.hold(1)()
	var pids []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		pids = append(pids, lines.Text())
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait() // it was killed
	if len(pids) != 2 {
		t.Fatalf("the host told of processes %q", pids)
	}
	for _, pid := range pids {
		waitDead(t, pid)
	}
}
