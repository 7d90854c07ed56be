package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A document is the text of a policy, and where its statements are in it. Statements are added and taken out by cutting the
// text, so that whatever is not ours stays as it was written, byte for byte.
type document struct {
	text       string
	from, to   int  // of the value of Statement
	list       bool // it is an array; otherwise it is one statement
	statements []span
}

// A span is a part of a text, and the Sid of the statement there.
type span struct {
	from, to int
	sid      string
}

// noPolicy is what a policy begins from where there is none.
const noPolicy = `{"Version":"2012-10-17","Statement":[]}`

func parsePolicy(text string) (document, error) {
	d := document{text: text}
	if !json.Valid([]byte(text)) {
		return d, errors.New("it is not JSON")
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return d, errors.New("it is not a JSON object")
	}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err := errors.Join(err, dec.Decode(&value)); err != nil {
			return d, err
		}
		if name != "Statement" {
			continue
		}
		if d.to > 0 {
			return d, errors.New("it has Statement twice")
		}
		d.to = int(dec.InputOffset())
		d.from = d.to - len(value)
	}
	if d.to == 0 {
		return d, errors.New("it has no Statement")
	}
	return d, d.findStatements()
}

func (d *document) findStatements() error {
	value := d.text[d.from:d.to]
	if value[0] == '{' {
		d.statements = []span{{d.from, d.to, sidOf([]byte(value))}}
		return nil
	}
	if d.list = value[0] == '['; !d.list {
		return errors.New("its Statement is neither a list nor an object")
	}
	dec := json.NewDecoder(strings.NewReader(value))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if raw[0] != '{' {
			return fmt.Errorf("statement %d is not an object", len(d.statements)+1)
		}
		to := d.from + int(dec.InputOffset())
		d.statements = append(d.statements, span{to - len(raw), to, sidOf(raw)})
	}
	return nil
}

func sidOf(raw []byte) string {
	var s struct{ Sid any }
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	sid, _ := s.Sid.(string)
	return sid
}

// with is the policy with a statement added, as its last.
func (d document) with(statement string) string {
	switch n := len(d.statements); {
	case !d.list:
		return d.text[:d.from] + "[" + d.text[d.from:d.to] + "," + statement + "]" + d.text[d.to:]
	case n == 0:
		return d.text[:d.from+1] + statement + d.text[d.from+1:]
	default:
		at := d.statements[n-1].to
		return d.text[:at] + "," + statement + d.text[at:]
	}
}

// statement is the one with this Sid.
func (d document) statement(sid string) (text string, ok bool) {
	i := d.index(sid)
	if i < 0 {
		return "", false
	}
	return d.text[d.statements[i].from:d.statements[i].to], true
}

func (d document) index(sid string) int {
	return slices.IndexFunc(d.statements, func(s span) bool { return sid != "" && s.sid == sid })
}

// without is the policy without the statements of a Sid.
func (d document) without(sid string) document {
	for {
		i := d.index(sid)
		if i < 0 {
			return d
		}
		d, _ = parsePolicy(d.cut(i)) // what was a policy still is one
	}
}

// cut is the text without a statement and its comma.
func (d document) cut(i int) string {
	s := d.statements[i]
	switch {
	case !d.list:
		return d.text[:s.from] + "[]" + d.text[s.to:]
	case i > 0:
		s.from = d.statements[i-1].to
	case len(d.statements) > 1:
		s.to = d.statements[1].from
	}
	return d.text[:s.from] + d.text[s.to:]
}

// canonical is what a policy, or a part of one, means: services write the same in several ways. They take the brackets off
// a list of one, sort lists, write "*" for {"AWS":"*"}, and put conditions' values in quotes.
func canonical(text string) string {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return text
	}
	out, err := json.Marshal(canonicalValue("", v))
	if err != nil {
		return text
	}
	return string(out)
}

func canonicalValue(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = canonicalValue(name, member)
		}
		return v
	case []any:
		for i := range v {
			v[i] = canonicalValue("", v[i])
		}
		if len(v) == 1 {
			return v[0]
		}
		slices.SortStableFunc(v, func(a, b any) int { // objects stay where they are
			x, _ := a.(string)
			y, _ := b.(string)
			return strings.Compare(x, y)
		})
		return v
	case string:
		if v == "*" && (name == "Principal" || name == "NotPrincipal") {
			return map[string]any{"AWS": v}
		}
		return v
	case nil:
		return nil
	default:
		return fmt.Sprint(v)
	}
}
