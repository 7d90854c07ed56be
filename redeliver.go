package firedrill

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/firedrill-dev/firedrill/fault"
)

// redeliver gives the handler the same event once more, after it has answered with r, and records how the two
// answers compare. The result is the caller's.
func (w *wrapped) redeliver(ctx context.Context, event []byte, r response, i fault.Injection, log record) (response, error) {
	first, r, ok := drain(r)
	if !ok {
		log.missed(i.Kind, "the response ended in an error of its own")
		return r, nil
	}
	again, err := w.callSafely(ctx, event)
	second, again, ok := drain(again)
	switch {
	case err != nil || !ok:
		log.noted(i.Kind, fault.AnsweredOnce)
	default:
		log.noted(i.Kind, fault.CompareAnswers(first, second))
	}
	if i.Second {
		r.discard()
		return again, err
	}
	again.discard()
	return r, nil
}

// callSafely makes a panic of the handler an error: a real second delivery would be another invocation, which
// cannot take the first one's answer with it.
func (w *wrapped) callSafely(ctx context.Context, event []byte) (r response, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			r, err = response{}, fmt.Errorf("the second delivery panicked: %v", cause)
		}
	}()
	return w.call(ctx, event)
}

// drain reads a streamed response to its end, and returns its bytes with a response that still has them. ok is
// false where the stream ends in an error, as the response then still does.
func drain(r response) (text []byte, _ response, ok bool) {
	if r.reader == nil {
		return r.json, r, true
	}
	text, err := io.ReadAll(r.reader)
	if err != nil {
		return text, response{reader: replaced(io.MultiReader(bytes.NewReader(text), failing{err}), r.reader)}, false
	}
	return text, response{reader: replaced(bytes.NewReader(text), r.reader)}, true
}
