package account

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A denial puts one statement of ours into a policy that is kept as text, and takes it out again. The statement ends by
// itself, denies nothing that taking it out needs, and has a Sid that says whose it is.
type denial struct {
	what   string // "bucket policy"
	lookup func(ctx context.Context, name string) (id string, err error)
	// read is the policy, "" if there is none, and its revision, where the service has them.
	read func(ctx context.Context, id string) (policy, revision string, err error)
	// write puts the policy there, "" removes it. revision is what was read; a service that has none does not look at it.
	write func(ctx context.Context, id, policy, revision string) error
	// deny is the statement, without what all have.
	deny   func(o order) statement
	limits policyLimits
	// fits says why the service would not take the policy of that many characters, beside what limits say; nil: it would.
	fits func(ctx context.Context, id string, after int) error
}

// policyLimits are what a service takes.
type policyLimits struct {
	size       int  // of the text
	spaces     bool // they count
	statements int  // 0: as many as there is room for
	source     string
}

// A statement is one that we add. A service may write it differently.
type statement struct {
	Sid       string
	Effect    string
	Principal map[string]string         `json:",omitempty"`
	Action    []string                  `json:",omitempty"`
	NotAction []string                  `json:",omitempty"`
	Resource  any                       // text, or a list of texts
	Condition map[string]map[string]any // operator, key: value or values
}

const (
	endOperator, endKey = "DateLessThan", "aws:CurrentTime"

	// policyLease is the least time until a denial ends by itself: each extension is a change of a policy, which takes
	// some services a minute to see.
	policyLease = 10 * time.Minute
)

// everyone is the principal of our statements in the policies of resources; conditions narrow it down.
func everyone() map[string]string { return map[string]string{"AWS": "*"} }

// A kept policy is what the journal has of it.
type kept struct {
	Policy   string `json:"policy,omitempty"`
	Sid      string `json:"sid,omitempty"` // of our statement in it
	revision string
}

func (d denial) setting() setting[kept] {
	return setting[kept]{
		what:   d.what,
		lookup: d.lookup,
		read: func(ctx context.Context, id string) (kept, error) {
			policy, revision, err := d.read(ctx, id)
			return kept{Policy: policy, revision: revision}, err
		},
		want: d.want,
		write: func(ctx context.Context, id string, from, to kept) error {
			return d.write(ctx, id, to.Policy, from.revision)
		},
		fits:  d.room,
		say:   d.say,
		equal: func(a, b kept) bool { return canonical(a.Policy) == canonical(b.Policy) },
		take:  d.take,
		holds: func(now, after kept) bool {
			return sameDenial(ourStatement(now.Policy, after.Sid), ourStatement(after.Policy, after.Sid))
		},
		extend:   extendDenial,
		lease:    policyLease,
		eventual: true,
	}
}

func (d denial) want(now kept, o order) (kept, error) {
	doc, err := parsePolicy(orNone(now.Policy))
	if err != nil {
		return kept{}, &action.Refused{Reason: fmt.Sprintf("%s: its %s cannot be read", o.ID, d.what), Err: err, Tip: "look at it; a policy that is not understood is not touched"}
	}
	for _, s := range doc.statements {
		if strings.HasPrefix(s.sid, sidPrefix) {
			return kept{}, &action.Refused{Reason: fmt.Sprintf("%s: another run has a statement in its %s: %s", o.ID, d.what, s.sid), Tip: "if that run is over, take it back: firedrill recover; or remove the statement"}
		}
	}
	s := d.deny(o)
	s.Sid, s.Effect = sidPrefix+o.Run, "Deny"
	text, err := s.until(o.Until)
	if err != nil {
		return kept{}, err
	}
	if n := d.limits.statements; n > 0 && len(doc.statements) >= n {
		return kept{}, &action.Refused{Reason: fmt.Sprintf("%s: its %s has %d statements already, and the service takes %d", o.ID, d.what, len(doc.statements), n), Tip: d.limits.source}
	}
	after := doc.with(text)
	if size := d.limits.count(after); size > d.limits.size {
		return kept{}, &action.Refused{Reason: fmt.Sprintf("%s: its %s would have %d characters, and the service takes %d", o.ID, d.what, size, d.limits.size), Tip: d.limits.source}
	}
	return kept{Policy: after, Sid: s.Sid}, nil
}

// sidPrefix begins the Sid of our statements; the run's id follows.
const sidPrefix = "Firedrill"

func (d denial) room(ctx context.Context, id string, _, after kept) error {
	if d.fits == nil {
		return nil
	}
	return d.fits(ctx, id, d.limits.count(after.Policy))
}

func (l policyLimits) count(text string) int {
	if l.spaces {
		return len(text)
	}
	return characters(text)
}

// characters counts a text without its white space.
func characters(text string) int {
	n := utf8.RuneCountInString(text)
	for _, r := range text {
		if unicode.IsSpace(r) {
			n--
		}
	}
	return n
}

func (d denial) say(before, after kept) (change, undo string) {
	s := parseStatement(ourStatement(after.Policy, after.Sid))
	change = "deny " + strings.Join(s.Action, ", ")
	if len(s.NotAction) > 0 {
		change = "deny everything but " + strings.Join(s.NotAction, ", ")
	}
	for _, key := range []string{"aws:PrincipalArn", "aws:RequestedRegion"} {
		for _, keys := range s.Condition {
			if only, ok := keys[key]; ok {
				change += fmt.Sprintf(", where %s is %v", key, only)
			}
		}
	}
	undo = fmt.Sprintf("take the statement %s out of its %s", after.Sid, d.what)
	if before.Policy == "" {
		undo = "remove its " + d.what + ", for it has none now"
	}
	return change, undo
}

