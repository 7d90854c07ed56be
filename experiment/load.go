package experiment

import (
	"strings"
	"time"
)

// loadPrefix stands before a load's name where a measure or stop rule means its traffic.
const loadPrefix = "load."

// loads reads the mapping of loads, in the file's order.
func loads() value[[]Load] {
	entries := dictionary(oneLoad(), "a name", patternName, nameText.MatchString)
	return value[[]Load]{schema: entries.schema, read: func(d *decoder, n *node, path string) ([]Load, bool) {
		got, ok := entries.read(d, n, path)
		var out []Load
		for _, e := range got {
			e.value.Name = e.name
			out = append(out, e.value)
		}
		return out, ok
	}}
}

// loadDraft is a load before its parts are put together.
type loadDraft struct {
	Load
	headers []named[string]
}

func headers() value[[]named[string]] { return headersOf(text()) }

func headersOf(text value[string]) value[[]named[string]] {
	return dictionary(text, "the name of a header", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", isToken)
}

func same(text string) string { return text }

func templatedHeaders() value[[]named[string]] {
	return headersOf(templated(text(), same))
}

// isToken says whether text is a token of HTTP (RFC 9110, 5.6.2).
func isToken(text string) bool {
	for _, r := range text {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return text != ""
}

func oneLoad() value[Load] {
	shape := object(loadDraft{Load: Load{Timeout: DefaultLoadTimeout, MaxInFlight: DefaultMaxInFlight}}, []field[loadDraft]{
		key("http", "METHOD URL to send.", templatedRequest(), func(l *loadDraft) **HTTPRequest { return &l.HTTP }),
		key("lambda", "A function to invoke, with body as its event.", line(), func(l *loadDraft) *string { return &l.Lambda }),
		key("body", "Text, or a mapping that becomes JSON. A template: {{.Seq}}, {{.UUID}}, {{.Rand 1 100}}, {{.Pick \"a\" \"b\"}}.", templated(body(), same), func(l *loadDraft) *string { return &l.Body }),
		key("headers", "Headers to send. Values are templates, too.", templatedHeaders(), func(l *loadDraft) *[]named[string] { return &l.headers }),
		key("rate", "When requests start: 20/s; {from, to, over}; {base, peak, at, for}; or a list of steps.", rates(), func(l *loadDraft) *[]RateStep { return &l.Rate }).must(),
		key("timeout", "How long one request may take; default 10s.", duration(time.Millisecond, time.Hour), func(l *loadDraft) *time.Duration { return &l.Timeout }),
		key("max_in_flight", "Requests beyond this many at once are dropped, and counted as errors; default 1000.", integer(1, 100_000), func(l *loadDraft) *int { return &l.MaxInFlight }),
		key("seed", "Makes the random parts of templates the same in each run.", integer[int64](0, 1<<62), func(l *loadDraft) *int64 { return &l.Seed }),
	})
	shape.schema["oneOf"] = []any{schema{"required": []string{"http"}}, schema{"required": []string{"lambda"}, "properties": schema{"headers": false}}}
	return value[Load]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Load, bool) {
		l, ok := shape.read(d, n, path)
		if n.form != mapping {
			return l.Load, false
		}
		switch {
		case d.has(join(path, "http")) && d.has(join(path, "lambda")):
			d.problem(join(path, "lambda"), l.Lambda, "says both http and lambda", "keep one of the two")
			return l.Load, false
		case !d.has(join(path, "http")) && !d.has(join(path, "lambda")):
			d.problem(path, "", "says neither http nor lambda", "http: POST ${api}/purchase, or lambda: NAME")
			return l.Load, false
		case d.has(join(path, "headers")) && !d.has(join(path, "http")):
			d.problem(join(path, "headers"), "", "headers go with http only", "put what the function should see into body")
			return l.Load, false
		}
		if l.HTTP != nil {
			l.HTTP.Headers = asMap(l.headers)
		}
		return l.Load, ok
	}}
}

func asMap(entries []named[string]) map[string]string {
	if len(entries) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, e := range entries {
		out[e.name] = e.value
	}
	return out
}

