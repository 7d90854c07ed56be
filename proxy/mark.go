package proxy

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
)

// A marker notes what fires for one invocation, for the mark on its response: also at its deadline, whatever its
// response does then. A nil one notes nothing.
type marker struct {
	set *fault.Set
	at  time.Time // when the invocation was planned

	mu     sync.Mutex
	kinds  []fault.Kind
	denied func() bool // whether a denylist that is in force has hit something; may be nil
}

// marker makes the marker of an invocation; nil unless the function's owner wants marks.
func (p *Proxy) marker(set *fault.Set, now time.Time) *marker {
	if !p.marks {
		return nil
	}
	m := &marker{set: set, at: now}
	if p.startedLate.Swap(false) {
		m.note(fault.ColdStart)
	}
	return m
}

func (m *marker) note(kind fault.Kind) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(kind)
}

func (m *marker) add(kind fault.Kind) {
	if !slices.Contains(m.kinds, kind) {
		m.kinds = append(m.kinds, kind)
	}
}

// watch has the marker ask whether a denylist has hit something, which is recorded only when it ends.
func (m *marker) watch(denied func() bool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.denied = denied
}

// mark is false where nothing is to be said. Whether the SDK's Transport has hit the invocation, is not known here.
func (m *marker) mark() (fault.Mark, bool) {
	if m == nil {
		return fault.Mark{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.denied != nil && m.denied() {
		m.add(fault.Denylist)
	}
	if len(m.kinds) == 0 && (m.set.HasOutgoing() || m.set.HasAWSCalls()) {
		return fault.Mark{}, false
	}
	return m.set.MarkOf(slices.Clone(m.kinds), m.at)
}

// answer marks a response that is ours.
func (m *marker) answer(response []byte) []byte {
	if mark, ok := m.mark(); ok {
		response, _ = mark.Response(response)
	}
	return response
}

// mark marks a response, if it is one of HTTP. Of a streamed one the prelude is enough.
func (h *held) mark(m *marker, streamed bool) {
	mark, ok := m.mark()
	switch {
	case !ok || h.raw:
	case streamed:
		h.data, _ = mark.Stream(h.data)
	case h.whole && !h.failed():
		h.data, _ = mark.Response(h.data)
	}
}

// isStreamed reports whether a response is streamed HTTP: a prelude, then the body.
func isStreamed(head *wire.Head) bool {
	return string(head.Get(fieldContentType)) == fault.StreamContentType
}

// markable says how much of a response must be held for its mark alone: as long as more wants more of it. A response with a length
// is there as a whole anyway. Of a stream that is neither HTTP nor a JSON object nothing is; ok is false where the
// runtime says so itself.
func (m *marker) markable(head *wire.Head) (more func(begin []byte) bool, ok bool) {
	mark, ok := m.mark()
	switch {
	case !ok:
		return nil, false
	case !head.Chunked:
		return nil, true
	case isStreamed(head):
		return func(begin []byte) bool { _, more := mark.Stream(begin); return more }, true
	case string(head.Get(fieldResponseMode)) == "streaming":
		return nil, false
	}
	return func(begin []byte) bool {
		begin = bytes.TrimLeft(begin, " \t\r\n")
		return len(begin) == 0 || begin[0] == '{'
	}, true
}
