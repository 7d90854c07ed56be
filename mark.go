package firedrill

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// hits are the faults that have fired for one invocation, for the mark on its response. Requests that the handler
// makes may be hit at the same time. A nil *hits notes nothing.
type hits struct {
	mu    sync.Mutex
	kinds []fault.Kind
}

// hitsKey is where the context carries the hits of an invocation.
type hitsKey struct{}

func (h *hits) add(kind fault.Kind) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.kinds, kind) {
		h.kinds = append(h.kinds, kind)
	}
}

// fired returns what has been noted so far.
func (h *hits) fired() []fault.Kind {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.kinds)
}

// noting lets a record note what fires for the mark on the response of ctx's invocation.
func (r record) noting(ctx context.Context) record {
	r.hits, _ = ctx.Value(hitsKey{}).(*hits)
	return r
}

// mark puts the mark on an HTTP response; any other stays as it is.
func (h *hits) mark(r response, set *fault.Set, now time.Time) response {
	mark, ok := set.MarkOf(h.fired(), now)
	switch {
	case !ok:
	case r.reader == nil:
		r.json, _ = mark.Response(r.json)
	case contentType(r.reader) == fault.StreamContentType:
		r.reader = replaced(&markedStream{original: r.reader, mark: mark}, r.reader)
	}
	return r
}

// markedStream is a streamed HTTP response that gets its mark as it passes.
type markedStream struct {
	original io.Reader
	mark     fault.Mark
	begun    bool
	begin    []byte // marked, and not read yet
	end      error  // the original's, where the beginning ran into it
}

// Read implements io.Reader.
func (s *markedStream) Read(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.hold()
	}
	if len(s.begin) > 0 {
		n := copy(b, s.begin)
		s.begin = s.begin[n:]
		return n, nil
	}
	if s.end != nil {
		return 0, s.end
	}
	return s.original.Read(b)
}

// hold reads the prelude and whatever comes with it.
func (s *markedStream) hold() {
	var held bytes.Buffer
	piece := make([]byte, 4096)
	for more := true; more && s.end == nil; {
		n, err := s.original.Read(piece)
		held.Write(piece[:n])
		s.begin, more = s.mark.Stream(held.Bytes())
		s.end = err
	}
}
