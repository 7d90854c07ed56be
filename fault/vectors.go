package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"
)

// A Vector is a fault set with what it must do: the decisions that every host shares. The files and their
// members are described in testdata/vectors/README.md.
type Vector struct {
	Name     string          `json:"name"`
	Document json.RawMessage `json:"document,omitempty"`
	Text     string          `json:"text,omitempty"` // instead of Document, where that is no JSON
	Now      time.Time       `json:"now"`
	// Problems are the fields that Parse complains of, in order, with " (warning)" behind those that stay in force.
	Problems []string     `json:"problems,omitempty"`
	Cases    []VectorCase `json:"cases"`
}

// A VectorCase is one invocation and what must become of it.
type VectorCase struct {
	RequestID string          `json:"request_id"`
	Event     json.RawMessage `json:"event,omitempty"`
	EventText string          `json:"event_text,omitempty"` // instead of Event, where that is no JSON
	Deadline  time.Time       `json:"deadline,omitzero"`
	// Before and After are the plan.
	Before []VectorInjection `json:"before,omitempty"`
	After  []VectorInjection `json:"after,omitempty"`
	// Start is how the environment starts whose name is RequestID; nil if it starts as always.
	Start *VectorInjection `json:"start,omitempty"`
	// Host is where the handler sends a request, and Outgoing what becomes of that; nil if nothing does.
	Host     string           `json:"host,omitempty"`
	Outgoing *VectorInjection `json:"outgoing,omitempty"`
	// Request is an attempt of a call to an AWS service, and AWSCall what becomes of that; nil if nothing does.
	Request *VectorRequest   `json:"request,omitempty"`
	AWSCall *VectorInjection `json:"awscall,omitempty"`
	// Delivered is the event that the handler gets; empty means Event.
	Delivered string `json:"delivered,omitempty"`
	// Response is what the handler answers, and Result what the caller sees: the response, or the error's JSON
	// where Failed is set. An empty Result means Response.
	Response string `json:"response,omitempty"`
	Result   string `json:"result,omitempty"`
	Failed   bool   `json:"failed,omitempty"`
}

// A VectorRequest is one attempt of a call to an AWS service. See AWSRequest.
type VectorRequest struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Number    int    `json:"number"`
	Attempt   int    `json:"attempt"`
}

// A VectorInjection is one planned injection. Members that are absent are zero.
type VectorInjection struct {
	Kind         Kind   `json:"kind"`
	Skip         string `json:"skip,omitempty"`
	Reason       string `json:"reason,omitempty"` // why it does not fire although it is tried
	Delay        string `json:"delay,omitempty"`  // a Go duration, exact to the microsecond
	ErrorType    string `json:"error_type,omitempty"`
	ErrorMessage string `json:"error_message,omitempty"`
	Refuse       bool   `json:"refuse,omitempty"`
	Hang         bool   `json:"hang,omitempty"`
	Partial      int    `json:"partial,omitempty"`
	// Failed are the numbers, from 0, of the entries that fail in a batch of 10 entries, for a partial AWSCall.
	Failed []int  `json:"failed,omitempty"`
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	Usage  Usage  `json:"usage,omitzero"`
	// Deny is what a Denylist does.
	Deny *VectorDenial `json:"deny,omitempty"`
}

// A VectorDenial is a denial, with some of the hosts that it hits and some that it spares.
type VectorDenial struct {
	Mode   DenyMode `json:"mode"`
	Delay  string   `json:"delay,omitempty"`
	Denied []string `json:"denied,omitempty"`
	Spared []string `json:"spared,omitempty"`
}

// Hosts returns the hosts of the vector, sorted out by whether hits says that they are hit.
func (d VectorDenial) Hosts(hits func(host string) bool) (denied, spared []string) {
	for _, host := range append(append([]string(nil), d.Denied...), d.Spared...) {
		if hits(host) {
			denied = append(denied, host)
		} else {
			spared = append(spared, host)
		}
	}
	return denied, spared
}

// Source returns the bytes that Parse gets.
func (v Vector) Source() []byte {
	if v.Text != "" {
		return []byte(v.Text)
	}
	return v.Document
}

// AWSRequest returns what PlanAWSCall gets.
func (r VectorRequest) AWSRequest() AWSRequest { return AWSRequest(r) }

// Invocation returns what Plan gets.
func (c VectorCase) Invocation() Invocation {
	inv := Invocation{RequestID: c.RequestID, Event: c.Event, Deadline: c.Deadline}
	if c.EventText != "" {
		inv.Event = []byte(c.EventText)
	}
	return inv
}

// LoadVectors reads all vectors of a folder, by file and order. Tests of hosts open fault/testdata/vectors.
func LoadVectors(dir fs.FS) ([]Vector, error) {
	files, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	var all []Vector
	for _, name := range files {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		var vectors []Vector
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&vectors); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, v := range vectors {
			v.Name = name + ": " + v.Name
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no vectors found")
	}
	return all, nil
}
