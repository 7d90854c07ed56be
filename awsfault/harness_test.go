package awsfault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/awsfault"
	"github.com/firedrill-dev/firedrill/fault"
)

// world is a service on loopback, and a configuration that points there and has faults.
type world struct {
	cfg    aws.Config
	served atomic.Int32
	log    log
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
}

// log is where records go.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) records() (all []fault.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		if r, ok := fault.ParseRecord(line); ok {
			all = append(all, r)
		}
	}
	return all
}

// fixed is a source that never changes.
type fixed struct{ set *fault.Set }

func (f fixed) Faults(time.Time) *fault.Set { return f.set }

func noEnv(string) string { return "" }

// newWorld starts a service that answers {} unless told otherwise. document is a fault set.
func newWorld(t testing.TB, document string, change ...func(*aws.Config)) *world {
	t.Helper()
	w := &world{answer: func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = io.WriteString(w, "{}") }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.served.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.answer(rw, r, body)
	}))
	t.Cleanup(server.Close)
	w.cfg = aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
	for _, c := range change {
		c(&w.cfg)
	}
	awsfault.Install(&w.cfg, w.options(t, document)...)
	return w
}

func (w *world) options(t testing.TB, document string) []firedrill.Option {
	t.Helper()
	set, problems := fault.Parse([]byte(document))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return []firedrill.Option{firedrill.WithSource(fixed{set}), firedrill.WithLog(&w.log), firedrill.WithGetenv(noEnv)}
}

// invoke runs handle as one invocation of a wrapped function.
func (w *world) invoke(t testing.TB, document, event string, handle func(context.Context) error) error {
	t.Helper()
	handler := firedrill.Wrap(bytesHandler(func(ctx context.Context, _ []byte) ([]byte, error) { return nil, handle(ctx) }),
		w.options(t, document)...).(bytesInvoker)
	_, err := handler.Invoke(t.Context(), []byte(event))
	return err
}

type bytesInvoker interface {
	Invoke(context.Context, []byte) ([]byte, error)
}

type bytesHandler func(ctx context.Context, event []byte) ([]byte, error)

func (h bytesHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

// member is a fault set with an awscall of the given attributes.
func member(t testing.TB, attributes fault.Attributes) string {
	t.Helper()
	m, err := fault.Member(fault.AWSCall, attributes, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]json.RawMessage{"awscall": m})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
