package local

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	// maxQueued bounds the asynchronous events of a function that wait or run.
	maxQueued = 1000
	// throttlePause is the first wait of an event that was throttled; it doubles up to maxThrottlePause.
	throttlePause    = 50 * time.Millisecond
	maxThrottlePause = 2 * time.Second
	// maxEventAge is how long Lambda keeps an event that it cannot deliver.
	maxEventAge = 6 * time.Hour
)

// enqueue takes an asynchronous event, or refuses it when too many wait. Lambda would keep them for hours; a laptop
// says so at once.
func (h *Host) enqueue(v *version, in invocation) error {
	fn := v.fn
	select {
	case fn.queue <- struct{}{}:
	default:
		return throttled("ConcurrentInvocationLimitExceeded")
	}
	if !h.join() {
		<-fn.queue
		return serviceError(errClosing.Error())
	}
	go func() {
		defer h.running.Done()
		defer func() { <-fn.queue }()
		if err := h.deliver(v, in); err != nil {
			h.log.line(v.label(), fmt.Appendf(nil, "firedrill: asynchronous event %s dropped: %v", in.id, err))
		}
	}()
	return nil
}

// deliver invokes the version until it succeeds, has failed once more than its retries, or the event is too old. A
// throttled event waits and costs no retry. The request id stays the same, as in Lambda.
func (h *Host) deliver(v *version, in invocation) error {
	h.mu.Lock()
	retries, retryPause := v.spec.Retries, v.spec.RetryDelay
	h.mu.Unlock()
	started, pause := time.Now(), throttlePause
	for failures := 0; ; {
		out, err := h.invoke(v, in)
		var refused *apiError
		switch {
		case err == nil && !out.result.Failed:
			return nil
		case err == nil:
			if failures++; failures > retries {
				return fmt.Errorf("the function failed %d times: %s", failures, clip(string(out.result.Payload)))
			}
			if !h.pause(retryPause) {
				return errClosing
			}
			retryPause *= 2
		case errors.As(err, &refused) && refused.status == http.StatusTooManyRequests && time.Since(started) < maxEventAge:
			if !h.pause(pause) {
				return errClosing
			}
			pause = min(2*pause, maxThrottlePause)
		default:
			return err
		}
	}
}

// pause waits, and is false if the host ends meanwhile.
func (h *Host) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-h.life.Done():
		return false
	}
}
