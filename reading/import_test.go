package reading

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// aDocument generates documents of the older tools.
func aDocument() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		low := rapid.IntRange(0, 2000).Draw(t, "low")
		high := low + rapid.IntRange(0, 2000).Draw(t, "range")
		status := rapid.IntRange(100, 599).Draw(t, "status")
		message := rapid.StringOf(rapid.RuneFrom([]rune{'$', '{', '"'}, unicode.Letter, unicode.Punct, unicode.Symbol, unicode.Space, unicode.Cc, unicode.Cf)).Draw(t, "message")
		rate := rapid.SampledFrom([]any{1, 0.29, 0.5, 0.07, 1e-3, json.Number("5e-1")}).Draw(t, "rate")
		var d map[string]any
		switch rapid.SampledFrom([]string{fault.FormatFailure0, fault.FormatFailure1, fault.FormatChaos}).Draw(t, "format") {
		case fault.FormatFailure0:
			d = map[string]any{"isEnabled": true, "rate": rate, "minLatency": low, "maxLatency": high, "statusCode": status, "exceptionMsg": message, "diskSpace": 1 + low,
				"failureMode": rapid.SampledFrom([]string{"latency", "exception", "statuscode", "diskspace"}).Draw(t, "mode")}
		case fault.FormatChaos:
			d = map[string]any{"is_enabled": true, "rate": rate, "delay": low, "error_code": status, "exception_msg": message,
				"fault_type": rapid.SampledFrom([]string{"latency", "exception", "status_code"}).Draw(t, "type")}
		default:
			d = map[string]any{
				"latency":    map[string]any{"enabled": rapid.Bool().Draw(t, "latency"), "percentage": rapid.IntRange(0, 100).Draw(t, "percentage"), "min_latency": low, "max_latency": high, "match": someMatch(t)},
				"statuscode": map[string]any{"enabled": rapid.Bool().Draw(t, "statuscode"), "status_code": status, "match": someMatch(t)},
				"corruption": map[string]any{"enabled": true, "body": message},
				"timeout":    map[string]any{"enabled": rapid.Bool().Draw(t, "timeout"), "timeout_buffer_ms": low},
			}
		}
		if rapid.Bool().Draw(t, "sampled") {
			d["firedrill"] = map[string]any{"seed": rapid.Uint64().Draw(t, "seed"), "sample_by": "headers.x-user-id"}
		}
		return d
	})
}

func someMatch(t *rapid.T) []any {
	value := rapid.SampledFrom([]string{"GET", "$", "${x}", "^(GET|HEAD)$", "a\"b\\", "no", "1.5"}).Draw(t, "value")
	operator := rapid.SampledFrom([]string{"eq", "startsWith", "exists", "regex", ""}).Draw(t, "operator")
	c := map[string]any{"path": "requestContext.http.method", "operator": operator}
	switch operator {
	case "exists":
	case "regex":
		c["value"] = "^(GET|HEAD)$"
	default:
		c["value"] = value
	}
	if operator == "" {
		delete(c, "operator")
	}
	if rapid.Bool().Draw(t, "all") {
		return []any{}
	}
	return []any{c}
}

// The fault set that import prints, and the experiment that import --experiment prints, decide as the document does.
func TestImportDecidesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		generated := aDocument().Draw(t, "document")
		text, err := json.Marshal(generated)
		if err != nil {
			t.Fatal(err)
		}
		in := Import(text)
		if len(in.Problems) > 0 {
			t.Fatalf("%s: %v", text, in.Problems)
		}
		want, _ := fault.Parse(text)
		got, _ := fault.Parse(in.Document)
		alike(t, want, got, "the import")
		if want.Empty() {
			return
		}
		got, problems := fault.Parse(rehearsed(t, text))
		if len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
		alike(t, want, got, "the experiment")
	})
}

// rehearsed is the fault set that the printed experiment publishes.
func rehearsed(t *rapid.T, text []byte) []byte {
	file := `version: 1
title: t
objective: o
load: {a: {http: "GET http://127.0.0.1:1/", rate: 1/s}}
measures: [{name: m, of: load.a, expect: p95 < 1s}]
phases: {baseline: 5s, fault: 6s, recovery: 10s}
` + Conditions(text, "hello", time.Now())
	x, problems := experiment.Parse([]byte(file), experiment.Options{File: "x.yaml"})
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("%s\n%s", p, file)
		}
	}
	set := map[string]any{}
	for _, c := range x.Conditions {
		member, err := fault.Member(fault.Kind(c.Fault), c.With, c.Percentage, c.Match)
		if err != nil {
			t.Fatal(err)
		}
		set[c.Fault] = member
		set["firedrill"] = map[string]any{"seed": c.Seed}
		if c.SampleBy != "" {
			set["firedrill"] = map[string]any{"seed": c.Seed, "sample_by": c.SampleBy}
		}
	}
	document, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// alike fails unless two sets decide alike about the same invocations.
func alike(t *rapid.T, want, got *fault.Set, what string) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i := range 30 {
		event := fmt.Appendf(nil, `{"requestContext":{"http":{"method":%q}},"headers":{"x-user-id":"u%d"}}`, []string{"GET", "HEAD", "PUT", "$", "a\"b\\"}[i%5], i%7)
		inv := fault.Invocation{RequestID: fmt.Sprintf("r-%d", i), Event: event, Deadline: now.Add(3 * time.Second)}
		x, y := want.Plan(inv, now), got.Plan(inv, now)
		if !reflect.DeepEqual(told(x), told(y)) {
			t.Fatalf("%s decides otherwise about %s: %v, want %v", what, event, told(y), told(x))
		}
	}
}

// told is what a plan makes a host do.
func told(p fault.Plan) []string {
	var list []string
	for _, i := range append(p.Before, p.After...) {
		response, _ := i.Corrupt([]byte(`{"statusCode":200,"body":"hello, world: a text to mangle"}`))
		list = append(list, fmt.Sprint(i.Kind, i.Skip, i.Delay, i.ErrorType, i.ErrorMessage, i.Status, i.Headers, i.Body, string(i.Payload), i.Usage, string(response)))
	}
	return list
}

// Every difference concerns some document, so none is told in vain.
func TestDifferences(t *testing.T) {
	documents := []string{
		`{"isEnabled":true,"failureMode":"latency","rate":0.5}`, `{"isEnabled":true,"failureMode":"statuscode"}`, `{"isEnabled":true,"failureMode":"exception"}`,
		`{"isEnabled":true,"failureMode":"diskspace"}`, `{"isEnabled":true,"failureMode":"denylist","denylist":["a"]}`, `{"is_enabled":true,"fault_type":"exception"}`,
		`{"timeout":{"enabled":true,"match":[{"path":"a","operator":"regex","value":"b"}]}}`,
	}
	heard := map[string]bool{}
	for _, d := range documents {
		for _, text := range Import([]byte(d)).Differences {
			heard[text] = true
		}
	}
	for _, d := range differencesKnown() {
		if !heard[d.text] {
			t.Errorf("never told: %s", d.text)
		}
	}
	if own := Import([]byte(`{"latency":{"enabled":true},"firedrill":{"seed":1}}`)); len(own.Differences) > 0 {
		t.Errorf("told of a document of ours: %v", own.Differences)
	}
}
