package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// environ looks variables up in a list of names and values.
func environ(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

// serve runs a real server until the test ends.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// ask opens a URL and asks it once, with time enough for a slow machine.
func ask(t testing.TB, address, etag string) (answer, error) {
	t.Helper()
	st, err := openURL(newClient(environ()), address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return st.fetch(ctx, etag)
}

func isDefinite(err error) bool {
	_, ok := definite(err)
	return ok
}

func TestURLWithETag(t *testing.T) {
	var sent atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent.Add(1)
		_, _ = io.WriteString(w, armed)
	})
	first, err := ask(t, s.URL, "")
	if err != nil || string(first.body) != armed || first.etag != `"v1"` {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := ask(t, s.URL, first.etag)
	if err != nil || !again.same || sent.Load() != 1 {
		t.Errorf("%+v, %v, sent %d times", again, err, sent.Load())
	}
}

func TestStatuses(t *testing.T) {
	for _, c := range []struct {
		status   int
		body     string
		definite bool
		want     string
	}{
		{204, "", false, ""},
		{301, "", true, "status 301"},
		{304, "", true, "status 304"}, // though nobody asked whether it is the same
		{400, "no such <b>thing</b>\n\x00\xff", true, "status 400: no such <b>thing</b>"},
		{401, "", true, "status 401"},
		{403, strings.Repeat("no ", 1000), true, "..."},
		{404, "", true, "no such document"},
		{408, "", false, "status 408"},
		{429, "slow down", false, "status 429: slow down"},
		{500, "", false, "status 500"},
		{503, "", false, "status 503"},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := ask(t, s.URL, "")
		if c.want == "" {
			if err != nil {
				t.Errorf("%d: %v", c.status, err)
			}
			continue
		}
		if err == nil || isDefinite(err) != c.definite || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
			t.Errorf("%d: %v, want %q, definite %v", c.status, err, c.want, c.definite)
		}
	}
}

func TestHostileBodies(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   func(w http.ResponseWriter)
		definite bool
		want     string
	}{
		{"10 MB of junk", func(w http.ResponseWriter) {
			for range 10 << 4 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, true, "more than 262144 bytes"},
		{"a head of 1 MB", func(w http.ResponseWriter) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, false, "exceed"},
		{"a body that breaks off", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, armed)
		}, false, "read the answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { c.answer(w) }).URL, "")
			if err == nil || isDefinite(err) != c.definite || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	got, err := ask(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", strings.Repeat("x", maxETag+1)) }).URL, "")
	if err != nil || got.etag != "" {
		t.Errorf("a long ETag: %+v, %v", got, err)
	}
}

// A server that accepts and never answers costs one attempt its time.
func TestHangingServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	st, err := openURL(newClient(environ()), "http://"+ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := st.fetch(ctx, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Credentials come from addresses on this host, and must not go through somebody's proxy.
func TestNoProxyOnThisHost(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://proxy.example:1") // read once in a process, so this may come too late to matter
	for _, address := range []string{"http://169.254.170.2/x", "http://169.254.170.23/x", "http://[fd00:ec2::23]/x", "http://127.0.0.1:9/x", "http://localhost/x"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := outward(r); u != nil || err != nil {
			t.Errorf("%s goes through %v, %v", address, u, err)
		}
	}
	for host, want := range map[string]bool{"169.254.170.3": false, "169.254.169.254": false, "evil.example": false, "127.0.0.1.evil.example": false, "::1": true} {
		if private(host) != want {
			t.Errorf("%s: private %v", host, !want)
		}
	}
}

// An address may hold secrets; the log must not.
func TestSecretsAreNotShown(t *testing.T) {
	for config, want := range map[string]string{
		"https://user:hunter2@h/a?X-Amz-Signature=hunter2#hunter2": "https://user:xxxxx@h/a",
		"https://h:hunter2/":   "https://...",
		"ssm:/faults":          "ssm:/faults",
		"http://h/%zz?hunter2": "http://...",
	} {
		if got := shown(config); got != want {
			t.Errorf("%s is shown as %s, want %s", config, got, want)
		}
	}
	_, err := ask(t, "http://user:hunter2@127.0.0.1:1/a?hunter2", "")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestAppConfigExtension(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() {
		case "/applications/shop/environments/prod/configurations/faults": // free-form
			_, _ = io.WriteString(w, armed)
		case "/applications/a%2Fb/environments/e%20f/configurations/flags%3F": // feature flags hide what is off
			w.Header().Set("Configuration-Version", "3")
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"latency":{"enabled":true,"min_latency":100,"max_latency":100},"exception":{"enabled":false}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, "Resource not found: ", r.URL.Path)
		}
	})
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	for _, c := range []struct {
		name string
		env  []string
		want bool
		log  string
	}{
		{"free-form", []string{"FIREDRILL_CONFIG", "appconfig:shop/prod/faults"}, true, ""},
		{"failure-lambda's variables", []string{FailureApplication, "a/b", FailureEnvironment, "e f", FailureConfiguration, "flags?"}, true, ""},
		{"not there", []string{"FIREDRILL_CONFIG", "appconfig:shop/prod/none"}, false, "no such document"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fromEnv(t, append(c.env, ExtensionPort, port)...)
			f.settled(c.want, c.log)
		})
	}
	t.Run("no extension", func(t *testing.T) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		_ = ln.Close()
		fromEnv(t, "FIREDRILL_CONFIG", "appconfig:a/b/c", ExtensionPort, port).settled(false, "extension attached")
	})
}
