package remote

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/source"
)

// canned answers every request with the same.
type canned struct {
	status int
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{"Etag": {string(c.body)}}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

// Whatever a store answers, the function goes on, and the log gets whole lines.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{armed, `{"Parameter":{"Value":"{}"}}`, `{"__type":"x#ThrottlingException","message":"y"}`,
		`<Error><Code>AccessDenied</Code><Message>no</Message></Error>`, "", "\x00\xff", `{"AccessKeyId":"a","SecretAccessKey":"b"}`} {
		f.Add(200, []byte(seed))
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, config := range []string{"ssm:x", "s3://b/k", "appconfig:a/b/c", "https://h/"} {
			getenv := environ("FIREDRILL_CONFIG", config, "AWS_REGION", "r", "AWS_ACCESS_KEY_ID", "i", "AWS_SECRET_ACCESS_KEY", "s")
			log := &safeBuffer{}
			p, _ := locate(getenv, &problemLog{w: log})
			c := newClient(getenv)
			c.http.Transport = canned{status, body}
			st, err := p.open(c)
			if err != nil {
				t.Fatal(err)
			}
			l := newLive(t.Context(), p, st, &source.Gate{}, &problemLog{w: log})
			for range 2 {
				got, err := st.fetch(t.Context(), l.etag)
				l.settle(got, err, time.Now())
			}
			if text := log.String(); text != "" && text[len(text)-1] != '\n' {
				t.Errorf("log %q", text)
			}
		}
	})
}
