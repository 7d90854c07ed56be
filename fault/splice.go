package fault

import (
	"slices"
	"strings"
)

// An edit replaces a part of a text.
type edit struct {
	from, to int
	text     string
}

// splice applies edits, which must not overlap.
func splice(text []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	out := make([]byte, 0, len(text)+128)
	at := 0
	for _, e := range edits {
		out = append(append(out, text[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, text[at:]...)
}

// A part is a value's place in a text; absent if to is 0.
type part struct{ from, to int }

func (p part) starts(text []byte, with byte) bool { return p.to > 0 && text[p.from] == with }

// members reads an object whose brace comes next, and shows each member's key and the place of its value.
func (s *scanner) members(show func(key value, at part)) {
	s.at++
	if s.peek() == '}' {
		s.at++
		return
	}
	for !s.bad {
		if s.peek() != '"' {
			s.fail()
			return
		}
		key, plain := s.text()
		if s.peek() != ':' {
			s.fail()
			return
		}
		s.at++
		s.space()
		from := s.at
		s.value(nil, 1)
		if s.bad {
			return
		}
		show(value{key, plain}, part{from, s.at})
		if s.closes('}') {
			return
		}
	}
}

// markEdits are the changes that put a header into an HTTP response; false if it is none. Of duplicate members the last
// one counts, as everywhere. Where a response has headers of both forms, each gets the mark: gateways read either,
// or both and count equal values once.
func markEdits(response []byte, mark string) (edits []edit, ok bool) {
	s := scanner{in: response}
	if s.peek() != '{' {
		return nil, false
	}
	first := s.at + 1
	var status, single, multi part
	s.members(func(key value, at part) {
		switch string(key.text()) {
		case "statusCode":
			status = at
		case "headers":
			single = at
		case "multiValueHeaders":
			multi = at
		}
	})
	s.space()
	if s.bad || s.at != len(response) || !isStatus(response, status) {
		return nil, false
	}
	if multi.starts(response, '{') {
		edits = headerEdits(response, multi, `["`+mark+`"]`)
	}
	switch {
	case single.starts(response, '{'):
		edits = append(edits, headerEdits(response, single, `"`+mark+`"`)...)
	case single.starts(response, 'n') && len(edits) == 0: // null
		edits = []edit{{single.from, single.to, `{"` + MarkHeader + `":"` + mark + `"}`}}
	case single.to == 0 && len(edits) == 0:
		edits = []edit{{first, first, `"headers":{"` + MarkHeader + `":"` + mark + `"},`}}
	}
	return edits, len(edits) > 0
}

// isStatus: a number, or its text, as gateways take it.
func isStatus(response []byte, at part) bool {
	if at.to == 0 {
		return false
	}
	digits := strings.Trim(string(response[at.from:at.to]), `"`)
	return len(digits) == 3 && index(digits) >= 100
}

// headerEdits put the header into an object of headers, in the place of those that have its name already.
func headerEdits(response []byte, object part, text string) (edits []edit) {
	s := scanner{in: response[:object.to], at: object.from}
	empty := true
	s.members(func(key value, at part) {
		empty = false
		if strings.EqualFold(string(key.text()), MarkHeader) {
			edits = append(edits, edit{at.from, at.to, text})
		}
	})
	if len(edits) > 0 {
		return edits
	}
	text = `"` + MarkHeader + `":` + text
	if !empty {
		text += ","
	}
	return []edit{{object.from + 1, object.from + 1, text}}
}
