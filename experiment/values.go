package experiment

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Patterns that parser and schema share.
const (
	patternDuration = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	patternPercent  = `^[0-9]+(\.[0-9]+)? ?%?$`
	patternRate     = `^[0-9]+(\.[0-9]+)? ?/ ?(s|m|h)$`
	patternNumber   = `^[0-9]+(\.[0-9]+)?$`
	patternName     = `^[A-Za-z0-9_-]+$`
	patternRequest  = `^([A-Z]+ +)?https?://`
	patternVariable = `\$\{`
)

var (
	durationText = regexp.MustCompile(patternDuration)
	percentText  = regexp.MustCompile(patternPercent)
	rateText     = regexp.MustCompile(patternRate)
	numberText   = regexp.MustCompile(patternNumber)
	nameText     = regexp.MustCompile(patternName)
	jsonNumber   = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

// matching is the schema of text that matches, once its variables are replaced.
func matching(pattern string, example any) schema {
	return schema{"anyOf": []any{schema{"type": "string", "pattern": pattern}, schema{"type": "string", "pattern": patternVariable}}, "examples": []any{example}}
}

// textual is the schema of any scalar: numbers and flags are text where text is wanted.
func textual() schema { return schema{"type": []string{"string", "number", "boolean"}} }

// text reads any scalar as it is written.
func text() value[string] {
	return value[string]{schema: textual(), read: func(d *decoder, n *node, path string) (string, bool) {
		if n.form != scalar {
			d.expected(n, path, "text", "")
			return "", false
		}
		return n.text, true
	}}
}

// line reads text that people see: one line, not empty, nothing that moves a terminal's cursor.
func line() value[string] {
	t := text()
	return value[string]{schema: t.schema, read: func(d *decoder, n *node, path string) (string, bool) {
		s, ok := t.read(d, n, path)
		s = strings.TrimSpace(s)
		switch {
		case !ok:
			return "", false
		case s == "":
			d.wrong(n, path, "is empty", "")
			return "", false
		case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
			d.wrong(n, path, "must be one line of printable text", "")
			return "", false
		}
		return s, true
	}}
}

// prose reads text of one or more lines; line ends become spaces.
func prose() value[string] {
	t, l := text(), line()
	return value[string]{schema: t.schema, read: func(d *decoder, n *node, path string) (string, bool) {
		if n.form != scalar {
			return t.read(d, n, path)
		}
		folded := *n
		folded.text = strings.Join(strings.Fields(n.text), " ")
		return l.read(d, &folded, path)
	}}
}

// duration reads a time span with its unit, between least and most.
func duration(least, most time.Duration) value[time.Duration] {
	return value[time.Duration]{schema: matching(patternDuration, "10s"), read: func(d *decoder, n *node, path string) (time.Duration, bool) {
		const hint = "write a number with its unit, such as 500ms, 10s or 2m"
		if n.form != scalar {
			d.expected(n, path, "a duration", hint)
			return 0, false
		}
		if numberText.MatchString(n.text) {
			d.wrong(n, path, "has no unit", fmt.Sprintf("write %ss, or %sms", n.text, n.text))
			return 0, false
		}
		got, err := time.ParseDuration(n.text)
		switch {
		case !durationText.MatchString(n.text) || err != nil:
			d.wrong(n, path, "is not a duration", hint)
			return 0, false
		case got < least:
			d.wrong(n, path, "is too short: at least "+least.String(), "")
			return 0, false
		case got > most:
			d.wrong(n, path, "is too long: at most "+most.String(), "")
			return 0, false
		}
		return got, true
	}}
}

// percent reads a share in (0, 100], with or without its sign.
func percent() value[float64] {
	told := matching(patternPercent, "25%")
	told["anyOf"] = append(told["anyOf"].([]any), schema{"type": "number", "exclusiveMinimum": 0, "maximum": 100})
	return value[float64]{schema: told, read: func(d *decoder, n *node, path string) (float64, bool) {
		if n.form != scalar || !percentText.MatchString(n.text) {
			d.expected(n, path, "a percentage", "write 25% or 25")
			return 0, false
		}
		share, err := strconv.ParseFloat(strings.TrimRight(n.text, " %"), 64)
		if err != nil || share <= 0 || share > 100 {
			d.wrong(n, path, "must be above 0% and at most 100%", "")
			return 0, false
		}
		return share, true
	}}
}

// maxRate bounds rates, in requests a second: no one machine does more.
const maxRate = 100_000

// rate reads requests a time, as requests a second.
func rate() value[float64] {
	return value[float64]{schema: matching(patternRate, "20/s"), read: func(d *decoder, n *node, path string) (float64, bool) {
		if n.form != scalar || !rateText.MatchString(n.text) {
			d.expected(n, path, "a rate", "write 20/s, 600/m or 3600/h")
			return 0, false
		}
		count, unit, _ := strings.Cut(n.text, "/")
		perSecond, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
		switch strings.TrimSpace(unit) {
		case "m":
			perSecond /= 60
		case "h":
			perSecond /= 3600
		}
		if err != nil || perSecond > maxRate {
			d.wrong(n, path, fmt.Sprintf("is more than %d/s", maxRate), "")
			return 0, false
		}
		return perSecond, true
	}}
}

// integer reads a whole number.
func integer[N ~int | ~int64 | ~uint64](least, most N) value[N] {
	told := schema{"anyOf": []any{
		schema{"type": "integer", "minimum": least, "maximum": most},
		schema{"type": "string", "pattern": `^-?[0-9]+$`}, schema{"type": "string", "pattern": patternVariable},
	}}
	return value[N]{schema: told, read: func(d *decoder, n *node, path string) (N, bool) {
		if n.form != scalar {
			d.expected(n, path, "a whole number", "")
			return 0, false
		}
		big, err := strconv.ParseInt(n.text, 10, 64)
		got := N(big)
		if uint64(most) == math.MaxUint64 {
			var u uint64
			u, err = strconv.ParseUint(n.text, 10, 64)
			got = N(u)
		}
		switch {
		case err != nil:
			d.wrong(n, path, "is not a whole number", "")
			return 0, false
		case got != least && least == most:
			d.wrong(n, path, fmt.Sprintf("must be %d", least), "")
			return 0, false
		case got < least || got > most:
			d.wrong(n, path, fmt.Sprintf("must be from %d to %d", least, most), "")
			return 0, false
		}
		return got, true
	}}
}

// trueFalse reads true or false.
func trueFalse() value[bool] {
	told := schema{"anyOf": []any{schema{"type": "boolean"}, schema{"enum": []string{"true", "false"}}, schema{"type": "string", "pattern": patternVariable}}}
	return value[bool]{schema: told, read: func(d *decoder, n *node, path string) (bool, bool) {
		if n.form != scalar || (n.text != "true" && n.text != "false") {
			d.expected(n, path, "true or false", "")
			return false, false
		}
		return n.text == "true", true
	}}
}

// body reads a text as it is, and anything else as its JSON.
func body() value[string] {
	told := schema{"type": []string{"string", "number", "boolean", "object", "array"}}
	return value[string]{schema: told, read: func(d *decoder, n *node, path string) (string, bool) {
		switch n.form {
		case scalar:
			return n.text, true
		case mapping, sequence:
			return jsonText(n.any()), true
		}
		d.expected(n, path, "a text, or a mapping that becomes JSON", "")
		return "", false
	}}
}

func jsonText(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "" // cannot be: any gives maps, lists, text, numbers in JSON's syntax and flags only
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// any is a node as encoding/json would have it: numbers and flags where they are written without quotes.
func (n *node) any() any {
	switch n.form {
	case mapping:
		out := map[string]any{}
		for _, e := range n.entries {
			out[e.key.text] = e.value.any()
		}
		return out
	case sequence:
		out := []any{}
		for _, item := range n.items {
			out = append(out, item.any())
		}
		return out
	case scalar:
		return n.scalar()
	}
	return nil
}

func (n *node) scalar() any {
	if !n.plain {
		return n.text
	}
	if n.text == "true" || n.text == "false" {
		return n.text == "true"
	}
	if jsonNumber.MatchString(n.text) {
		return json.Number(n.text) // to the last digit: it may be somebody's id
	}
	return n.text
}
