package remote

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// What AWS answers beside documents, in its own words.
func TestAnswersOfAWS(t *testing.T) {
	for _, c := range []struct {
		place    string
		status   int
		body     string
		definite bool
		want     string
	}{
		{"ssm:x", 400, `{"__type":"ParameterNotFound"}`, true, "no such parameter"},
		{"ssm:x", 400, `{"__type":"com.amazonaws.ssm#ParameterVersionNotFound","message":"v"}`, true, "no such parameter"},
		{"ssm:x", 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`, false, "Rate exceeded"},
		{"ssm:x", 500, `{"__type":"InternalServerError"}`, false, "InternalServerError"},
		{"ssm:x", 400, `{"__type":"AccessDeniedException","message":"no"}`, true, "AccessDeniedException no"},
		{"ssm:x", 400, `{"__type":"ExpiredTokenException"}`, true, "ExpiredTokenException"},
		{"ssm:x", 400, `<html>`, true, "status 400"},
		{"ssm:x", 200, `<html>`, true, "has no parameter's value"},
		{"ssm:x", 200, `{"Parameter":{}}`, true, "has no parameter's value"},
		{"ssm:x", 200, `{"Parameter":{"Value":7}}`, true, "has no parameter's value"},
		{"ssm:x", 200, `{"Parameter":{"Value":"` + strings.Repeat("x", maxBody) + `"}}`, true, "more than"},
		{"s3://b/k", 404, `<Error><Code>NoSuchKey</Code></Error>`, true, "no such document"},
		{"s3://b/k", 403, `<Error><Code>AccessDenied</Code></Error>`, true, "AccessDenied"},
		{"s3://b/k", 400, `<Error><Code>ExpiredToken</Code></Error>`, true, "ExpiredToken"},
		{"s3://b/k", 301, `<Error><Code>PermanentRedirect</Code></Error>`, true, "PermanentRedirect"},
		{"s3://b/k", 503, `<Error><Code>SlowDown</Code></Error>`, false, "SlowDown"},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Header.Get("Authorization"), algorithm) {
				t.Errorf("%s is not signed", r.URL)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		getenv := environ("FIREDRILL_CONFIG", c.place, "AWS_ENDPOINT_URL", s.URL, "AWS_REGION", "r", "AWS_ACCESS_KEY_ID", "i", "AWS_SECRET_ACCESS_KEY", "s")
		p, _ := locate(getenv, &problemLog{})
		st, err := p.open(newClient(getenv))
		if err != nil {
			t.Fatal(err)
		}
		_, err = st.fetch(t.Context(), "")
		if err == nil || isDefinite(err) != c.definite || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %d %.60s: %v, want %q, definite %v", c.place, c.status, c.body, err, c.want, c.definite)
		}
	}
}

// Functions with SnapStart have no keys in their environment, but an endpoint that hands them out.
func TestContainerCredentials(t *testing.T) {
	var handed atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "let me in" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprintf(w, `{"AccessKeyId":"id%d","SecretAccessKey":"s","Token":"t","Expiration":%q}`,
			handed.Add(1), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339))
	})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("let me in\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file},
	} {
		handed.Store(0)
		c := &credentials{client: newClient(environ(append(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI", s.URL)...))}
		at := time.Date(2029, 12, 31, 23, 0, 0, 0, time.UTC)
		for _, step := range []struct {
			at     time.Time
			forget bool
			want   string
		}{{at, false, "id1"}, {at, false, "id1"}, {at.Add(56 * time.Minute), false, "id2"}, {at, true, "id3"}} {
			if step.forget {
				c.forget()
			}
			if got, err := c.get(t.Context(), step.at); err != nil || got != (keys{step.want, "s", "t"}) {
				t.Errorf("%v: %+v, %v, want %s", step.at, got, err, step.want)
			}
		}
	}
}

func TestCredentialsThatAreNotThere(t *testing.T) {
	down := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	empty := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	for _, c := range []struct {
		name     string
		env      []string
		definite bool
		want     string
	}{
		{"none", nil, true, "there are no AWS credentials"},
		{"half", []string{"AWS_ACCESS_KEY_ID", "i"}, true, "there are no AWS credentials"},
		{"plain HTTP to another host", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/"}, true, "neither https nor"},
		{"not a URL", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "x"}, true, "neither https nor"},
		{"refused", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", down.URL}, false, "status 403"},
		{"empty", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", empty.URL}, false, "has no keys"},
		{"a token that is not there", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", empty.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere"}, false, "/nowhere"},
	} {
		creds := &credentials{client: newClient(environ(c.env...))}
		_, err := creds.get(t.Context(), time.Now())
		if err == nil || isDefinite(err) != c.definite || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	c := &credentials{client: newClient(environ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"))}
	if got, err := c.endpoint(); err != nil || got != "http://169.254.170.2/v2/x" {
		t.Errorf("%s, %v", got, err)
	}
}
