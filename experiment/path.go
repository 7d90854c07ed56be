package experiment

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A Path names a place in an experiment file: conditions[0].with.max, conditions["slow inventory"].percentage,
// load.purchase.rate. The last step may name several keys of one mapping, which then get the same value:
// conditions[0].with.{min,max}. A variable of the file is named alone, delay, or as vars.delay.
type Path struct {
	text string
	ways [][]step // one for each key of the last step
}

// A step leads from a value into a part of it.
type step struct {
	key   string // of a mapping or, if named, the name of an item of a list
	named bool   // written in brackets and quotes
	index int    // of a list; -1: it is a key
}

// String is the step as it is written.
func (s step) String() string {
	switch {
	case s.index >= 0:
		return fmt.Sprintf("[%d]", s.index)
	case s.named:
		return fmt.Sprintf("[%q]", s.key)
	}
	return s.key
}

// String is the path as it was written.
func (p Path) String() string { return p.text }

// A Setting puts another value in place of what an experiment file says. It is text as the file would have it, without quotes, and is
// read by whatever reads the file.
type Setting struct {
	Path  Path
	Value string
}

// String is the setting as it is written.
func (s Setting) String() string { return s.Path.text + "=" + s.Value }

// ParseSetting reads PATH=VALUE.
func ParseSetting(text string) (Setting, error) {
	path, value, ok := cutPath(text)
	if !ok {
		return Setting{}, fmt.Errorf("%q has no value: write PATH=VALUE, such as conditions[0].with.max=300ms", clip(text))
	}
	p, err := ParsePath(path)
	return Setting{p, value}, err
}

// cutPath cuts PATH=VALUE at the first equals sign that is not within a quoted name.
func cutPath(text string) (path, value string, ok bool) {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case r == '=' && !quoted:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// maxSteps bounds a path: no value of an experiment lies deeper than that.
const maxSteps = 16

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*`)

// ParsePath reads a path.
func ParsePath(text string) (Path, error) {
	wrong := func(at int, what string) (Path, error) {
		return Path{}, fmt.Errorf("path %q: %s at character %d", clip(text), what, at+1)
	}
	var way []step
	rest := text
	at := func() int { return len(text) - len(rest) }
	for first := true; rest != ""; first = false {
		if len(way) == maxSteps {
			return wrong(at(), fmt.Sprintf("more than %d steps", maxSteps))
		}
		if rest[0] == '[' {
			s, length, what := bracket(rest)
			if what != "" || first {
				return wrong(at(), orElse(what, "a key is expected"))
			}
			way, rest = append(way, s), rest[length:]
			continue
		}
		if !first {
			if rest[0] != '.' {
				return wrong(at(), "a dot or a bracket is expected")
			}
			rest = rest[1:]
		}
		if strings.HasPrefix(rest, "{") {
			keys, what := alternatives(rest)
			if what != "" || first {
				return wrong(at(), orElse(what, "a key is expected"))
			}
			return Path{text, fork(way, keys)}, nil
		}
		key := plainKey.FindString(rest)
		if key == "" {
			return wrong(at(), "a key is expected")
		}
		way, rest = append(way, step{key: key, index: -1}), rest[len(key):]
	}
	if way == nil {
		return wrong(0, "a key is expected")
	}
	return Path{text, [][]step{way}}, nil
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// bracket reads [3] or ["a name"], and says what is wrong with it.
func bracket(text string) (s step, length int, wrong string) {
	inner := text[1:]
	if strings.HasPrefix(inner, `"`) {
		quoted, err := strconv.QuotedPrefix(inner)
		if err != nil {
			return s, 0, "a name in quotes is left open"
		}
		name, err := strconv.Unquote(quoted)
		if err != nil || !strings.HasPrefix(inner[len(quoted):], "]") {
			return s, 0, `a bracket is left open: write ["NAME"]`
		}
		return step{key: name, named: true, index: -1}, len(quoted) + 2, ""
	}
	number, _, closed := strings.Cut(inner, "]")
	if !closed {
		return s, 0, "a bracket is left open"
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return s, 0, `a number, counted from 0, or a name in quotes is expected in brackets`
	}
	return step{index: int(n)}, len(number) + 2, ""
}

// alternatives reads {min,max} at the end of a path.
func alternatives(text string) (keys []string, wrong string) {
	inner, ok := strings.CutSuffix(text[1:], "}")
	if !ok {
		return nil, "a brace is left open, or is not the end"
	}
	seen := map[string]bool{}
	for key := range strings.SplitSeq(inner, ",") {
		key = strings.TrimSpace(key)
		if key == "" || plainKey.FindString(key) != key {
			return nil, "keys with commas between them are expected in braces"
		}
		if seen[key] {
			return nil, "the key " + key + " is there twice"
		}
		seen[key] = true
		keys = append(keys, key)
	}
	return keys, ""
}

func fork(way []step, keys []string) [][]step {
	var out [][]step
	for _, key := range keys {
		out = append(out, append(way[:len(way):len(way)], step{key: key, index: -1}))
	}
	return out
}
