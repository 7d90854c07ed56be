package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/internal/moto"
)

// A dropIn is a function behind the layer whose fault document, and the variable that names it, are another tool's.
type dropIn struct {
	name     string
	variable string // that names the document
	document string // in testdata/dropin
	set      string // members that are changed in it, as JSON
	kind     string // of the fault that is on then
	check    func(got answer) string
}

// An answer is what a client sees of one invocation.
type answer struct {
	took    time.Duration
	failed  bool
	payload string
}

func (a answer) late(least time.Duration) string {
	if a.took < least || !a.normal() {
		return fmt.Sprintf("want the usual answer after %s", least)
	}
	return ""
}

func (a answer) normal() bool {
	return !a.failed && strings.Contains(a.payload, `"statusCode":200`) && strings.Contains(a.payload, "hello, you")
}

func (a answer) says(failed bool, texts ...string) string {
	for _, text := range texts {
		if a.failed != failed || !strings.Contains(a.payload, text) {
			return fmt.Sprintf("want %q, failed %t", texts, failed)
		}
	}
	return ""
}

// dropIns are what the other tools' own introductions show, one kind of fault switched on at a time.
func dropIns() []dropIn {
	const param, profile, chaos = "FAILURE_INJECTION_PARAM", "FAILURE_APPCONFIG_CONFIGURATION", "CHAOS_PARAM"
	const old, new, python = "failure-lambda-0.x", "failure-lambda-1.x", "chaos-lambda"
	late := func(least time.Duration) func(answer) string {
		return func(a answer) string { return a.late(least) }
	}
	says := func(failed bool, texts ...string) func(answer) string {
		return func(a answer) string { return a.says(failed, texts...) }
	}
	usual := func(a answer) string { return a.late(0) }
	return []dropIn{
		{"old-latency", param, old, `{"isEnabled":true}`, "latency", late(100 * time.Millisecond)},
		{"old-exception", param, old, `{"isEnabled":true,"failureMode":"exception"}`, "exception", says(true, `"errorMessage":"Exception message!"`)},
		{"old-statuscode", param, old, `{"isEnabled":true,"failureMode":"statuscode"}`, "statuscode", says(false, `"statusCode":404`)},
		{"old-diskspace", param, old, `{"isEnabled":true,"failureMode":"diskspace"}`, "diskspace", usual},
		{"new-latency", param, new, `{"latency":{"enabled":true,"min_latency":100,"max_latency":400}}`, "latency", late(100 * time.Millisecond)},
		{"new-exception", param, new, `{"exception":{"enabled":true,"exception_msg":"Exception message!"}}`, "exception", says(true, `"errorMessage":"Exception message!"`)},
		{"new-statuscode", param, new, `{"statuscode":{"enabled":true,"status_code":404}}`, "statuscode", says(false, `"statusCode":404`, "Injected status code 404")},
		{"new-diskspace", param, new, `{"diskspace":{"enabled":true,"disk_space":100}}`, "diskspace", usual},
		{"new-timeout", param, new, `{"timeout":{"enabled":true,"timeout_buffer_ms":500}}`, "timeout", late(2 * time.Second)},
		{"new-corruption", param, new, `{"corruption":{"enabled":true,"body":"{\"error\": \"corrupted\"}"}}`, "corruption", says(false, `{\"error\": \"corrupted\"}`)},
		{"profile-statuscode", profile, new, `{"statuscode":{"enabled":true,"status_code":404}}`, "statuscode", says(false, `"statusCode":404`)},
		{"profile-old-exception", profile, old, `{"isEnabled":true,"failureMode":"exception"}`, "exception", says(true, `"errorMessage":"Exception message!"`)},
		{"chaos-latency", chaos, python, `{"is_enabled":true,"fault_type":"latency"}`, "latency", late(400 * time.Millisecond)},
		{"chaos-exception", chaos, python, `{"is_enabled":true}`, "exception", says(true, `"errorMessage":"This is chaos"`)},
		{"chaos-status", chaos, python, `{"is_enabled":true,"fault_type":"status_code"}`, "statuscode", says(false, `"statusCode":404`, "hello, you")},
	}
}

