package fault

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVectors(t *testing.T) {
	vectors, err := LoadVectors(os.DirFS("testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			set, problems := Parse(v.Source())
			var fields []string
			for _, p := range problems {
				if p.Message == "" || strings.Contains(p.String(), "%!") {
					t.Errorf("problem without a message: %q", p)
				}
				field := p.Field
				if p.Warning {
					field += " (warning)"
				}
				fields = append(fields, field)
			}
			if diff := cmp.Diff(v.Problems, fields); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%v", diff, problems)
			}
			for _, c := range v.Cases {
				checkCase(t, set, v.Now, c)
			}
		})
	}
}

func checkCase(t *testing.T, set *Set, now time.Time, c VectorCase) {
	t.Helper()
	inv := c.Invocation()
	plan := set.Plan(inv, now)
	if diff := cmp.Diff(c.Before, told(plan.Before, c.Before)); diff != "" {
		t.Errorf("%s: before (-want +got):\n%s", c.RequestID, diff)
	}
	if diff := cmp.Diff(c.After, told(plan.After, c.After)); diff != "" {
		t.Errorf("%s: after (-want +got):\n%s", c.RequestID, diff)
	}
	if result, failed := outcome(plan, c.Response); failed != c.Failed || (c.Result != "" && result != c.Result) {
		t.Errorf("%s: result %s, failed %v, want %s, %v", c.RequestID, result, failed, c.Result, c.Failed)
	}
	if got := delivered(plan, inv.Event); c.Delivered != "" && got != c.Delivered {
		t.Errorf("%s: delivered %s, want %s", c.RequestID, got, c.Delivered)
	}
	if !set.NeedsEvent() {
		inv.Event = nil
		if again := set.Plan(inv, now); again.Empty() != plan.Empty() {
			t.Errorf("%s: the plan depends on an event that NeedsEvent disowns", c.RequestID)
		}
	}
	checkStart(t, set, now, c)
	if c.Host != "" {
		checkOutgoing(t, set, now, c)
	}
	if c.Request != nil {
		checkAWSRequest(t, set, now, c)
	}
}

func checkStart(t *testing.T, set *Set, now time.Time, c VectorCase) {
	t.Helper()
	var want, got []VectorInjection
	if c.Start != nil {
		want = []VectorInjection{*c.Start}
	}
	if i, slow := set.PlanStart(c.RequestID, now); slow {
		got = told([]Injection{i}, want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: start (-want +got):\n%s", c.RequestID, diff)
	}
}

func checkAWSRequest(t *testing.T, set *Set, now time.Time, c VectorCase) {
	t.Helper()
	var want, got []VectorInjection
	if c.AWSCall != nil {
		want = []VectorInjection{*c.AWSCall}
	}
	if i, hit := set.PlanAWSCall(c.Invocation(), c.Request.AWSRequest(), now); hit {
		got = told([]Injection{i}, want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %+v (-want +got):\n%s", c.RequestID, *c.Request, diff)
	}
}

func checkOutgoing(t *testing.T, set *Set, now time.Time, c VectorCase) {
	t.Helper()
	inv := c.Invocation()
	var want, got []VectorInjection
	if c.Outgoing != nil {
		want = []VectorInjection{*c.Outgoing}
	}
	if i, hit := set.PlanOutgoing(inv, c.Host, now); hit {
		got = told([]Injection{i}, want)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s to %s: outgoing (-want +got):\n%s", c.RequestID, c.Host, diff)
	}
}

// told writes injections as vectors do. Reasons belong to hosts, and are taken as wanted; so are delays that
// are equal to the microsecond, however they are written.
func told(injections []Injection, want []VectorInjection) []VectorInjection {
	var list []VectorInjection
	for n, i := range injections {
		v := VectorInjection{Kind: i.Kind, Skip: i.Skip, ErrorType: i.ErrorType, ErrorMessage: i.ErrorMessage,
			Refuse: i.Refuse, Status: i.Status, Body: i.Body, Hang: i.Hang, Partial: i.Partial, Usage: i.Usage}
		for entry, failed := range i.FailedEntries(10) {
			if failed {
				v.Failed = append(v.Failed, entry)
			}
		}
		if i.Delay != 0 {
			v.Delay = i.Delay.String()
		}
		if i.Deny != nil {
			v.Deny = toldDenial(*i.Deny, want[min(n, len(want)-1)].Deny)
		}
		if n < len(want) {
			v.Reason = want[n].Reason
			if d, err := time.ParseDuration(want[n].Delay); err == nil && (d-i.Delay).Abs() < time.Microsecond {
				v.Delay = want[n].Delay
			}
		}
		list = append(list, v)
	}
	return list
}

// toldDenial tries the hosts that the vector has.
func toldDenial(d Denial, want *VectorDenial) *VectorDenial {
	v := &VectorDenial{Mode: d.Mode}
	if d.Delay != 0 {
		v.Delay = d.Delay.String()
	}
	if want != nil {
		v.Denied, v.Spared = want.Hosts(d.Hits)
	}
	return v
}

// delivered is the event that the handler gets.
func delivered(plan Plan, event []byte) string {
	for _, i := range plan.Before {
		event, _ = i.PoisonEvent(event)
	}
	return string(event)
}

// outcome is the smallest host.
func outcome(plan Plan, response string) (result string, failed bool) {
	for _, i := range plan.Before {
		if i.Ends() && i.Status != 0 {
			return string(i.Payload), false
		}
		if i.Ends() {
			return string(i.ErrorBody()), true
		}
	}
	out := []byte(response)
	for _, i := range plan.After {
		if i.Ends() {
			return string(i.ErrorBody()), true
		}
		if i.Skip == "" {
			out, _ = i.Corrupt(out)
		}
	}
	return string(out), false
}
