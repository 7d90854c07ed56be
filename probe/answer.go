package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// answerCheck is what is wanted of an answer's body.
type answerCheck struct {
	contains string
	path     string // dotted; "" if the latency is measured
}

// Classes of answers that came, but were not what was wanted.
const (
	classMismatch = "mismatch"  // a text is missing from the body
	classNoNumber = "no-number" // there is no number where one was expected
)

// check completes a reading with what the body says.
func (c answerCheck) check(got reading, body []byte) (reading, error) {
	if c.contains != "" && !bytes.Contains(body, []byte(c.contains)) {
		got.class = classMismatch
		return got, fmt.Errorf("the answer does not contain %q", c.contains)
	}
	if c.path == "" {
		return got, nil
	}
	number, err := numberAt(body, c.path)
	if err != nil {
		got.class = classNoNumber
		return got, err
	}
	got.number = number
	return got, nil
}

// numberAt finds the number at a dotted path of a JSON text: names of members and numbers of elements, with or
// without JSONPath's "$." in front.
func numberAt(body []byte, path string) (float64, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var at any
	if err := decoder.Decode(&at); err != nil {
		return 0, fmt.Errorf("the answer is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return 0, errors.New("the answer is not JSON: something follows it")
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "$."), ".") {
		next, ok := member(at, segment)
		if !ok {
			return 0, fmt.Errorf("the answer has nothing at %s (no %q)", path, segment)
		}
		at = next
	}
	text, ok := at.(json.Number)
	if !ok {
		return 0, fmt.Errorf("what the answer has at %s is not a number", path)
	}
	return finite(text.String())
}

func member(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		m, ok := v[name]
		return m, ok
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		return v[i], true
	}
	return nil, false
}

// finite reads a number. Infinity and NaN are what systems say when they do not know.
func finite(text string) (float64, error) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		const most = 40
		if len(text) > most {
			text = text[:most] + "..."
		}
		return 0, fmt.Errorf("%q is not a finite number", text)
	}
	return x, nil
}
