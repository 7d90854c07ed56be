package fault

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// MarkVariable switches marks on, in the function's environment: its owner decides, because clients see them.
const MarkVariable = "FIREDRILL_RESPONSE_HEADER"

// MarkHeader is the header of a response that carries a Mark.
const MarkHeader = "x-firedrill-fault"

// A Mark tells, in a header of an HTTP response, what was done to its invocation: which faults have fired, and in
// which run. A Mark without kinds says that the invocation was spared while the run's faults were there, which is
// what makes it comparable with the others.
type Mark struct {
	Kinds []Kind
	Run   string
}

// spared stands where the kinds would.
const spared = "none"

// MarkOf is the mark of an invocation for which these kinds have fired. It is false where there is nothing to say:
// nothing has fired, and no run has faults here.
func (s *Set) MarkOf(kinds []Kind, now time.Time) (Mark, bool) {
	if len(kinds) == 0 && (s.Run() == "" || s.Empty() || s.expired(now)) {
		return Mark{}, false
	}
	return Mark{Kinds: kinds, Run: s.Run()}, true
}

// String is the header's value: "latency,corruption;run=01J...", "none;run=01J...". Whatever the document said
// its run was, the value is safe in a header and in JSON.
func (m Mark) String() string {
	var out strings.Builder
	for n, kind := range m.Kinds {
		if n > 0 {
			out.WriteByte(',')
		}
		out.WriteString(markText(string(kind)))
	}
	if len(m.Kinds) == 0 {
		out.WriteString(spared)
	}
	if m.Run != "" {
		out.WriteString(";run=" + markText(m.Run))
	}
	return out.String()
}

// ParseMark reads a header's value. It is false for what no host of ours has written.
func ParseMark(value string) (Mark, bool) {
	kinds, run, _ := strings.Cut(value, ";run=")
	m := Mark{Run: run}
	if kinds != spared {
		for kind := range strings.SplitSeq(kinds, ",") {
			if kind == "" || kind != markText(kind) || len(m.Kinds) == maxMarkKinds {
				return Mark{}, false
			}
			m.Kinds = append(m.Kinds, Kind(kind))
		}
	}
	if run != markText(run) {
		return Mark{}, false
	}
	return m, true
}

// The parts of a mark are bounded: one of the most kinds that a set can have, one part's characters.
const (
	maxMarkKinds = 32
	maxMarkText  = 64
)

// markText leaves letters, digits and .:_- of a text: nothing that could end a header or a JSON string.
func markText(text string) string {
	safe := func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".:_-", c) {
			return c
		}
		return '_'
	}
	return strings.Map(safe, cutBytes(text, maxMarkText))
}

func cutBytes(text string, most int) string { return text[:min(len(text), most)] }

// Response adds the mark to the response of a function behind API Gateway (payload formats 1.0 and 2.0), a load
// balancer or a function URL: a JSON object with a statusCode. changed is false for any other response, which is
// no HTTP response, or one that the gateway infers. Every byte but the header's own stays as it is; the response is not modified.
func (m Mark) Response(response []byte) (out []byte, changed bool) {
	edits, ok := markEdits(response, m.String())
	if !ok {
		return response, false
	}
	return splice(response, edits), true
}

// ReadMark is the value that Response has put into a response, or "".
func ReadMark(response []byte) string {
	for _, path := range []dotted{{"headers", MarkHeader}, {"multiValueHeaders", MarkHeader, "0"}} {
		if found, ok := lookup(response, path); ok {
			return string(found.text())
		}
	}
	return ""
}

// maxPrelude bounds the prelude of a streamed response, in bytes. Lambda's own limit is lower.
const maxPrelude = 64 << 10

// Stream adds the mark to a streamed HTTP response of StreamContentType, given its beginning: begin with the mark
// in its prelude. more asks for a longer beginning, because the prelude has not ended yet.
func (m Mark) Stream(begin []byte) (out []byte, more bool) {
	end := bytes.Index(begin, []byte(preludeEnd))
	if end < 0 {
		return begin, len(begin) < maxPrelude
	}
	prelude, changed := m.Response(begin[:end])
	if !changed {
		return begin, false
	}
	return slices.Concat(prelude, begin[end:]), false
}
