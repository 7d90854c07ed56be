package proxy

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

const twice = `{"redelivery":{"enabled":true}}`

// dial is a connection of a runtime that the test plays.
func (w *world) dial(t *testing.T) *raw {
	t.Helper()
	c, err := w.network.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &raw{c, bufio.NewReader(c), t}
}

// invoke has Lambda deliver an event. The answer comes when there is one.
func (w *world) invoke(t *testing.T, id string) <-chan invoked {
	return w.invokeWithin(t, id, time.Minute) // of fake time
}

func (w *world) invokeWithin(t *testing.T, id string, limit time.Duration) <-chan invoked {
	answers := make(chan invoked, 1)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	go func() {
		defer cancel()
		r, err := w.api.Invoke(ctx, runtimeapi.Event{RequestID: id, Payload: []byte(`{"n":1}`), Deadline: time.Now().Add(limit), TraceID: "Root=1"})
		answers <- invoked{r, err}
	}()
	return answers
}

type invoked struct {
	runtimeapi.Result
	err error
}

const askNext = "GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n"

// next asks for an event and returns its id, body and deadline.
func (c *raw) next() string {
	c.t.Helper()
	c.send(askNext)
	resp, body := c.answer("GET")
	return fmt.Sprint(resp.StatusCode, " ", resp.Header.Get(runtimeapi.HeaderRequestID), " ", body, " ",
		resp.Header.Get(runtimeapi.HeaderDeadline) != "", resp.Header.Get(runtimeapi.HeaderTraceID))
}

const theEvent = `200 r-1 {"n":1} trueRoot=1`

// post answers an event, and fails the test unless that is accepted.
func (c *raw) post(request string) {
	c.t.Helper()
	c.send(request)
	if resp, body := c.answer("POST"); resp.StatusCode != http.StatusAccepted {
		c.t.Fatalf("answered %d %s", resp.StatusCode, body)
	}
}

func respondWith(body string) string {
	return fmt.Sprintf("POST %sr-1/response HTTP/1.1\r\nHost: x\r\nContent-Type: text/%s\r\nContent-Length: %d\r\n\r\n%s", runtimeapi.PathInvocation, body, len(body), body)
}

func failWith(kind string) string {
	body := fmt.Sprintf(`{"errorType":%q}`, kind)
	return fmt.Sprintf("POST %sr-1/error HTTP/1.1\r\nHost: x\r\nLambda-Runtime-Function-Error-Type: %s\r\nContent-Length: %d\r\n\r\n%s", runtimeapi.PathInvocation, kind, len(body), body)
}

func streamOf(body, failure string) string {
	head := "POST " + runtimeapi.PathInvocation + "r-1/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n" +
		"Content-Type: text/plain\r\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
	end := "0\r\n\r\n"
	if failure != "" {
		end = "0\r\nLambda-Runtime-Function-Error-Type: " + failure + "\r\nLambda-Runtime-Function-Error-Body: " + base64.StdEncoding.EncodeToString([]byte("{}")) + "\r\n\r\n"
	}
	return fmt.Sprintf("%s%x\r\n%s\r\n%s", head, len(body), body, end)
}

// notes are the records of a log with their notes.
func (b *safeBuffer) notes() (all []string) {
	for line := range strings.Lines(b.String()) {
		if r, ok := fault.ParseRecord([]byte(line)); ok {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %d/%d %s%s", r.Kind, r.Fired, r.Planned, r.Reason, r.Note)))
		}
	}
	return all
}

