package proxy

import (
	"encoding/base64"
	"io"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
)

// Reasons for injections that could not be enacted on a response.
const (
	handlerFailed   = "the handler itself failed"
	nothingToChange = "the response has nothing to corrupt"
	tooLarge        = "the response is too large to hold"
)

// respond serves the response of an invocation that has something planned for it.
func (c *conn) respond(plan pending) error {
	plan.after = plan.enactable()
	more, marked := plan.entry.marker.markable(&c.req)
	if len(plan.after) == 0 && !marked {
		return c.forward()
	}
	c.req.Detach()
	body := wire.RequestBody(c.down.r, &c.req)
	if err := c.goAhead(&body); err != nil {
		plan.missed(lost(err))
		return err
	}
	switch {
	case len(plan.after) == 0:
	case plan.after[0].Kind == fault.FailAfter:
		return c.failAfter(plan, &body)
	default: // a streamed one is held to its end, because what is not there cannot be mangled
		more = nil
	}
	content, err := c.p.spare.holdWhile(&body, c.req.ContentLength, more)
	if err != nil {
		plan.missed(lost(err))
		return err
	}
	return c.rewrite(plan, content)
}

// conclude is respond for a response that was held already.
func (c *conn) conclude(plan pending, content held) error {
	plan.after = plan.enactable()
	if len(plan.after) > 0 && plan.after[0].Kind == fault.FailAfter {
		return c.failAfter(plan, content.body)
	}
	return c.rewrite(plan, content)
}

// enactable are the injections that can be enacted on a response. The others are recorded.
func (p pending) enactable() (todo []fault.Injection) {
	for _, i := range p.after {
		switch {
		case i.Skip != "":
			p.entry.missed(i.Kind, i.Skip)
		case i.Kind == fault.FailAfter || i.Kind == fault.Corruption || i.Kind == fault.StatusCode || i.Kind == fault.Batch:
			todo = append(todo, i)
		default:
			p.entry.missed(i.Kind, fault.Unsupported)
		}
	}
	return todo
}

// failAfter swallows the response, however long it streams, and reports an error in its place. If the handler
// failed at the end of its stream, that error stands.
func (c *conn) failAfter(plan pending, body *wire.Body) error {
	i := plan.after[0]
	_, err := io.Copy(io.Discard, body)
	c.giveBack()
	if err != nil {
		plan.missed(lost(err))
		return err
	}
	errorType, payload, why := i.ErrorType, i.ErrorBody(), ""
	if own := body.Trailer(fieldErrorType); len(own) > 0 {
		errorType, payload, why = string(own), decode(body.Trailer(fieldErrorBody)), handlerFailed
	}
	if err = c.post(plan.entry.id, suffixError, errorType, payload); err == nil {
		err = c.await()
	}
	if err != nil {
		plan.missed(lost(err))
		return err
	}
	if why == "" {
		why = c.refusal()
	}
	plan.entry.settle(i.Kind, why)
	return c.reply(false)
}

// decode reads the error document that a failed stream carries in its trailer.
func decode(trailer []byte) []byte {
	body, err := base64.StdEncoding.DecodeString(string(trailer))
	if err != nil {
		return []byte(`{}`)
	}
	return body
}

// rewrite changes a response, whose head is the request's, and sends it.
func (c *conn) rewrite(plan pending, content held) (err error) {
	defer c.p.spare.give(content.data)
	outcomes := make([]string, len(plan.after))
	for n, i := range plan.after {
		if outcomes[n] = content.corrupt(i); outcomes[n] == "" {
			plan.entry.marker.note(i.Kind)
		}
	}
	content.mark(plan.entry.marker, isStreamed(&c.req))
	if content.raw {
		c.up.w.Head(&c.req, c.p.upstream, false)
		err = content.body.CopyTo(c.up.w)
	} else {
		err = content.send(c.up.w, &c.req, c.p.upstream, c.req.Chunked)
	}
	c.giveBack()
	if err == nil {
		err = c.up.w.Flush()
	}
	if err == nil {
		err = c.await()
	}
	if err != nil {
		plan.missed(lost(err))
		return err
	}
	for n, i := range plan.after {
		if outcomes[n] == "" {
			outcomes[n] = c.refusal()
		}
		plan.entry.settle(i.Kind, outcomes[n])
	}
	return c.reply(false)
}

// corrupt applies one injection, or says why it cannot be.
func (h *held) corrupt(i fault.Injection) (reason string) {
	if !h.whole {
		return tooLarge
	}
	if h.failed() {
		return handlerFailed
	}
	out, changed := i.Corrupt(h.data)
	if !changed {
		return nothingToChange
	}
	h.data = out
	return ""
}
