package proxy

import (
	"errors"
	"io"
	"sync/atomic"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
)

// held is a body on its way: untouched, wholly in memory, or, beyond maxHeld, its beginning in memory.
type held struct {
	body  *wire.Body
	raw   bool   // nothing was read; data is empty
	whole bool   // data is all of it
	data  []byte // decoded
}

// spare keeps the memory of one held body for the next one, so that large events cost it once and not once for
// every collection.
type spare struct{ buf atomic.Pointer[[]byte] }

// maxSpare is how much is kept, in bytes: the largest event that Lambda delivers, with some room.
const maxSpare = 8 << 20

func (s *spare) take(size int64) []byte {
	if kept := s.buf.Swap(nil); kept != nil && int64(cap(*kept)) >= size {
		return (*kept)[:0]
	}
	return make([]byte, 0, size)
}

func (s *spare) give(buf []byte) {
	if cap(buf) > 0 && cap(buf) <= maxSpare {
		s.buf.Store(&buf)
	}
}

// hold reads a body into memory, if it fits. length is what its head says, or -1.
func (s *spare) hold(body *wire.Body, length int64) (held, error) {
	return s.holdWhile(body, length, nil)
}

// holdWhile is hold, which ends early where there is a more that wants no more of a body that begins like that.
func (s *spare) holdWhile(body *wire.Body, length int64, more func(begin []byte) bool) (held, error) {
	if length > maxHeld {
		return held{body: body, raw: true}, nil
	}
	data := s.take(max(length+1, 512)) // one more, so that the end is seen without growing
	for len(data) <= maxHeld && (more == nil || more(data)) {
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return held{body: body, whole: true, data: data}, nil
		}
		if err != nil {
			return held{}, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
	return held{body: body, data: data}, nil
}

// failed reports whether a stream says at its end that it has failed.
func (h *held) failed() bool { return len(h.body.Trailer(fieldErrorType)) > 0 }

// poison changes an event, or says why it cannot be.
func (h *held) poison(i fault.Injection) (reason string) {
	if !h.whole {
		return eventTooLarge
	}
	out, changed := i.PoisonEvent(h.data)
	if !changed {
		return "the event has none of the fields"
	}
	h.data = out
	return ""
}

// discard reads what has not been read.
func (h held) discard() error {
	_, err := io.Copy(io.Discard, h.body)
	return err
}

// send writes a message with a head like the given one and this body, which is not raw. The last bytes are left
// gathered in w. A body that came chunked leaves so if asked, with its trailers.
func (h held) send(w *wire.Writer, head *wire.Head, host string, chunked bool) error {
	if h.whole && !chunked {
		_, _ = w.Write(head.AppendReframed(nil, host, len(h.data))) // the error sticks
		_, err := w.Write(h.data)
		return err
	}
	_, _ = w.Write(head.AppendReframed(nil, host, -1))
	if len(h.data) > 0 {
		_, _ = w.Write(wire.AppendChunk(nil, h.data))
	}
	if !h.whole {
		if err := h.sendRest(w); err != nil {
			return err
		}
	}
	_, err := w.Write(wire.AppendLastChunk(nil, h.body.Trailers()))
	return err
}

func (h held) sendRest(w *wire.Writer) error {
	buf := make([]byte, wire.BufferSize)
	for {
		_ = w.Flush() // a stream stays one; the error sticks
		n, err := h.body.Read(buf)
		if n > 0 {
			_, _ = w.Write(wire.AppendChunk(nil, buf[:n])) // the error sticks
		}
		if errors.Is(err, io.EOF) {
			return w.Err()
		}
		if err = errors.Join(err, w.Err()); err != nil {
			return err
		}
	}
}
