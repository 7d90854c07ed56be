package runtimes

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// asUsual is what a caller sees of a fault that is not there.
const asUsual = "as usual"

// Delays and amounts that are planned. A machine may add to them, never take from them.
const (
	slowStart   = 400 * time.Millisecond
	late        = 300 * time.Millisecond
	timeLeft    = functionTimeout - 500*time.Millisecond
	megabytes   = 64
	diskSpace   = 512
	descriptors = 64
	fewLeft     = 16
)

// A row is a kind with what arms it, the event that meets it, and how to see it.
type row struct {
	attributes string // members of the kind in the fault set, beside enabled and match
	event      event
	saw        func(hit, usual answer) string
}

// event is what the functions take.
type event struct {
	Case, SKU   string
	Probe       string           `json:",omitempty"`
	Of          string           `json:",omitempty"`
	URL         string           `json:",omitempty"`
	Host        string           `json:",omitempty"`
	Handled     string           // where the handler notes that it ran
	Descriptors int              `json:",omitempty"`
	Records     []map[string]any `json:"Records,omitempty"`
}

// rows are all kinds. url answers HTTP requests with 204, and machine is a name that resolves (Java never fails to find
// localhost).
func rows(url, machine string) map[fault.Kind]row {
	return map[fault.Kind]row{
		fault.ColdStart:       {fmt.Sprintf(`"min_latency":%d`, slowStart.Milliseconds()), event{}, lateBy(slowStart)},
		fault.Latency:         {fmt.Sprintf(`"min_latency":%d`, late.Milliseconds()), event{}, lateBy(late)},
		fault.Timeout:         {fmt.Sprintf(`"timeout_buffer_ms":%d`, timeLeft.Milliseconds()), event{}, lateBy(functionTimeout - timeLeft - time.Millisecond)}, // deadlines are whole milliseconds
		fault.DiskSpace:       {fmt.Sprintf(`"disk_space":%d`, diskSpace), event{Probe: "disk"}, lessDisk},
		fault.Memory:          {fmt.Sprintf(`"memory_mb":%d`, megabytes), event{Probe: "memory"}, moreMemory},
		fault.CPU:             {`"cores":1`, event{Probe: "cpu"}, seen("true", "a busy processor")},
		fault.Denylist:        {fmt.Sprintf(`"hosts":[%q]`, machine), event{Probe: "lookup", Host: machine}, seen("false", "no such host")},
		fault.Poison:          {`"replace":{"SKU":"poisoned"}`, event{}, changed},
		fault.Redelivery:      {`"answer":"second"`, event{}, changed},
		fault.FailAfter:       {``, event{}, changed},
		fault.Throttle:        {``, event{}, changed},
		fault.StatusCode:      {`"status_code":503`, event{}, changed},
		fault.Exception:       {`"exception_msg":"injected"`, event{}, changed},
		fault.Corruption:      {`"body":"corrupted"`, event{}, changed},
		fault.Batch:           {`"share":100`, event{Records: batch()}, changed},
		fault.Outgoing:        {`"hosts":["*"],"status_code":503`, event{Probe: "http", URL: url}, seen("503", "status 503 of its request")},
		fault.AWSCall:         {`"service":"lambda","error":"throttling"`, event{Probe: "aws"}, seen("false", "an error of its call")},
		fault.FileDescriptors: {fmt.Sprintf(`"leave":%d`, fewLeft), event{Probe: "descriptors", Descriptors: descriptors}, fewDescriptors},
	}
}

