package runtimes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/deploy/layer/preload"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/local"
)

// functionTimeout is generous: a fault that waits for the deadline leaves most of it.
const functionTimeout = 60 * time.Second

// A column is a way to run the function.
type column struct {
	name, title string
	sdk         bool   // not the layer
	of          string // whose memory and processor time a fault takes: the function's own, or its parent's, the proxy
	command     []string
	dir         string
	missing     string // what the machine lacks for it
}

// require fails where a part is missing that FIREDRILL_REQUIRE names.
func require(t *testing.T, part, missing string) {
	t.Helper()
	if missing == "" {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), part) {
		t.Fatalf("FIREDRILL_REQUIRE names %s, but %s", part, missing)
	}
	t.Logf("without %s: %s", part, missing)
}

func columns(t *testing.T) []column {
	t.Helper()
	bin := t.TempDir()
	node := column{name: "node", title: "Node, layer", of: "parent", dir: testdata("node")}
	python := column{name: "python", title: "Python, layer", of: "parent", dir: testdata("python")}
	java := column{name: "java", title: "Java, layer", of: "parent", dir: bin}
	node.command, node.missing = nodeCommand("handler.handle")
	python.command, python.missing = pythonCommand()
	java.command, java.missing = javaCommand(t, bin)
	for _, c := range []column{node, python, java} {
		require(t, c.name, c.missing)
	}
	return []column{
		{name: "sdk", title: "Go SDK", sdk: true, of: "self", command: []string{build(t, bin, "./testdata/sdk")}, dir: bin},
		{name: "go", title: "Go, layer", of: "parent", command: []string{build(t, bin, "./testdata/plain")}, dir: bin},
		node, python, java,
	}
}

func testdata(name string) string {
	dir, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		panic(err)
	}
	return dir
}

// build compiles one of our programs and returns its path.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as for Lambda
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// library puts the denylist's library beside the proxy.
func library(t *testing.T, proxy string) {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		require(t, "cc", err.Error())
		t.Skip("the table needs the denylist's library: ", err)
	}
	if err := preload.Build(t.Context(), "cc", runtime.GOARCH, filepath.Join(filepath.Dir(proxy), preload.Name)); err != nil {
		t.Fatal(err)
	}
}

// nodeCommand runs a handler by AWS's client, which .ci/run installs.
func nodeCommand(handler string) (command []string, missing string) {
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err.Error()
	}
	folder, err := exec.Command("go", "env", "GOPATH").Output()
	if err != nil {
		return nil, "go env GOPATH: " + err.Error()
	}
	client := filepath.Join(strings.TrimSpace(string(folder)), "firedrill-ci/ric/node_modules/aws-lambda-ric/bin/index.mjs")
	if _, err := os.Stat(client); err != nil {
		return nil, "aws-lambda-ric is not installed: " + err.Error()
	}
	return []string{node, client, handler}, ""
}

func pythonCommand() (command []string, missing string) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, err.Error()
	}
	return []string{python, "-B", "client.py"}, ""
}

func javaCommand(t *testing.T, bin string) (command []string, missing string) {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, err.Error()
	}
	compiler, err := exec.LookPath("javac")
	if err != nil {
		return nil, err.Error()
	}
	if out, err := exec.Command(compiler, "-d", bin, "testdata/java/Main.java").CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return []string{java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-Dsun.net.inetaddr.ttl=0", "-Dsun.net.inetaddr.negative.ttl=0", // it would keep what it has looked up
		"-cp", bin, "Main"}, ""
}

// host is the laptop's Lambda with a function for each column.
type host struct {
	*local.Host
	log     *log
	handled string // folder of the notes of handlers
}

