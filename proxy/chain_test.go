package proxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/runtimeapi"
	"github.com/firedrill-dev/firedrill/source"
)

// second is another tool's wrapper: it puts a proxy of its own in front of the runtime.
func second(self string) {
	s := httptest.NewServer(counting(os.Getenv(RuntimeAPI), func(path string) { fmt.Fprintln(os.Stderr, "second passed", path) }))
	cmd := exec.CommandContext(context.Background(), self)
	cmd.Env = append(os.Environ(), role+"=function", RuntimeAPI+"="+s.Listener.Addr().String())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	fmt.Fprintln(os.Stderr, "second ends:", cmd.Run())
}

// counting is a proxy in front of a Runtime API that tells what has passed.
func counting(upstream string, passed func(path string)) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	p.ModifyResponse = func(r *http.Response) error {
		passed(strings.TrimPrefix(r.Request.URL.Path, "/2018-06-01/runtime/invocation/"))
		return nil
	}
	p.ErrorLog = log.New(io.Discard, "", 0) // the runtime's last poll is cut off
	return p
}

// serveAPI is a Runtime API at an address.
func serveAPI(t *testing.T) (api *runtimeapi.Server, address string) {
	t.Helper()
	api = runtimeapi.NewServer(0)
	s := httptest.NewServer(api)
	t.Cleanup(func() { // after the processes have ended
		api.Close()
		s.Close()
	})
	return api, s.Listener.Addr().String()
}

// startProcess starts the proxy in a process of its own, until the test ends.
func startProcess(t *testing.T, environ ...string) (cmd *exec.Cmd, said *safeBuffer) {
	t.Helper()
	said = &safeBuffer{}
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = slices.Concat(without(os.Environ(), role), []string{role + "=proxy"}, environ)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // passed on to the runtime
		_ = cmd.Wait()
	})
	return cmd, said
}