// document arms every kind for the events that are meant for it. A cold start has no event.
func document(rows map[fault.Kind]row) string {
	var members []string
	for kind, r := range rows {
		member := `"enabled":true`
		if r.attributes != "" {
			member += "," + r.attributes
		}
		if kind != fault.ColdStart {
			member += fmt.Sprintf(`,"match":[{"path":"Case","value":%q}]`, kind)
		}
		members = append(members, fmt.Sprintf("%q:{%s}", kind, member))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func batch() []map[string]any {
	return []map[string]any{{"eventSource": "aws:sqs", "messageId": "m-1"}, {"eventSource": "aws:sqs", "messageId": "m-2"}}
}

func lateBy(d time.Duration) func(hit, usual answer) string {
	return func(hit, usual answer) string {
		if hit.took < d {
			return asUsual
		}
		return "a late answer" + difference(hit, usual)
	}
}

// changed says what is different about the answer, and whether the handler ran.
func changed(hit, usual answer) string {
	if d := difference(hit, usual); d != "" {
		return strings.TrimPrefix(d, ", ")
	}
	return asUsual
}

// difference is empty for answers that are alike.
func difference(hit, usual answer) string {
	var d string
	switch {
	case hit.failed != usual.failed:
		d += ", error " + hit.failed
	case hit.failures > 0:
		d += fmt.Sprintf(", %d of 2 records failed", hit.failures)
	case hit.status != usual.status:
		d += fmt.Sprintf(", status %d", hit.status)
	case hit.plain != "":
		d += ", body " + hit.plain
	case hit.body.SKU != usual.body.SKU:
		d += ", another event: " + hit.body.SKU
	}
	switch hit.ran {
	case 1:
		if hit.failed != "" {
			d += "; the handler ran"
		}
	case 0:
		d += "; the handler did not run"
	default:
		d += fmt.Sprintf(", the answer of turn %d; the handler ran %d times", hit.body.Turn-usual.body.Turn, hit.ran)
	}
	return d
}

// seen is what the handler saw and told.
func seen(value, text string) func(hit, usual answer) string {
	return func(hit, usual answer) string {
		if got := string(hit.body.Seen); got != value {
			return asUsual
		}
		return "the handler: " + text + difference(hit, usual)
	}
}

func lessDisk(hit, usual answer) string {
	if usual.number()-hit.number() < diskSpace/2 { // others write to that disk, too
		return asUsual
	}
	return fmt.Sprintf("the handler: %d MB less", diskSpace) + difference(hit, usual)
}

func moreMemory(hit, usual answer) string {
	if hit.number()-usual.number() < megabytes*3/4 {
		return asUsual
	}
	return fmt.Sprintf("%d MB taken", megabytes) + difference(hit, usual)
}

func fewDescriptors(hit, usual answer) string {
	if usual.number() != descriptors {
		return fmt.Sprintf("only %d descriptors without a fault", usual.number())
	}
	if hit.number() > fewLeft {
		return asUsual
	}
	return "the handler: too many open files" + difference(hit, usual)
}

// answer is what became of one invocation.
type answer struct {
	took     time.Duration
	failed   string // the error's type
	status   int
	plain    string // a body that is not the handler's
	failures int    // records of the batch that are reported as failed
	body     struct {
		SKU  string          `json:"sku"`
		Turn int             `json:"turn"`
		PID  int             `json:"pid"`
		Seen json.RawMessage `json:"seen"`
	}
	ran int // how often the handler ran for it
	id  string
}

func (a answer) number() (n int) {
	_ = json.Unmarshal(a.body.Seen, &n) // 0 where it is none
	return n
}

// parse reads the answer of an invocation.
func (a *answer) parse(payload []byte, failed bool) error {
	var document struct {
		StatusCode   int               `json:"statusCode"`
		Body         string            `json:"body"`
		ErrorType    string            `json:"errorType"`
		ErrorMessage string            `json:"errorMessage"`
		Failures     []json.RawMessage `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(payload, &document); err != nil {
		return fmt.Errorf("answer %q: %w", payload, err)
	}
	a.status, a.failures = document.StatusCode, len(document.Failures)
	if failed {
		a.failed = document.ErrorType
		return nil
	}
	if json.Unmarshal([]byte(document.Body), &a.body) != nil {
		a.plain = document.Body
	}
	return nil
}