// start runs the columns' functions with one fault set.
func start(t *testing.T, columns []column, document string) *host {
	t.Helper()
	h := &host{log: &log{}, handled: t.TempDir()}
	proxy := build(t, t.TempDir(), "../cmd/firedrill-proxy")
	library(t, proxy)
	cfg := local.Config{Dir: t.TempDir(), LambdaListen: "127.0.0.1:0", Region: "eu-central-1"}
	for _, c := range columns {
		if c.missing != "" {
			continue
		}
		cfg.Functions = append(cfg.Functions, local.Function{
			Name: c.name, Command: c.command, Dir: c.dir, Handler: handlerOf(c), Layer: !c.sdk,
			Timeout: functionTimeout, MemoryMB: 128, Environment: map[string]string{"FIREDRILL_CONFIG": document},
		})
	}
	var err error
	h.Host, err = local.Start(t.Context(), cfg, local.Options{
		ProxyCommand: []string{proxy}, StateDir: t.TempDir(), Log: h.log, BaseEnv: os.Environ(), InitTimeout: functionTimeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Close(context.WithoutCancel(t.Context()))
		if t.Failed() {
			t.Logf("log:\n%s", h.log.String())
		}
	})
	return h
}

func handlerOf(c column) string {
	switch c.name {
	case "node":
		return "handler.handle"
	case "python":
		return "handle"
	}
	return local.DefaultHandler
}

// invoke has a function serve one event.
func (h *host) invoke(t *testing.T, c column, e event) answer {
	t.Helper()
	h.Injections("") // gives the process of the invocation before a moment to ask for its next
	e.Handled = filepath.Join(h.handled, c.name)
	_ = os.Remove(e.Handled) // of the invocation before
	payload, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	res, err := http.Post("http://"+h.LambdaAddr()+"/2015-03-31/functions/"+c.name+"/invocations", "application/json", bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{took: time.Since(begin), id: res.Header.Get("X-Amzn-Requestid")}
	if err := a.parse(body, res.Header.Get("X-Amz-Function-Error") != ""); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %d %s: %v", c.name, e.Case, res.StatusCode, body, err)
	}
	if text, err := os.ReadFile(e.Handled); err == nil {
		a.ran = strings.Count(string(text), e.Case+"\n")
	}
	return a
}

// A saying is what a function's log says about one injection.
type saying struct {
	fired        bool
	reason, note string
}

// record waits for the record of an injection: the layer answers first and writes then.
func (h *host) record(a answer, c column, kind fault.Kind) saying {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); ; <-again.C {
		if said := h.look(a, c, kind); said.reason != noRecord || time.Now().After(end) {
			return said
		}
	}
}

// patience is how long what must come may take on a busy machine.
const patience = 20 * time.Second

const noRecord = "no record"

// look finds the record of an injection. Where there is none, because the host cannot even see whether it would
// have been hit, a warning must say so.
func (h *host) look(a answer, c column, kind fault.Kind) saying {
	h.Injections("") // reads what the functions have written so far
	var found []fault.Record
	for line := range strings.Lines(h.log.String()) {
		name, rest, _ := strings.Cut(line, " | ")
		if strings.TrimSpace(name) != c.name {
			continue
		}
		if r, ok := fault.ParseRecord([]byte(rest)); ok && r.Kind == kind && (r.RequestID == a.id || kind == fault.ColdStart) {
			found = append(found, r)
		} else if !ok && strings.HasPrefix(rest, `{"firedrill":"problem"`) && strings.Contains(rest, fmt.Sprintf(`"field":%q`, kind)) {
			return saying{reason: fault.Unsupported + "; a warning says so"}
		}
	}
	switch {
	case len(found) == 0:
		return saying{reason: noRecord}
	case len(found) > 1 && kind != fault.ColdStart || // each environment starts once
		found[0].Planned != 1:
		return saying{reason: fmt.Sprintf("%d records, the first plans %d", len(found), found[0].Planned)}
	}
	return saying{fired: found[0].Fired == 1, reason: found[0].Reason, note: found[0].Note}
}

// log collects what the functions and the host write.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything so far.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
