package flag

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDocument bounds a document of flags, in bytes.
const maxDocument = 4 << 20

// errAbsent says that a document has no such member.
var errAbsent = errors.New("is not there")

// A piece is a value in a JSON text.
type piece struct {
	text       []byte
	start, end int
}

// find is the value at a path of members. Texts are edited in place, so that what is not ours keeps its very bytes.
func find(doc []byte, path ...string) (piece, error) {
	p := piece{text: doc, end: len(doc)}
	if err := whole(doc); err != nil {
		return p, err
	}
	for _, name := range path {
		inner, err := member(p.text, name)
		if err != nil {
			return p, fmt.Errorf("%q %w", name, err)
		}
		p = piece{text: inner.text, start: p.start + inner.start, end: p.start + inner.end}
	}
	return p, nil
}

// whole says whether a text is one JSON value.
func whole(doc []byte) error {
	if doc == nil {
		return errors.New("the document does not exist")
	}
	if len(doc) > maxDocument {
		return fmt.Errorf("has more than %d bytes", maxDocument)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("is not JSON: something follows it")
	}
	return nil
}

// member finds a member of an object in valid JSON. One that is there twice means different things to different readers.
func member(object []byte, name string) (piece, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return piece{}, errors.New("cannot be in what is not an object")
	}
	var found *piece
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return piece{}, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return piece{}, err
		}
		if key != name {
			continue
		}
		if found != nil {
			return piece{}, errors.New("is there twice")
		}
		end := int(d.InputOffset())
		found = &piece{value, end - len(value), end}
	}
	if found == nil {
		return piece{}, errAbsent
	}
	return *found, nil
}

// replaced is a text with another value in the place of a piece: on several lines, if the piece is.
func replaced(doc []byte, p piece, text []byte) []byte {
	if lines := bytes.Count(p.text, []byte("\n")); lines > 0 && !bytes.Contains(text, []byte("\n")) {
		line := doc[bytes.LastIndexByte(doc[:p.start], '\n')+1 : p.start]
		margin := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		var b bytes.Buffer
		if json.Indent(&b, text, string(margin), "  ") == nil {
			text = b.Bytes()
		}
	}
	out := make([]byte, 0, len(doc)-len(p.text)+len(text))
	out = append(out, doc[:p.start]...)
	out = append(out, text...)
	return append(out, doc[p.end:]...)
}

// canonical is one spelling for all JSON texts that mean the same; numbers keep their digits. The dates that AppConfig
// adds to what it is given mean nothing.
func canonical(raw json.RawMessage) string {
	v, err := decode(raw)
	if err != nil {
		return string(raw)
	}
	text, err := json.Marshal(undated(v))
	if err != nil {
		return string(raw)
	}
	return string(text)
}

func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

func undated(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "_createdAt")
		delete(v, "_updatedAt")
		for name := range v {
			v[name] = undated(v[name])
		}
	case []any:
		for i := range v {
			v[i] = undated(v[i])
		}
	}
	return v
}

// encode writes a value without disguising &, < and >.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