// The runtime gets the same event twice, and Lambda one of the two answers, whole.
func TestRedelivery(t *testing.T) {
	const second = `{"redelivery":{"enabled":true,"answer":"second"}}`
	for _, c := range []struct {
		name, document string
		answers        []string // of the runtime
		want           runtimeapi.Result
		records        []string
	}{
		{"alike", twice, []string{respondWith("one"), respondWith("one")},
			runtimeapi.Result{Payload: []byte("one"), ContentType: "text/one"}, []string{"redelivery 1/1 " + fault.AnsweredAlike}},
		{"different", twice, []string{respondWith("one"), respondWith("two")},
			runtimeapi.Result{Payload: []byte("one"), ContentType: "text/one"}, []string{"redelivery 1/1 " + fault.AnsweredDifferently}},
		{"the second counts", second, []string{respondWith("one"), respondWith("two")},
			runtimeapi.Result{Payload: []byte("two"), ContentType: "text/two"}, []string{"redelivery 1/1 " + fault.AnsweredDifferently}},
		{"fails", twice, []string{respondWith("one"), failWith("Boom")},
			runtimeapi.Result{Payload: []byte("one"), ContentType: "text/one"}, []string{"redelivery 1/1 " + fault.AnsweredOnce}},
		{"fails and counts", second, []string{respondWith("one"), failWith("Boom")},
			runtimeapi.Result{Payload: []byte(`{"errorType":"Boom"}`), Failed: true, ErrorType: "Boom"}, []string{"redelivery 1/1 " + fault.AnsweredOnce}},
		{"the first fails", twice, []string{failWith("Boom")},
			runtimeapi.Result{Payload: []byte(`{"errorType":"Boom"}`), Failed: true, ErrorType: "Boom"}, []string{"redelivery 0/1 the handler itself failed"}},
		{"streams", twice, []string{streamOf("one", ""), streamOf("two", "")},
			runtimeapi.Result{Payload: []byte("one"), ContentType: "text/plain", Streaming: true}, []string{"redelivery 1/1 " + fault.AnsweredDifferently}},
		{"a stream fails", second, []string{streamOf("one", ""), streamOf("two", "Boom")},
			runtimeapi.Result{Payload: []byte("{}"), ContentType: "text/plain", Streaming: true, Failed: true, ErrorType: "Boom", Partial: []byte("two")},
			[]string{"redelivery 1/1 " + fault.AnsweredOnce}},
		{"the first stream fails", twice, []string{streamOf("one", "Boom")},
			runtimeapi.Result{Payload: []byte("{}"), ContentType: "text/plain", Streaming: true, Failed: true, ErrorType: "Boom", Partial: []byte("one")},
			[]string{"redelivery 0/1 the handler itself failed"}},
		{"a response too large to hold, then a status", `{"redelivery":{"enabled":true},"fail-after":{"enabled":true}}`, []string{streamOf(strings.Repeat("x", maxHeld+1), "")},
			runtimeapi.Result{Payload: []byte(`{"errorMessage":"Injected exception","errorType":"InjectedException","stackTrace":[]}`), ContentType: "application/json", Failed: true, ErrorType: "InjectedException"},
			[]string{"redelivery 0/1 the response is too large to hold", "fail-after 1/1"}},
		{"a failure after both", `{"redelivery":{"enabled":true},"fail-after":{"enabled":true}}`, []string{respondWith("one"), failWith("Boom")},
			runtimeapi.Result{Payload: []byte(`{"errorMessage":"Injected exception","errorType":"InjectedException","stackTrace":[]}`), ContentType: "application/json", Failed: true, ErrorType: "InjectedException"},
			[]string{"redelivery 1/1 " + fault.AnsweredOnce, "fail-after 1/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, parse(t, c.document), time.Time{}, nil, func(t *testing.T, w *world) {
				got := w.invoke(t, "r-1")
				runtime := w.dial(t)
				for n, answer := range c.answers {
					if event := runtime.next(); event != theEvent {
						t.Errorf("delivery %d: %s", n, event)
					}
					runtime.post(answer)
				}
				if r := <-got; r.err != nil || !cmp.Equal(r.Result, c.want) {
					t.Errorf("Lambda got %v, %s", r.err, cmp.Diff(c.want, r.Result))
				}
				synctest.Wait()
				if diff := cmp.Diff(c.records, w.log.notes()); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				w.serves(t, runtime)
			})
		})
	}
}

// serves checks that another invocation can be delivered twice: nothing is left of those before.
func (w *world) serves(t *testing.T, runtime *raw) {
	t.Helper()
	got := w.invoke(t, "r-1")
	for range 2 {
		if event := runtime.next(); event != theEvent {
			t.Errorf("the next event: %s", event)
		}
		runtime.post(respondWith("last"))
	}
	if r := <-got; r.err != nil {
		t.Errorf("the next answer: %+v", r)
	}
}

// Each on a connection of its own, or all in one breath.
func TestRedeliveryOnOtherConnections(t *testing.T) {
	inWorld(t, parse(t, twice), time.Time{}, nil, func(t *testing.T, w *world) {
		got := w.invoke(t, "r-1")
		for range 2 {
			if event := w.dial(t).next(); event != theEvent {
				t.Error(event)
			}
			w.dial(t).post(strings.Replace(respondWith("one"), "Host: x\r\n", "Connection: close\r\n", 1))
		}
		if r := <-got; string(r.Payload) != "one" {
			t.Errorf("%+v", r)
		}
		pipelined := w.dial(t)
		got = w.invoke(t, "r-1")
		if event := pipelined.next(); event != theEvent {
			t.Error(event)
		}
		go pipelined.send(respondWith("one") + askNext + respondWith("two"))
		for _, want := range []int{202, 200, 202} {
			if resp, body := pipelined.answer(""); resp.StatusCode != want {
				t.Errorf("answered %d %s, want %d", resp.StatusCode, body, want)
			}
		}
		if r := <-got; string(r.Payload) != "one" {
			t.Errorf("%+v", r)
		}
	})
}

// A runtime that goes away before it has the second event gets it on its next connection.
func TestRedeliveryIsNotLostOnTheWay(t *testing.T) {
	inWorld(t, parse(t, twice), time.Time{}, nil, func(t *testing.T, w *world) {
		got := w.invoke(t, "r-1")
		runtime := w.dial(t)
		runtime.next()
		runtime.post(respondWith("one"))
		runtime.send(askNext) // nothing is read of the answer
		synctest.Wait()
		_ = runtime.Close()
		synctest.Wait()
		runtime = w.dial(t)
		if event := runtime.next(); event != theEvent {
			t.Error(event)
		}
		runtime.post(respondWith("one"))
		if r := <-got; string(r.Payload) != "one" {
			t.Errorf("%+v", r)
		}
		if notes := w.log.notes(); len(notes) != 1 || notes[0] != "redelivery 1/1 "+fault.AnsweredAlike {
			t.Errorf("records %q", notes)
		}
	})
}