// text is the document with one kind of fault switched on.
func (d dropIn) text(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "dropin", d.document+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err == nil {
		err = json.Unmarshal([]byte(d.set), &members)
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err = json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDropIn proves that functions change the layer, and nothing else: documents of other tools, where those tools
// keep them, named by their variables, have the effect that they had.
func TestDropIn(t *testing.T) {
	stand := moto.Start(t)
	cases := append(dropIns(), dropIn{"older", "CHAOS_PARAM", "chaos-lambda-older", `{}`, "", nil})
	profiles := map[string]string{}
	for _, d := range cases {
		if d.variable == "FAILURE_APPCONFIG_CONFIGURATION" {
			profiles[d.name] = d.text(t)
		} else {
			putParameter(t, stand, d.name, d.text(t))
		}
	}
	functions, port := "version: 1\nlambda: {listen: 127.0.0.1:0}\nfunctions:\n", startExtension(t, profiles)
	for _, d := range cases {
		environment := fmt.Sprintf("%s: %q, AWS_ENDPOINT_URL_SSM: %q, FAILURE_APPCONFIG_APPLICATION: shop, FAILURE_APPCONFIG_ENVIRONMENT: prod, AWS_APPCONFIG_EXTENSION_HTTP_PORT: %q, %s: '1'",
			d.variable, d.name, stand, port, asFiredrill)
		functions += fmt.Sprintf("  %s: {command: [\"${self}\", demo, function, hello], layer: true, timeout: 3s, environment: {%s}}\n", d.name, environment)
	}
	host := startLocal(t, functions)
	for _, d := range cases {
		t.Run(d.name, func(t *testing.T) { d.drive(t, host) })
	}
}

// drive invokes the function until its client, and its log, show what they should.
func (d dropIn) drive(t *testing.T, host localHost) {
	line := []string{`"kind":"` + d.kind + `"`, `"fired":1`}
	if d.check == nil { // refused: the function runs as if nothing were there, and its log says why
		d.check, line = func(a answer) string { return a.late(0) }, []string{`"firedrill":"problem"`, "decorator in the code"}
	}
	host.until(t, d.name, d.check, line...)
}

// startExtension serves documents by profile as AWS's AppConfig extension does, and returns its port.
func startExtension(t *testing.T, documents map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, ok := documents[strings.TrimPrefix(r.URL.Path, "/applications/shop/environments/prod/configurations/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, document)
	}))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// putParameter stores a document in Parameter Store's stand-in.
func putParameter(t *testing.T, stand, name, text string) {
	t.Helper()
	client := ssm.New(ssm.Options{Region: "us-east-1", BaseEndpoint: aws.String(stand), Credentials: localCredentials{}})
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(name), Value: aws.String(text), Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
}

// localHost is a running "firedrill local".
type localHost struct {
	lambda, api string
	logs        *lockedBuffer
}

// lockedBuffer is a buffer that is read while a process writes to it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func startLocal(t *testing.T, functions string) localHost {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no Ctrl-C to send to a process on Windows")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "functions.yaml"), []byte(functions), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := command(ctx, dir, "local", "functions.yaml", "--output", "json")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	h := localHost{logs: &lockedBuffer{}}
	cmd.Stderr = h.logs
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // ended by the interrupt
	})
	var addresses struct{ API, Lambda string }
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&addresses); err != nil {
		t.Fatalf("%v\n%s", err, h.logs)
	}
	h.lambda, h.api = addresses.Lambda, addresses.API
	return h
}

func (h localHost) invoke(t *testing.T, function string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.lambda+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	payload, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{time.Since(start), resp.Header.Get("X-Amz-Function-Error") != "", string(payload)}
}

// until invokes a function until a client sees what it should, and a line of the log has what it should: the document
// is read beside the first invocations.
func (h localHost) until(t *testing.T, function string, check func(answer) string, line ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got := h.invoke(t, function)
		wrong := check(got)
		if wrong == "" && h.logged(function, line...) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s and %q in the log, got %+v\n%s", wrong, line, got, h.logs)
		}
	}
}

// logged reports whether a line of a function's log has all of some texts.
func (h localHost) logged(function string, texts ...string) bool {
	for line := range strings.Lines(h.logs.String()) {
		all := strings.Contains(line, function)
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			return true
		}
	}
	return false
}
