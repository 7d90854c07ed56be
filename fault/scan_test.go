package fault

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// decoded is lookup by way of encoding/json: the reference.
func decoded(event []byte, p dotted) (text string, found bool) {
	var root any
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	if !json.Valid(event) || decoder.Decode(&root) != nil {
		return "", false
	}
	at := root
	for _, segment := range p {
		switch container := at.(type) {
		case map[string]any:
			next, ok := container[segment]
			if !ok {
				return "", false
			}
			at = next
		case []any:
			n, err := strconv.Atoi(segment)
			if err != nil || n < 0 || n >= len(container) || strconv.Itoa(n) != segment {
				return "", false
			}
			at = container[n]
		default:
			return "", false
		}
	}
	switch at := at.(type) {
	case string:
		return at, true
	case json.Number:
		return at.String(), true
	case bool:
		return strconv.FormatBool(at), true
	case nil:
		return "null", true
	}
	return "", true // containers are compared by their presence only: their source is not kept
}

func checkLookup(t *testing.T, event []byte, p dotted) {
	t.Helper()
	want, wantFound := decoded(event, p)
	got, found := lookup(event, p)
	if found != wantFound {
		t.Fatalf("lookup(%.200q, %q) found %v, encoding/json %v", event, p, found, wantFound)
	}
	if found && want != "" && string(got.text()) != want {
		t.Fatalf("lookup(%.200q, %q) = %q, encoding/json %q", event, p, got.text(), want)
	}
}

var events = []string{
	`{}`, `[]`, `null`, `true`, `"a"`, `0`, `-0`, `1e5`, `1.25E-7`, ``, ` `, `{`, `}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{"a":1 "b":2}`,
	`{"a":{"b":[1,"two",{"c":null}]}}`, `{"a":1,"a":{"b":2}}`, `{"a":{"b":2},"a":1}`, `[{"a":"x"},{"a":"y"}]`,
	`{"a":"\u0041\ud83d\ude00\ud83d"}`, `{"\u0061":"esc"}`, `{"":"empty key"}`, `{"é":"ü"}`, `{"a":"bad ` + "\xff" + ` utf8"}`, `{"` + "\xff" + `":1}`, `{"` + "\uFFFD" + `":1}`,
	`{"a":"ctrl ` + "\x01" + `"}`, `{"a":"tab` + "\t" + `"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\u12G4"}`, `{"a":"unterminated`, `{"a":"\`, `{"a":"12345678\"90123456"}`,
	`01`, `1.`, `.5`, `+1`, `-`, `1e`, `1e+`, `tru`, `trueX`, `nul`, `NaN`, `{"a":1}x`, `{"a":1} `, "\t\r\n{\"a\"\n:\t1}", `{'a':1}`, `{"a":1}{"a":2}`,
	strings.Repeat("[", 10000) + strings.Repeat("]", 10000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001), strings.Repeat(`{"a":`, 9999) + "1" + strings.Repeat("}", 9999),
}

var paths = []string{"a", "a.b", "a.b.0", "a.b.1", "a.b.2.c", "0", "0.a", "1.a", "é", "\uFFFD", "a.b.01", "a.b.-1", "a.b.9999999999", "b"}

func TestLookupAgreesWithEncodingJSON(t *testing.T) {
	for _, event := range events {
		for _, p := range paths {
			checkLookup(t, []byte(event), strings.Split(p, "."))
		}
	}
}

func FuzzLookup(f *testing.F) {
	for i, event := range events {
		if len(event) < 1000 {
			f.Add([]byte(event), paths[i%len(paths)])
		}
	}
	f.Fuzz(func(t *testing.T, event []byte, text string) {
		p, err := parsePath(strings.ToValidUTF8(text, "?"))
		if err != nil {
			t.Skip()
		}
		checkLookup(t, event, p)
	})
}

func TestLookupDoesNotAllocate(t *testing.T) {
	event := []byte(`{"headers":{"host":"a","x-user-id":"ann"},"list":[1,2.5,true,null,{"deep":[[]]}],"body":"plain text"}`)
	p := dotted{"headers", "x-user-id"}
	if n := testing.AllocsPerRun(100, func() {
		if v, ok := lookup(event, p); !ok || string(v.text()) != "ann" {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