// rates reads every way to write a rate.
func rates() value[[]RateStep] {
	constant, sloped, spiked, step := rate(), ramp(), spike(), rateStep()
	told := schema{"anyOf": []any{constant.schema, sloped.schema, spiked.schema,
		schema{"type": "array", "minItems": 1, "items": schema{"anyOf": []any{constant.schema, sloped.schema, step.schema}}}}}
	return value[[]RateStep]{schema: told, read: func(d *decoder, n *node, path string) ([]RateStep, bool) {
		var steps []RateStep
		ok := false
		switch {
		case n.form == sequence:
			steps, ok = rateList(d, n, path)
		case n.form == mapping && (n.get("base") != nil || n.get("peak") != nil):
			steps, ok = spiked.read(d, n, path)
		case n.form == mapping:
			var s RateStep
			s, ok = sloped.read(d, n, path)
			steps = []RateStep{s, {From: s.To, To: s.To}}
		default:
			var r float64
			r, ok = constant.read(d, n, path)
			steps = []RateStep{{From: r, To: r}}
		}
		if ok && idle(steps) {
			d.wrong(n, path, "never sends anything", "write a rate above 0, such as 20/s")
			return nil, false
		}
		return steps, ok
	}}
}

func idle(steps []RateStep) bool {
	for _, s := range steps {
		if s.From > 0 || s.To > 0 {
			return false
		}
	}
	return true
}

// ramp reads {from, to, over}.
func ramp() value[RateStep] {
	return object(RateStep{}, []field[RateStep]{
		key("from", "The rate at the start.", rate(), func(s *RateStep) *float64 { return &s.From }).must(),
		key("to", "The rate at the end, which then stays.", rate(), func(s *RateStep) *float64 { return &s.To }).must(),
		key("over", "How long it takes.", duration(time.Millisecond, longest), func(s *RateStep) *time.Duration { return &s.For }).must(),
	})
}

// rateStep reads {rate, for}, a part of a list.
func rateStep() value[RateStep] {
	type flat struct {
		rate float64
		time time.Duration
	}
	shape := object(flat{}, []field[flat]{
		key("rate", "The rate.", rate(), func(s *flat) *float64 { return &s.rate }).must(),
		key("for", "How long it lasts.", duration(time.Millisecond, longest), func(s *flat) *time.Duration { return &s.time }).must(),
	})
	return value[RateStep]{schema: shape.schema, read: func(d *decoder, n *node, path string) (RateStep, bool) {
		s, ok := shape.read(d, n, path)
		return RateStep{From: s.rate, To: s.rate, For: s.time}, ok
	}}
}

// spike reads {base, peak, at, for}.
func spike() value[[]RateStep] {
	type bump struct {
		base, peak float64
		at, time   time.Duration
	}
	shape := object(bump{}, []field[bump]{
		key("base", "The rate before and after.", rate(), func(s *bump) *float64 { return &s.base }).must(),
		key("peak", "The rate during the spike.", rate(), func(s *bump) *float64 { return &s.peak }).must(),
		key("at", "When the spike begins, from the start of the load.", duration(time.Millisecond, longest), func(s *bump) *time.Duration { return &s.at }).must(),
		key("for", "How long it lasts.", duration(time.Millisecond, longest), func(s *bump) *time.Duration { return &s.time }).must(),
	})
	return value[[]RateStep]{schema: shape.schema, read: func(d *decoder, n *node, path string) ([]RateStep, bool) {
		s, ok := shape.read(d, n, path)
		return []RateStep{{s.base, s.base, s.at}, {s.peak, s.peak, s.time}, {s.base, s.base, 0}}, ok
	}}
}

// rateList reads steps that follow each other. Only the last may be without an end; the last rate stays.
func rateList(d *decoder, n *node, path string) ([]RateStep, bool) {
	if len(n.items) == 0 {
		d.wrong(n, path, "the list is empty", "write a rate, such as 20/s")
		return nil, false
	}
	var steps []RateStep
	good := true
	for i, item := range n.items {
		var s RateStep
		at, ok := index(path, i), true
		d.places[at] = item
		switch {
		case item.form == mapping && item.get("rate") != nil:
			s, ok = rateStep().read(d, item, at)
		case item.form == mapping:
			s, ok = ramp().read(d, item, at)
		default:
			s.From, ok = rate().read(d, item, at)
			s.To = s.From
			if ok && i < len(n.items)-1 {
				d.wrong(item, at, "has no end, but is not the last step", "write {rate: "+item.text+", for: 10s}")
				ok = false
			}
		}
		steps, good = append(steps, s), good && ok
	}
	if last := steps[len(steps)-1]; last.For > 0 {
		steps = append(steps, RateStep{From: last.To, To: last.To})
	}
	return steps, good
}
