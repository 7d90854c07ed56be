package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestMain makes the test binary a real Lambda function when LOCAL_TEST_FUNCTION names one, and a host
// that waits to be killed when LOCAL_TEST_HOST is set.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCAL_TEST_HOST"); dir != "" {
		hostUntilKilled(dir)
		return
	}
	switch name := os.Getenv("LOCAL_TEST_FUNCTION"); name {
	case "":
		os.Exit(m.Run())
	case "init-exit":
		fmt.Println("cannot start")
		os.Exit(3)
	case "init-hang":
		never := make(chan os.Signal, 1)
		signal.Notify(never, os.Interrupt) // a bare select{} is a deadlock to Go's runtime, which ends the process
		<-never
	case "init-error":
		postInitError()
	default:
		serveTestFunction(name)
	}
}

// A command tells a test function what to do with one event.
type command struct {
	Do      string // echo (default), env, fail, panic, exit, hang, print, count, big, child
	Text    string
	Name    string
	Payload json.RawMessage `json:",omitempty"`
}

func serveTestFunction(name string) {
	served := 0
	if name == "http" {
		lambda.Start(func(_ context.Context, e json.RawMessage) (json.RawMessage, error) { return httpAnswer(e) })
	}
	if name == "noop" {
		lambda.Start(func(_ context.Context, e json.RawMessage) (json.RawMessage, error) { return e, nil })
	}
	lambda.Start(func(ctx context.Context, c command) (any, error) {
		served++
		lc, _ := lambdacontext.FromContext(ctx)
		switch c.Do {
		case "env":
			return os.Environ(), nil
		case "fail":
			return nil, errors.New(c.Text)
		case "panic":
			panic(c.Text)
		case "exit":
			os.Exit(7)
		case "hang":
			if c.Text != "" { // says that it hangs, then does
				if err := os.WriteFile(c.Text, fmt.Appendf(nil, "%d", os.Getpid()), 0o600); err != nil {
					return nil, err
				}
			}
			select {}
		case "print":
			fmt.Println(c.Text)
			fmt.Fprint(os.Stderr, "unfinished")
		case "count":
			return map[string]int{"served": served, "pid": os.Getpid()}, nil
		case "big":
			return strings.Repeat("x", 7<<20), nil
		case "gate":
			return nil, waitForGate(c.Text)
		case "context":
			deadline, _ := ctx.Deadline()
			return map[string]any{
				"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "client": lc.ClientContext.Client.AppTitle,
				"left": time.Until(deadline).Milliseconds(), "trace": os.Getenv("_X_AMZN_TRACE_ID"),
			}, nil
		}
		return c.Payload, nil
	})
}

// waitForGate connects to the test and waits until it closes the connection: no time is involved.
func waitForGate(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	_, _ = conn.Read(make([]byte, 1)) // ends when the test closes it
	return conn.Close()
}

// A gate holds functions until it is opened, and tells how many it holds.
type gate struct {
	net.Listener
	t *testing.T
}

func newGate(t *testing.T) *gate {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &gate{l, t}
}

// hold waits for n functions to arrive; calling the result lets them go.
func (g *gate) hold(n int) (open func()) {
	g.t.Helper()
	if err := g.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		g.t.Fatal(err)
	}
	var held []net.Conn
	for range n {
		conn, err := g.Accept()
		if err != nil {
			g.t.Fatal(err)
		}
		held = append(held, conn)
	}
	return func() {
		for _, c := range held {
			c.Close()
		}
	}
}

func (g *gate) event() []byte { return event0(command{Do: "gate", Text: g.Addr().String()}) }

func event0(c command) []byte { return marshal(c) }

// A logBuffer is a log that tests read while it grows.
type logBuffer struct {
	mu      sync.Mutex
	changed *sync.Cond
	buf     bytes.Buffer
}

func newLogBuffer() *logBuffer {
	l := &logBuffer{}
	l.changed = sync.NewCond(&l.mu)
	return l
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed.Broadcast()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// waitFor returns when the log contains the text. Its patience is for a host that never writes it, not for a slow one.
func (l *logBuffer) waitFor(t *testing.T, text string) {
	t.Helper()
	over := false
	timer := time.AfterFunc(patience, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		over = true
		l.changed.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !strings.Contains(l.buf.String(), text) {
		if over {
			t.Fatalf("%q is not in the log:\n%s", text, l.buf.String())
		}
		l.changed.Wait()
	}
}

// patience bounds waits that only a bug makes long.
const patience = 30 * time.Second

// until returns when the condition is true; without it, after patience, it panics: a test that waits for ever would take
// all others with it, and tell nothing.
func until(what string, condition func() bool) {
	for started := time.Now(); !condition(); runtime.Gosched() {
		if time.Since(started) > patience {
			panic("still waiting until " + what)
		}
	}
}

// testFunction is a function that runs this test binary.
func testFunction(t testing.TB, name, kind string) Function {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Function{
		Name: name, Command: []string{self}, Timeout: 30 * time.Second, MemoryMB: 128, Handler: "bootstrap",
		Environment: map[string]string{"LOCAL_TEST_FUNCTION": kind},
	}
}

type testHost struct {
	*Host
	log *logBuffer
}

// startHost runs a host for the test; change may be nil.
func startHost(t testing.TB, cfg Config, change func(*Options)) testHost {
	t.Helper()
	log := newLogBuffer()
	opts := Options{StateDir: t.TempDir(), Log: log, BaseEnv: os.Environ()}
	if change != nil {
		change(&opts)
	}
	if cfg.LambdaListen == "" {
		cfg.LambdaListen = "127.0.0.1:0"
	}
	if cfg.Region == "" {
		cfg.Region = "eu-central-1"
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	h, err := Start(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the host's log:\n%s", log)
		}
	})
	return testHost{h, log}
}

func oneFunction(t testing.TB, change func(*Function)) Config {
	fn := testFunction(t, "hello", "command")
	if change != nil {
		change(&fn)
	}
	return Config{Functions: []Function{fn}}
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