// wrapper is another tool's, of the usual make: it sets variables, and runs the rest of its command line.
func wrapper(t *testing.T, variables string) string {
	t.Helper()
	if goruntime.GOOS == "windows" {
		t.Skip("wrappers are scripts")
	}
	path := filepath.Join(t.TempDir(), "wrapper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexport "+variables+"\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// invokeTwice invokes without and with a fault, and returns what came back.
func invokeTwice(t *testing.T, api *runtimeapi.Server) (answers []string) {
	t.Helper()
	for _, sku := range []string{"good", "bad"} {
		r, err := api.Invoke(t.Context(), runtimeapi.Event{RequestID: sku, Payload: fmt.Appendf(nil, `{"sku":%q}`, sku), Deadline: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, string(r.Payload))
	}
	return answers
}

const (
	failsBad  = `FIREDRILL_CONFIG={"exception":{"enabled":true,"exception_msg":"drilled","match":[{"path":"sku","value":"bad"}]}}`
	failedBad = `{"errorMessage":"drilled","errorType":"InjectedException","stackTrace":[]}`
	soldGood  = `{"body":"sold good"}`
)

// The other wrapper runs first, and the proxy to which it leads the runtime becomes our upstream: so we stand
// behind an extension's proxy, whose upstream nobody can change.
func TestAnotherProxyBetweenUsAndLambda(t *testing.T) {
	api, address := serveAPI(t)
	passed := make(chan string, 100)
	other := httptest.NewServer(counting(address, func(path string) { passed <- path }))
	t.Cleanup(other.Close)
	_, said := startProcess(t, RuntimeAPI+"="+address, failsBad, "FIREDRILL_TEST_CHILD=function",
		Wrapper+"="+wrapper(t, RuntimeAPI+"="+other.Listener.Addr().String()))
	if diff := cmp.Diff([]string{soldGood, failedBad}, invokeTwice(t, api)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	for tick := time.NewTicker(time.Millisecond); len(said.records()) == 0; <-tick.C { // it is written once the answer has been taken
	}
	if diff := cmp.Diff([]string{"bad exception 1/1"}, said.records()); diff != "" {
		t.Errorf("records (-want +got):\n%s\n%s", diff, said)
	}
	if got := []string{<-passed, <-passed, <-passed, <-passed}; !slices.Equal(got, []string{"next", "good/response", "next", "bad/error"}) {
		t.Errorf("the other proxy passed %q", got)
	}
}

// A wrapper in the command gets our address as its Runtime API. It sees no invocation that a fault has ended.
func TestAnotherProxyBehindUs(t *testing.T) {
	api, address := serveAPI(t)
	_, said := startProcess(t, RuntimeAPI+"="+address, failsBad, "FIREDRILL_TEST_CHILD=second")
	if diff := cmp.Diff([]string{soldGood, failedBad}, invokeTwice(t, api)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	log := said.String()
	if !strings.Contains(log, "second passed next") || !strings.Contains(log, "second passed good/response") || strings.Contains(log, "second passed bad/") {
		t.Errorf("the other proxy: %s", log)
	}
}

// What a wrapper sets reaches the runtime; a wrapper that is not there is one log line; neither is lost or in the
// way when we are disabled.
func TestWrapperIsRunWhateverWeAre(t *testing.T) {
	there := wrapper(t, "FIREDRILL_TEST_CHILD=exit")
	for _, c := range []struct {
		name    string
		environ []string
		code    int
		said    string
	}{
		{"runs", []string{Wrapper + "=" + there}, 7, `"listening"`},
		{"disabled", []string{Wrapper + "=" + there, source.Disabled + "=true"}, 7, ""},
		{"behind", []string{WrapperBehind + "=" + there, "FIREDRILL_TEST_CHILD=again"}, 7, `"listening"`},
		{"behind, disabled", []string{WrapperBehind + "=" + there, "FIREDRILL_TEST_CHILD=again", source.Disabled + "=true"}, 7, ""},
		{"behind, missing", []string{WrapperBehind + "=/opt/none", "FIREDRILL_TEST_CHILD=exit"}, 7, "/opt/none"},
		{"missing", []string{Wrapper + "=/opt/none", "FIREDRILL_TEST_CHILD=exit"}, 7, "/opt/none"},
		{"nested", []string{source.Proxied + "=true", "FIREDRILL_TEST_CHILD=exit"}, 7, source.Proxied},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, said := startProcess(t, append(c.environ, RuntimeAPI+"=127.0.0.1:1")...)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.code || !strings.Contains(said.String(), c.said) || (c.said == "" && said.String() != "") {
				t.Errorf("code %d, said %q", got, said)
			}
		})
	}
}

// Some wrappers put flags after the first word of the command line, where they expect the runtime.
func TestFlagsOfAnotherWrapperAreTheRuntimes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"/bin/java -jar x", "/bin/java -jar x"},
		{"-javaagent:/opt/a.jar -X y /bin/java -jar x", "/bin/java -javaagent:/opt/a.jar -X y -jar x"},
		{"/bin/other /bin/java", "/bin/java /bin/other"},
		{"/bin/other x", "/bin/other x"},
	} {
		if got := strings.Join(unwrapped("/bin/java", strings.Fields(c.args)), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
	if goruntime.GOOS == "windows" {
		t.Skip("wrappers are scripts")
	}
	inserting := filepath.Join(t.TempDir(), "wrapper")
	if err := os.WriteFile(inserting, []byte("#!/bin/sh\nfirst=$1\nshift\nexec \"$first\" -javaagent:x \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "echo", "a", "b")
	cmd.Env = append(os.Environ(), role+"=proxy", RuntimeAPI+"=127.0.0.1:1", Wrapper+"="+inserting)
	if out, err := cmd.Output(); err != nil || string(out) != "-javaagent:x a b\n" {
		t.Errorf("%q, %v", out, err)
	}
}

// An extension that was told our port needs us there, disabled or not.
func TestFixedPort(t *testing.T) {
	_, address := serveAPI(t)
	for _, disabled := range []string{"false", "true"} {
		for { // until nobody takes the port before us
			port := freePort(t)
			code, stdout, said, err := run(t, "exit", Command{}, RuntimeAPI+"="+address, Port+"="+port, source.Disabled+"="+disabled, failsBad)
			if strings.Contains(said, "cannot listen") {
				continue
			}
			if code != 7 || strings.TrimSpace(stdout) != "127.0.0.1:"+port || err != nil {
				t.Errorf("disabled %s: code %d, %v, the Runtime API is at %q, said %s", disabled, code, err, stdout, said)
			}
			break
		}
	}
	if _, stdout, said, _ := run(t, "exit", Command{}, RuntimeAPI+"="+address, Port+"=http"); !strings.Contains(said, Port) || !strings.HasPrefix(stdout, "127.0.0.1:") {
		t.Errorf("%q, %s", stdout, said)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestBehindIsDecidedByName(t *testing.T) {
	for program, want := range map[string][]string{
		"/opt/firedrill-proxy":                   nil,
		"/var/task/bootstrap":                    {"/var/task/bootstrap.firedrill-original", "a", "-verbose"},
		"/var/task/bootstrap.firedrill-original": nil,
	} {
		got, ok := Behind(program, []string{"a", "-verbose"})
		if diff := cmp.Diff(want, got); diff != "" || ok != (want != nil) {
			t.Errorf("%s: %v, %s", program, ok, diff)
		}
	}
}