// take takes our statement out of a policy; whatever else there is stays.
func (d denial) take(now, before, after kept) (kept, string) {
	if now.Policy == "" {
		return now, fmt.Sprintf("its %s was removed", d.what)
	}
	doc, err := parsePolicy(now.Policy)
	if err != nil {
		return now, fmt.Sprintf("its %s cannot be read any more", d.what)
	}
	ours, there := doc.statement(after.Sid)
	drift := ""
	switch {
	case !there:
		drift = fmt.Sprintf("its %s was changed, and the statement %s is gone from it", d.what, after.Sid)
	case !sameDenial(ours, ourStatement(after.Policy, after.Sid)):
		drift = fmt.Sprintf("the statement %s was changed; it is gone now", after.Sid)
	}
	rest := doc.without(after.Sid)
	switch {
	case len(rest.statements) == 0 && before.Policy == "":
		return kept{}, drift
	case canonical(rest.text) == canonical(before.Policy):
		return before, drift
	case drift == "":
		drift = fmt.Sprintf("its %s was changed otherwise, too", d.what)
	}
	if len(rest.statements) == 0 { // no service takes a policy without any
		return kept{}, drift
	}
	return kept{Policy: rest.text, revision: now.revision}, drift
}

func extendDenial(now, after kept, until time.Time) kept {
	doc, err := parsePolicy(now.Policy)
	if err != nil {
		return now
	}
	at := doc.index(after.Sid)
	text, err := parseStatement(ourStatement(after.Policy, after.Sid)).until(until)
	if at < 0 || err != nil {
		return now
	}
	s := doc.statements[at]
	return kept{Policy: doc.text[:s.from] + text + doc.text[s.to:], Sid: after.Sid, revision: now.revision}
}

// until is the statement as JSON, with the end of what it denies.
func (s statement) until(end time.Time) (string, error) {
	conditions := map[string]map[string]any{endOperator: {endKey: end.UTC().Format(time.RFC3339)}}
	for operator, keys := range s.Condition {
		if operator != endOperator {
			conditions[operator] = keys
		}
	}
	s.Condition = conditions
	raw, err := json.Marshal(s)
	return string(raw), err
}

func orNone(policy string) string {
	if policy == "" {
		return noPolicy
	}
	return policy
}

// ourStatement is the statement with this Sid; "" if there is none.
func ourStatement(policy, sid string) string {
	doc, err := parsePolicy(orNone(policy))
	if err != nil {
		return ""
	}
	text, _ := doc.statement(sid)
	return text
}

func parseStatement(text string) statement {
	var s statement
	_ = json.Unmarshal([]byte(text), &s) // ours, or empty
	return s
}

// sameDenial says whether two statements deny the same, however long.
func sameDenial(a, b string) bool {
	x, okA := endless(a)
	y, okB := endless(b)
	return okA && okB && x == y
}

// endless is what a statement means but for its end.
func endless(text string) (string, bool) {
	var s map[string]any
	if json.Unmarshal([]byte(text), &s) != nil || s == nil {
		return "", false
	}
	if conditions, ok := s["Condition"].(map[string]any); ok {
		if ends, ok := conditions[endOperator].(map[string]any); ok {
			delete(ends, endKey)
		}
	}
	raw, err := json.Marshal(s)
	return canonical(string(raw)), err == nil
}

// denialKind is what the faults have in common that deny by the policy of a resource: actions by default, and never what
// undo needs. The kind opens it, and says what it needs.
func denialKind(name, doc string, on experiment.Resource, actions, undo []string) kind {
	service, _, _ := strings.Cut(undo[0], ":")
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{Kind: fault.Kind(name), Doc: doc, Attributes: []fault.Attribute{
				{Name: "actions", Type: fault.TypeTexts, Doc: "what is denied; default " + strings.Join(actions, ", ")},
				{Name: "principals", Type: fault.TypeTexts, Doc: "ARNs of the roles and users who are denied it, with * and ? as wildcards; default: everyone"},
			}},
			Target: on,
			Check:  func(with fault.Attributes) []fault.Problem { return checkActions(with, service, undo) },
		},
		service: service,
	}
}

var actionName = regexp.MustCompile(`^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$`)

// checkActions finds actions of another service, and those that taking the fault back needs.
func checkActions(with fault.Attributes, service string, needed []string) []fault.Problem {
	var out []fault.Problem
	for _, name := range texts(with, "actions") {
		p := fault.Problem{Field: "actions", Value: name}
		switch {
		case !actionName.MatchString(name):
			p.Message, p.Hint = "is not an action of IAM", "SERVICE:ACTION, such as dynamodb:PutItem"
		case service != "" && !strings.HasPrefix(strings.ToLower(name), service+":"):
			p.Message, p.Hint = "is no action of this service", "they begin with "+service+":"
		default:
			i := slices.IndexFunc(needed, func(need string) bool { return covers(name, need) })
			if i < 0 {
				continue
			}
			p.Message, p.Hint = "would deny "+needed[i]+", by which the fault is taken back", "name the actions one by one, without that"
		}
		out = append(out, p)
	}
	return out
}

// covers says whether a pattern of actions means this one, too.
func covers(pattern, name string) bool {
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
	return ok || err != nil
}

// deniedBy is a statement by the attributes that all faults of policies have.
func deniedBy(o order, actions []string, resource any) statement {
	s := statement{Principal: everyone(), Action: actions, Resource: resource}
	if given := texts(o.With, "actions"); len(given) > 0 {
		s.Action = given
	}
	if who := texts(o.With, "principals"); len(who) > 0 {
		s.Condition = map[string]map[string]any{"ArnLike": {"aws:PrincipalArn": who}}
	}
	return s
}

func texts(with fault.Attributes, name string) []string {
	list, _ := with[name].([]string)
	return list
}
