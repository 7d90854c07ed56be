package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The load: an invocation every pace, on time however late the answers are, and a burst at every crowd, for which more
// environments run than usually have something to do.
const (
	pace     = 10 * time.Millisecond
	crowd    = 3 * time.Second
	burst    = 8
	inFlight = 64 // invocations at once, at most
)

// invocations is the load of the whole measurement.
func (w *world) invocations(ctx context.Context) {
	places := make(chan struct{}, inFlight)
	send := func(n int) {
		for range n {
			places <- struct{}{}
			go func() {
				defer func() { <-places }()
				w.failed(w.invoke(ctx))
			}()
		}
	}
	began := time.Now()
	for n := 1; wait(ctx, time.Until(began.Add(time.Duration(n)*pace))) == nil; n++ {
		send(1)
		if time.Duration(n)*pace%crowd == 0 {
			send(burst)
		}
	}
}

func (w *world) invoke(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.lambda+"/2015-03-31/functions/shop/invocations", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || answer.Header.Get("X-Amz-Function-Error") != "") {
		err = fmt.Errorf("an invocation was answered %s: %s", answer.Status, text)
	}
	return err
}

// loaded says how the load went: where invocations fail, a last hit means nothing.
func (w *world) loaded() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Printf("%d invocations, %d not answered\n", w.sent, w.lost)
	if w.lost > w.sent/100 {
		return fmt.Errorf("too many invocations were not answered: %w", w.loss)
	}
	return nil
}
