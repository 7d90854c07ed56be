package firedrill

import (
	"context"

	"github.com/firedrill-dev/firedrill/fault"
)

// holds are the resources that one invocation holds, as what gives them back.
type holds []func()

// hold takes a resource until the invocation has ended, or ctx has, which Lambda's does with the invocation.
func (w *wrapped) hold(ctx context.Context, i fault.Injection, log record, held *holds) {
	release, err := w.taker.Take(ctx, i, func() { log.fired(i.Kind) })
	if err != nil {
		log.missed(i.Kind, err.Error())
		return
	}
	stop := context.AfterFunc(ctx, release)
	*held = append(*held, func() { stop(); release() })
}

func (h holds) release() {
	for _, release := range h {
		release()
	}
}

// end gives everything back, at once or when the response has been streamed.
func (h holds) end(r response) response {
	switch {
	case len(h) == 0:
	case r.reader == nil:
		h.release()
	default:
		original := r.reader
		r.reader = content{original, contentType(original), func() error { defer h.release(); return closeReader(original) }}
	}
	return r
}
