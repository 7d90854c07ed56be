package fault_test

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// A fault set is parsed once and asked about each invocation.
func ExampleParse() {
	set, problems := fault.Parse([]byte(`{
		"latency":   {"enabled": true, "percentage": 100, "min_latency": 150},
		"exception": {"enabled": true, "percentage": 250}
	}`))
	for _, p := range problems {
		fmt.Println("problem:", p)
	}
	plan := set.Plan(fault.Invocation{RequestID: "1-abc"}, time.Now())
	for _, injection := range plan.Before {
		fmt.Println(injection.Kind, injection.Delay)
	}
	// Output:
	// problem: exception.percentage: 250 is not a number between 0 and 100
	// latency 150ms
}

// Sampling is a hash: the same key is hit, or spared, each time and in each process.
func ExampleSet_Plan_sampling() {
	set, _ := fault.Parse([]byte(`{
		"exception": {"enabled": true, "percentage": 50},
		"firedrill": {"seed": 42, "sample_by": "headers.x-user-id"}
	}`))
	for _, user := range []string{"ann", "eve", "ann", "eve"} {
		event := fmt.Appendf(nil, `{"headers": {"x-user-id": %q}}`, user)
		plan := set.Plan(fault.Invocation{Event: event}, time.Now())
		fmt.Println(user, !plan.Empty())
	}
	// Output:
	// ann false
	// eve true
	// ann false
	// eve true
}

// Normalize accepts what people write in experiment files.
func ExampleNormalize() {
	attributes, _ := fault.Normalize(fault.Latency, fault.Attributes{"min": "100ms", "max": "0.2s"})
	fmt.Println(attributes["min_latency"], attributes["max_latency"])
	_, problems := fault.Normalize(fault.Latency, fault.Attributes{"min": 100, "maximum": "1s"})
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// 100 200
	// maximum: is not an attribute of latency (it has min, max, distribution, delay, stddev)
	// min: 100 has no unit (write 100ms or 100s)
}

// Member builds the part of a document that arms one kind.
func ExampleMember() {
	member, err := fault.Member(fault.StatusCode, fault.Attributes{"status": 503}, 5,
		[]fault.Condition{{Path: "rawPath", Operator: "startsWith", Value: "/api"}})
	fmt.Println(string(member), err)
	// Output: {"enabled":true,"match":[{"path":"rawPath","operator":"startsWith","value":"/api"}],"percentage":5,"status_code":503} <nil>
}

// What stands after the handler changes its response, or fails it.
func ExampleInjection_Corrupt() {
	set, _ := fault.Parse([]byte(`{"corruption": {"enabled": true, "body": "<html>gateway error"}}`))
	plan := set.Plan(fault.Invocation{RequestID: "1"}, time.Now())
	out, changed := plan.After[0].Corrupt([]byte(`{"statusCode":200,"body":"{\"orders\":[]}"}`))
	fmt.Println(string(out), changed)
	// Output: {"body":"<html>gateway error","statusCode":200} true
}

// Whoever reads a function's log counts its injections.
func ExampleParseRecord() {
	line := fault.Record{Time: time.Unix(0, 0), Run: "01J", Kind: fault.Latency, Function: "orders", RequestID: "1", Planned: 1, Fired: 1}.AppendJSON(nil)
	fmt.Print(string(line))
	r, ok := fault.ParseRecord(line)
	fmt.Println(r.Kind, r.Fired, ok)
	// Output:
	// {"firedrill":"injection","time":"1970-01-01T00:00:00Z","run":"01J","kind":"latency","function":"orders","request_id":"1","planned":1,"fired":1}
	// latency 1 true
}

func ExampleMark_Response() {
	mark := fault.Mark{Kinds: []fault.Kind{fault.Latency}, Run: "01J8"}
	marked, _ := mark.Response([]byte(`{"statusCode": 200, "headers": {"etag": "7"}, "body": "sold"}`))
	fmt.Println(string(marked))
	_, changed := mark.Response([]byte(`{"orders": 3}`))
	fmt.Println("no HTTP response:", changed)
	// Output:
	// {"statusCode": 200, "headers": {"x-firedrill-fault":"latency;run=01J8","etag": "7"}, "body": "sold"}
	// no HTTP response: false
}
