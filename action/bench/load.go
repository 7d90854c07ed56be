package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// rate is how many invocations a second all senders make together.
const rate = 100

// invocations is the load of the whole measurement: each sender invokes when it is due, and catches up when it is late.
// As many environments run as there are senders.
func (w *world) invocations(ctx context.Context, senders int) {
	pace := time.Second * time.Duration(senders) / rate
	for i := range senders {
		due := time.Now().Add(pace * time.Duration(i) / time.Duration(senders))
		go func() {
			for ; wait(ctx, time.Until(due)) == nil; due = due.Add(pace) {
				w.failed(w.invoke(ctx))
			}
		}()
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
