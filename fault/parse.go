package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDocument bounds a fault set. SSM parameters end at 8 kB, environments at 4 kB.
const maxDocument = 1 << 20

// Parse reads a fault set: Firedrill's own and failure-lambda 1.x (one member for each kind), failure-lambda
// 0.x and Python's chaos-lambda (flat). It never fails: what is wrong is disabled and told as a Problem, and a
// document that is wrong as a whole, or says wrong things about its lease, is an empty set. Problems are cut to
// what a log can bear, in number and length.
func Parse(doc []byte) (*Set, []Problem) {
	set, problems := parse(doc)
	return set, bounded(problems)
}

func parse(doc []byte) (*Set, []Problem) {
	members, problem := decode(doc)
	if problem != nil {
		return &Set{}, []Problem{*problem}
	}
	set := &Set{}
	var problems []Problem
	if raw, ok := members["firedrill"]; ok {
		d, found := parseDrill(raw)
		problems = append(problems, under("firedrill", found)...)
		if anyFatal(found) {
			return &Set{}, problems
		}
		set.drill = d
	}
	found := translateFlat(members)
	problems = append(problems, found.problems...)
	for _, k := range kinds() {
		raw, ok := members[string(k.Kind)]
		if !ok {
			continue
		}
		f, enabled, wrong := parseMember(k, raw)
		problems = append(problems, found.rename(under(string(k.Kind), wrong))...)
		if enabled {
			set.add(f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, known := kindByName(Kind(name)); !known && name != "firedrill" {
			problems = append(problems, Problem{Field: name, Message: "is not a kind of fault, and is ignored",
				Hint: unknownKind("").Hint, Warning: true})
		}
	}
	return set, problems
}

// add keeps the order of evaluation: kinds come sorted, but a behaviour may follow the handler although its
// kind does not as a rule.
func (s *Set) add(f flag) {
	switch f.kind {
	case Outgoing:
		s.outgoing = &f
		return
	case AWSCall:
		s.awsCall = &f
		return
	}
	if f.start {
		s.start = &f
		return
	}
	at := len(s.flags)
	if !f.after {
		at = slices.IndexFunc(s.flags, func(other flag) bool { return other.after })
		if at < 0 {
			at = len(s.flags)
		}
	}
	s.flags = slices.Insert(s.flags, at, f)
}

func decode(doc []byte) (map[string]any, *Problem) {
	if len(doc) > maxDocument {
		return nil, &Problem{Message: fmt.Sprintf("the document has %d bytes, more than %d", len(doc), maxDocument)}
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var members map[string]any
	err := decoder.Decode(&members)
	if err == nil && members == nil {
		err = errors.New("it is null")
	}
	if err == nil {
		if _, more := decoder.Token(); more != io.EOF {
			err = errors.New("something follows it")
		}
	}
	if err != nil {
		return nil, &Problem{Value: valueText(string(bytes.ToValidUTF8(doc, []byte("?")))),
			Message: fmt.Sprintf("is not a JSON object: %v", err)}
	}
	return members, nil
}

// parseDrill reads the member "firedrill". Any mistake in it is fatal for the whole set: it says when the
// faults end, and doubt means do nothing.
func parseDrill(raw any) (drill, []Problem) {
	var d drill
	object, ok := raw.(map[string]any)
	if !ok {
		return d, []Problem{{Value: valueText(raw), Message: "is not an object"}}
	}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(object)) {
		problem := d.set(name, object[name])
		if problem != nil {
			problem.Field, problem.Value = name, valueText(object[name])
			problems = append(problems, *problem)
		}
	}
	return d, problems
}

func (d *drill) set(name string, raw any) *Problem {
	text, isText := raw.(string)
	switch name {
	case "run":
		if !isText {
			return &Problem{Message: "is not text"}
		}
		d.run = text
	case "expires_at":
		expires, err := time.Parse(time.RFC3339, text)
		if err != nil || expires.IsZero() {
			return &Problem{Message: "is not an instant", Hint: "write it as 2026-11-21T10:00:00Z"}
		}
		d.expires = expires
	case "seed":
		number, _ := raw.(json.Number)
		seed, err := strconv.ParseUint(number.String(), 10, 64)
		if err != nil {
			return &Problem{Message: "is not a whole number between 0 and 2^64-1"}
		}
		d.seed = seed
	case "sample_by":
		by, err := parsePath(text)
		if err != nil {
			return &Problem{Message: err.Error()}
		}
		d.sampleBy = by
	case "dry_run":
		on, ok := raw.(bool)
		if !ok {
			return &Problem{Message: "is not true or false"}
		}
		d.dryRun = on
	case "armed":
		list, problem := readTexts(raw)
		if problem != nil {
			return problem
		}
		for _, kind := range list.([]string) {
			d.armed = append(d.armed, Kind(kind))
		}
	case "audience":
		list, problem := readTexts(raw)
		if problem != nil {
			return problem
		}
		return d.setAudience(list.([]string))
	default:
		return &Problem{Message: "is not known, and is ignored", Warning: true}
	}
	return nil
}

// maxAudience bounds how many functions a set names.
const maxAudience = 1000

func (d *drill) setAudience(list []string) *Problem {
	if len(list) == 0 || len(list) > maxAudience {
		return &Problem{Message: fmt.Sprintf("names %d functions, not 1 to %d", len(list), maxAudience)}
	}
	for _, name := range list {
		if at := strings.IndexByte(name, '*'); name == "" || at >= 0 && at != len(name)-1 {
			return &Problem{Message: fmt.Sprintf("has the entry %q, which names no function", cut(name, 100)), Hint: "a name or ARN; * may stand at the end"}
		}
	}
	d.audience = list
	return nil
}
