package fault

import "time"

// Kind names a sort of failure, as it is spelled in fault sets and experiment files.
type Kind string

// The kinds of failure that can be planned.
const (
	Latency    Kind = "latency"    // the handler starts late
	Timeout    Kind = "timeout"    // the handler starts only when the deadline, less a buffer, has come
	Exception  Kind = "exception"  // the invocation fails with an error of a chosen type; the handler never runs
	StatusCode Kind = "statuscode" // the invocation answers with an HTTP status; the handler never runs
	FailAfter  Kind = "fail-after" // the handler runs and commits, then the invocation fails
	Corruption Kind = "corruption" // the handler runs, then its response is replaced or mangled
	Outgoing   Kind = "outgoing"   // an HTTP request that the handler makes is late, refused or answered with a status
	AWSCall    Kind = "awscall"    // a call that the handler makes to an AWS service fails, hangs, is late, or succeeds in part

	DiskSpace       Kind = "diskspace"       // the temporary folder's disk fills up for the invocation
	Memory          Kind = "memory"          // memory is taken for the invocation
	CPU             Kind = "cpu"             // processors are busy beside the handler
	FileDescriptors Kind = "filedescriptors" // file descriptors of the function's process are taken for the invocation

	Denylist Kind = "denylist" // chosen hosts cannot be found, refuse connections, let them hang, or are reached late

	Poison Kind = "poison" // chosen fields of the event are missing, null or replaced
	Batch  Kind = "batch"  // the handler runs, then a share of the batch's records is reported as failed

	Redelivery Kind = "redelivery" // the handler gets the same event twice, and its answers are compared
	ColdStart  Kind = "coldstart"  // a new environment takes longer before it handles its first event
	Throttle   Kind = "throttle"   // the invocation ends as if the function were throttled; the handler never runs
)

// An Invocation is what Plan may know of the event at hand.
type Invocation struct {
	RequestID string    // the invocation's id; the sampling key where no sample_by is set or it is absent
	Event     []byte    // the raw event; needed only where Set.NeedsEvent says so
	Deadline  time.Time // when Lambda ends the invocation; zero if unknown
}

// A Plan is what happens to one invocation: first Before, in order, then the handler, then After.
// If Before ends the invocation (throttle, statuscode, exception), the handler does not run and After is empty.
// The zero Plan injects nothing.
type Plan struct {
	Before []Injection
	After  []Injection
}

// Empty reports whether the plan injects nothing.
func (p Plan) Empty() bool { return len(p.Before) == 0 && len(p.After) == 0 }

// An Injection is one planned failure. The field that belongs to its kind is set; the others are zero.
//
// A host counts each injection once: as fired where it enacted it, otherwise with the reason why not. If Skip
// is set it enacts nothing, counts the injection as planned with Skip as the reason, and goes on. A kind that
// the host does not know is counted likewise, with the reason Unsupported.
type Injection struct {
	Kind Kind
	// Skip says why the host must not enact the injection: a dry run, an unknown deadline. Empty means
	// enact it.
	Skip string
	// Delay is how long to wait, for Latency, Timeout, Outgoing, AWSCall and ColdStart. Never wait less.
	Delay time.Duration
	// ErrorType and ErrorMessage describe the error, for Exception, FailAfter and Throttle (see ErrorBody), and for AWSCall,
	// where ErrorType is a service's code or one of the words AWSThrottling, ..., and "" is no error.
	ErrorType, ErrorMessage string
	// Payload is the whole response to answer with, for a StatusCode before the handler and a Throttle with a Status.
	Payload []byte
	// Refuse makes an Outgoing request fail as if nobody listened.
	Refuse bool
	// Hang keeps an AWSCall without an answer until its context or the client's timeout ends the wait.
	Hang bool
	// Partial is the percentage of the entries of a batch that fail, for AWSCall; 0 where it is not about entries.
	// See FailedEntries.
	Partial int
	// Status, Headers and Body make up the HTTP answer, for StatusCode, for Throttle (where a zero Status means that
	// the invocation fails) and for Outgoing (where it means that the request is sent). Status alone is for AWSCall, where 0 is what the service gives the error.
	Status  int
	Headers map[string]string
	Body    string
	// Usage is what DiskSpace, Memory, CPU and FileDescriptors take, and keep until the invocation has ended.
	Usage Usage
	// Second gives the caller the second answer, for Redelivery.
	Second bool

	// Deny is what a Denylist does to whom, until the invocation has ended.
	Deny *Denial

	corrupt *corruption
	poison  *poison
	entries *moment // what FailedEntries draws from
}

// Unsupported is the reason that a host records for a kind it cannot enact.
const Unsupported = "unsupported"

// Ends reports whether enacting the injection ends the invocation: nothing that stands after it in the plan,
// and before the handler not even the handler, comes to pass.
func (i Injection) Ends() bool {
	if i.Skip != "" {
		return false
	}
	return i.Kind == Exception || i.Kind == FailAfter || i.Kind == Throttle || (i.Kind == StatusCode && i.corrupt == nil)
}

// Attributes are the settings of one kind as a fault set spells them (min_latency, exception_msg, ...),
// without enabled, percentage and match.
type Attributes map[string]any

// A Condition is one clause of match: all clauses must hold for an event to be hit.
type Condition struct {
	Path     string `json:"path"`               // dotted; array elements by number; keys compare exactly
	Operator string `json:"operator,omitempty"` // eq (default), exists, startsWith, regex (RE2, searched)
	Value    string `json:"value,omitempty"`
}
