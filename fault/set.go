package fault

import (
	"strings"
	"time"
)

// A Set is a parsed fault set. It is immutable and safe for concurrent use; a nil Set injects nothing.
type Set struct {
	flags    []flag // enabled, above 0 percent, in the order of evaluation
	outgoing *flag
	start    *flag // how the environment starts
	awsCall  *flag
	drill    drill
}

// drill is the member "firedrill": what the runner says about the whole set.
type drill struct {
	run      string
	expires  time.Time // zero: no lease
	seed     uint64
	sampleBy dotted
	dryRun   bool
	armed    []Kind
	audience []string
}

// flag is one enabled member of the set.
type flag struct {
	kind       Kind
	percentage float64 // in (0, 100]
	match      []clause
	behaviour
}

// behaviour is what a kind makes of its attributes.
type behaviour struct {
	effect effect
	draws  bool       // the effect depends on the sampling key
	reads  bool       // the effect depends on the event
	start  bool       // the effect comes once, before the first event
	after  bool       // the effect comes after the handler
	hosts  []string   // for Outgoing: globs of the hosts that are hit
	aws    *awsTarget // for AWSCall
}

// effect turns the hash of an invocation that is hit into what happens to it.
type effect func(m moment) Injection

// moment is what an effect may depend on.
type moment struct {
	hash, seed    uint64
	now, deadline time.Time
	event         []byte
}

// Run returns the id of the run that armed the set, or "".
func (s *Set) Run() string {
	if s == nil {
		return ""
	}
	return s.drill.run
}

// Expires returns the end of the lease, or the zero time if the set has none.
func (s *Set) Expires() time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.drill.expires
}

// Armed returns the kinds that the runner added, as opposed to those that the function's owner had set.
func (s *Set) Armed() []Kind {
	if s == nil {
		return nil
	}
	return append([]Kind(nil), s.drill.armed...)
}

// Audience returns the functions that the set is for, as it names them; none if it does not say.
func (s *Set) Audience() []string {
	if s == nil {
		return nil
	}
	return append([]string(nil), s.drill.audience...)
}

// IsFor reports whether the set is for a function of one of these names. A set that names no audience is for nobody.
func (s *Set) IsFor(names ...string) bool {
	if s == nil {
		return false
	}
	for _, pattern := range s.drill.audience {
		start, open := strings.CutSuffix(pattern, "*")
		for _, name := range names {
			if name != "" && (name == pattern || open && strings.HasPrefix(name, start)) {
				return true
			}
		}
	}
	return false
}

// Empty reports whether the set can inject nothing at any time.
func (s *Set) Empty() bool {
	return s == nil || (len(s.flags) == 0 && s.outgoing == nil && s.awsCall == nil && s.start == nil)
}

// HasOutgoing reports whether PlanOutgoing can hit anything.
func (s *Set) HasOutgoing() bool { return s != nil && s.outgoing != nil }

// HasAWSCalls reports whether PlanAWSCall can hit anything.
func (s *Set) HasAWSCalls() bool { return s != nil && s.awsCall != nil }

// NeedsEvent reports whether any of the plans read Invocation.Event. A host for which the event is dear to
// hold may leave it out otherwise.
func (s *Set) NeedsEvent() bool {
	if s == nil {
		return false
	}
	for i := range s.flags {
		if s.needsEvent(&s.flags[i]) {
			return true
		}
	}
	return (s.outgoing != nil && s.needsEvent(s.outgoing)) || (s.awsCall != nil && s.needsEvent(s.awsCall))
}

func (s *Set) needsEvent(f *flag) bool {
	return f.reads || len(f.match) > 0 || (len(s.drill.sampleBy) > 0 && (f.draws || f.percentage < 100))
}

// Plan decides what happens to one invocation at an instant. It is pure: the same arguments give the same plan.
func (s *Set) Plan(inv Invocation, now time.Time) Plan {
	var p Plan
	if s == nil || len(s.flags) == 0 || s.expired(now) {
		return p
	}
	k := sampler{set: s, inv: &inv}
	for i := range s.flags {
		f := &s.flags[i]
		if !k.hits(f, "") {
			continue
		}
		injection := s.inject(f, k.moment(f, "", now))
		if f.after {
			p.After = append(p.After, injection)
		} else {
			p.Before = append(p.Before, injection)
		}
		if injection.Ends() {
			break
		}
		if injection.Skip == "" {
			now = now.Add(injection.Delay) // what comes next, comes after the wait
		}
	}
	return p
}

// PlanOutgoing decides what happens to an HTTP request that the handler of inv sends to host (a name or
// address, lower case, with ":port" where the request has one). The sampling key is the invocation's, then a
// space, then the host: one invocation's requests to one host are hit alike, retries included.
func (s *Set) PlanOutgoing(inv Invocation, host string, now time.Time) (Injection, bool) {
	if s == nil || s.outgoing == nil || s.expired(now) || !hitsHost(s.outgoing.hosts, host) {
		return Injection{}, false
	}
	k := sampler{set: s, inv: &inv}
	if !k.hits(s.outgoing, " "+host) {
		return Injection{}, false
	}
	return s.inject(s.outgoing, k.moment(s.outgoing, " "+host, now)), true
}

// PlanAWSCall decides what happens to one attempt of a call that the handler of inv makes to an AWS service. The
// sampling key is the invocation's, then " service.operation number" in lower case without spaces in the names, and,
// unless all attempts of a call are decided alike, " attempt".
func (s *Set) PlanAWSCall(inv Invocation, r AWSRequest, now time.Time) (Injection, bool) {
	if s == nil || s.awsCall == nil || s.expired(now) {
		return Injection{}, false
	}
	suffix, ours := s.awsCall.aws.suffix(r)
	k := sampler{set: s, inv: &inv}
	if !ours || !k.hits(s.awsCall, suffix) {
		return Injection{}, false
	}
	return s.inject(s.awsCall, k.moment(s.awsCall, suffix, now)), true
}

func (s *Set) inject(f *flag, m moment) Injection {
	injection := f.effect(m)
	injection.Kind = f.kind
	if s.drill.dryRun {
		injection.Skip = "dry run"
	}
	return injection
}

func (s *Set) expired(now time.Time) bool {
	return !s.drill.expires.IsZero() && !now.Before(s.drill.expires)
}