// A runtime that asks for events on one connection and answers on another may never come for the second delivery:
// Lambda has the first answer soon.
func TestRedeliveryThatNobodyAsksFor(t *testing.T) {
	for limit, waits := range map[time.Duration]time.Duration{time.Minute: comesBack, time.Second: time.Second / 2} {
		nobodyAsks(t, limit, waits)
	}
}

func nobodyAsks(t *testing.T, limit, waits time.Duration) {
	inWorld(t, parse(t, `{"redelivery":{"enabled":true},"corruption":{"enabled":true,"body":"changed"}}`), time.Time{}, nil, func(t *testing.T, w *world) {
		got := w.invokeWithin(t, "r-1", limit)
		poller, worker := w.dial(t), w.dial(t)
		poller.next()
		begin := time.Now()
		worker.post(respondWith(`{"body":"one"}`))
		if r := <-got; string(r.Payload) != `{"body":"changed"}` || time.Since(begin) != waits {
			t.Errorf("%+v after %v", r, time.Since(begin))
		}
		synctest.Wait()
		if diff := cmp.Diff([]string{"redelivery 0/1 " + neverAsked, "corruption 1/1"}, w.log.notes()); diff != "" {
			t.Error(diff)
		}
		w.serves(t, poller)
	})
}

// What was held is given back, and so recorded, before Lambda has the answer, whoever hands that over.
func TestRedeliveryGivesBackBeforeTheAnswer(t *testing.T) {
	for _, dies := range []bool{false, true} {
		inWorld(t, parse(t, twice), time.Time{}, nil, func(t *testing.T, w *world) {
			got := w.invoke(t, "r-1")
			poller, worker := w.dial(t), w.dial(t)
			poller.next()
			synctest.Wait()
			plan, _ := w.proxy.plans.take([]byte("r-1"))
			early := make(chan bool, 1)
			plan.held.add(func() {
				time.Sleep(time.Second) // of fake time: whatever is under way comes to its end
				early <- len(got) == 0
			}, time.Time{})
			w.proxy.plans.put(plan)
			worker.post(respondWith("one"))
			if dies {
				poller.next()
				w.proxy.Close()
			}
			if !<-early {
				t.Errorf("dies %v: given back after Lambda had the answer", dies)
			}
			if r := <-got; string(r.Payload) != "one" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// What a runtime has answered stands, even if it dies before its second answer.
func TestRedeliveryToARuntimeThatDies(t *testing.T) {
	for _, c := range []struct {
		name, document string
		asks, dies     bool // for the second delivery; in the middle of its second answer
		want           string
		record         string
	}{
		{"before it asks", twice, false, false, "one", "redelivery 0/1 the runtime went away"},
		{"during it", twice, true, false, "one", "redelivery 1/1 " + fault.AnsweredOnce},
		{"in its answer", twice, true, true, "one", "redelivery 1/1 " + fault.AnsweredOnce},
		{"and its answer counts", `{"redelivery":{"enabled":true,"answer":"second"}}`, true, false, "", "redelivery 1/1 " + fault.AnsweredOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, parse(t, c.document), time.Time{}, nil, func(t *testing.T, w *world) {
				got := w.invoke(t, "r-1")
				runtime := w.dial(t)
				runtime.next()
				synctest.Wait() // or Lambda may take the event to be lost with the connection
				runtime.post(respondWith("one"))
				if c.asks {
					runtime.next()
				}
				if c.dies {
					answer := respondWith("another")
					runtime.send(answer[:len(answer)-3])
				}
				_ = runtime.Close()
				synctest.Wait()
				w.proxy.Close() // what Run does when its command has ended
				synctest.Wait()
				w.api.Close()
				if r := <-got; string(r.Payload) != c.want {
					t.Errorf("Lambda got %+v, %v, records %q", r.Result, r.err, w.log.notes())
				}
				if notes := w.log.notes(); len(notes) != 1 || notes[0] != c.record {
					t.Errorf("records %q", notes)
				}
			})
		})
	}
}

// One invocation at a time is delivered twice.
func TestRedeliveryOfOneAtATime(t *testing.T) {
	p := New(Options{Upstream: "x:1", Log: &safeBuffer{}})
	var one, other holds
	if !p.repeats.claim(&one, time.Time{}) || p.repeats.claim(&other, time.Time{}) {
		t.Error("two at once, or none")
	}
	one.release()
	if !p.repeats.claim(&other, time.Time{}) {
		t.Error("none after the first has ended")
	}
	one.release() // again: once at its deadline, and once with its late answer
	var third holds
	if p.repeats.claim(&third, time.Time{}) {
		t.Error("the place of the other one was given away")
	}
	other.release()
}
