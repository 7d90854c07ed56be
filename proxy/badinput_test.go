package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/conformance"
	"github.com/firedrill-dev/firedrill/runtimeapi"
	"github.com/firedrill-dev/firedrill/source"
)

// Whatever is wrong with a fault set, it is one line in the log that names the field, and events and answers pass as
// if there were none.
func TestBadInput(t *testing.T) {
	const event, response = `{"Records":[{"messageId":"1","eventSource":"aws:sqs"}],"a":"b","body":"c"}`, `{"statusCode":200,"body":"d"}`
	posted := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set(runtimeapi.HeaderRequestID, "r-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			_, _ = io.WriteString(w, event)
			return
		}
		body, _ := io.ReadAll(r.Body)
		posted <- r.URL.Path + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer upstream.Close()
	for _, in := range conformance.BadInputs(time.Now()) {
		t.Run(in.Name, func(t *testing.T) {
			env := map[string]string{source.Config: "env:FAULTS", "FAULTS": in.Document}
			for i := 0; i < len(in.Env); i += 2 {
				env[in.Env[i]] = in.Env[i+1]
			}
			log := &safeBuffer{}
			g := start(t, upstream.Listener.Addr().String(), Options{Source: source.FromEnv(func(name string) string { return env[name] }, log)})
			c := g.dial(t)
			defer c.Close()
			c.send("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
			if resp, body := c.answer(http.MethodGet); resp.StatusCode != http.StatusOK || body != event {
				t.Errorf("the runtime got %d %s", resp.StatusCode, body)
			}
			c.send(posts(response)("r-1"))
			if resp, _ := c.answer(http.MethodPost); resp.StatusCode != http.StatusAccepted {
				t.Errorf("the runtime was answered %d", resp.StatusCode)
			}
			if got, want := <-posted, runtimeapi.PathInvocation+"r-1/response "+response; got != want {
				t.Errorf("Lambda got %s", got)
			}
			checkProblem(t, log.String()+g.log.String(), in.Field)
		})
	}
}

// checkProblem wants one line in a log: a problem with a field, and a reason that is not too long.
func checkProblem(t *testing.T, log, field string) {
	t.Helper()
	var line struct{ Firedrill, Field, Message string }
	if err := json.Unmarshal([]byte(log), &line); err != nil || strings.Count(log, "\n") != 1 {
		t.Fatalf("the log is %.2000s, not one line", log)
	}
	if line.Firedrill != "problem" || line.Field != field || line.Message == "" || len(log) > 4000 {
		t.Errorf("the line is %.4000s, want the field %q", log, field)
	}
}
