package source

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// Variables by which a function says whose faults it takes.
const (
	// PublicKey is one or several Ed25519 public keys, with commas between them: base64 of 32 bytes, or PEM in one
	// line. Where it is set, only fault sets count that one of the keys has signed, that name this function, and
	// whose lease is short.
	PublicKey = "FIREDRILL_PUBLIC_KEY"
	// FunctionARN is this function's unqualified ARN, for audiences that name ARNs: Lambda does not tell it.
	FunctionARN = "FIREDRILL_FUNCTION_ARN"
	// functionName is set by Lambda.
	functionName = "AWS_LAMBDA_FUNCTION_NAME"
)

// MaxLease is how far ahead the end of a signed fault set's lease may be. Beyond it an unsigned one is warned of.
const MaxLease = 24 * time.Hour

// A Gate decides which documents a function takes for its fault set. It is safe for concurrent use, and meant to be
// asked once for each change of a document: a signature costs some hundred microseconds.
type Gate struct {
	keys   []envelope.Key // none: signatures are not asked for
	names  []string       // of the function
	warned atomic.Bool    // that signatures are not checked
}

// NewGate reads the rules from the environment. Where they cannot be read, nothing may be let in: the gate is nil.
func NewGate(getenv func(string) string) (*Gate, *fault.Problem) {
	g := &Gate{names: []string{getenv(functionName), getenv(FunctionARN)}}
	text := strings.TrimSpace(getenv(PublicKey))
	if text == "" {
		return g, nil
	}
	keys, err := envelope.ParseKeys(text)
	if err != nil {
		return nil, &fault.Problem{Field: PublicKey, Message: "cannot be read, no faults are injected: " + err.Error(),
			Hint: "the base64 of 32 bytes, as firedrill faults keygen prints it; several with commas between them"}
	}
	g.keys = keys
	return g, nil
}

// Admit reads a document: a fault set, or an envelope that holds one. The set is nil where nothing is to be injected;
// the problems say why.
func (g *Gate) Admit(doc []byte, now time.Time) (*fault.Set, []fault.Problem) {
	signed := envelope.Is(doc)
	var found []fault.Problem
	if signed {
		payload, problem := g.open(doc)
		if problem != nil {
			found = append(found, *problem)
		}
		if payload == nil {
			return nil, found
		}
		doc = payload
	}
	set, problems := fault.Parse(doc)
	found = append(found, problems...)
	if set.Empty() && (signed || len(g.keys) == 0 || len(problems) == 0) {
		return nil, found // it says so itself, or there is nothing in it
	}
	if !signed && len(g.keys) > 0 {
		return nil, []fault.Problem{{Field: "signatures", Message: "are missing, no faults are injected: this function takes only signed fault sets",
			Hint: PublicKey + " is set; firedrill faults sign"}}
	}
	strict := len(g.keys) > 0
	refused, told := g.judge(set, now, strict)
	if found = append(found, told...); refused {
		return nil, found
	}
	return set, found
}

// open takes the payload out of an envelope. There is no payload where the envelope counts for nothing.
func (g *Gate) open(doc []byte) ([]byte, *fault.Problem) {
	e, err := envelope.Parse(doc)
	if err == nil && len(g.keys) > 0 {
		_, err = e.SignedBy(g.keys...)
	}
	if err != nil {
		return nil, refusal(err)
	}
	if len(g.keys) == 0 && g.warned.CompareAndSwap(false, true) {
		return e.Payload, &fault.Problem{Field: "signatures", Message: "are not checked: this function has no " + PublicKey, Warning: true}
	}
	return e.Payload, nil
}

// refusal is an envelope's error as a line in the log.
func refusal(err error) *fault.Problem {
	p := &fault.Problem{Message: err.Error()}
	if e, ok := err.(*envelope.Error); ok {
		p.Field, p.Message = e.Field, e.Reason
	}
	p.Message += ", no faults are injected"
	return p
}

// judge looks at how long a set counts and for whom. The clock is asked again at each invocation, by the set itself.
func (g *Gate) judge(set *fault.Set, now time.Time, strict bool) (refused bool, found []fault.Problem) {
	tell := func(refuse bool, p fault.Problem) {
		if refuse {
			refused = true
			p.Message += ", no faults are injected"
		}
		p.Warning = !refuse
		found = append(found, p)
	}
	expires := set.Expires()
	lease := fault.Problem{Field: "firedrill.expires_at", Value: expires.UTC().Format(time.RFC3339)}
	switch {
	case expires.IsZero() && strict:
		tell(true, fault.Problem{Field: lease.Field, Message: "is missing, and a signed fault set must end"})
	case expires.IsZero():
	case !now.Before(expires):
		lease.Message = "has passed by this function's clock"
		tell(true, lease)
	case expires.Sub(now) > MaxLease:
		lease.Message = fmt.Sprintf("is more than %v ahead by this function's clock", MaxLease)
		lease.Hint = "faults are safe only while they end soon by themselves"
		tell(strict, lease)
	}
	switch audience := set.Audience(); {
	case len(audience) == 0 && strict:
		tell(true, fault.Problem{Field: "firedrill.audience", Message: "is missing, and a signed fault set must say which functions it is for"})
	case len(audience) > 0 && !set.IsFor(g.names...):
		tell(true, fault.Problem{Field: "firedrill.audience", Value: brief(audience), Message: fmt.Sprintf("does not name this function (%s)", g.name())})
	}
	return refused, found
}

// name is the function's, as a person reads it.
func (g *Gate) name() string {
	for _, name := range g.names {
		if name != "" {
			return name
		}
	}
	return functionName + " is not set"
}

// brief shows the beginning of a list that a document may have made long.
func brief(list []string) string {
	const most = 200
	text := strings.Join(list, ", ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
