package action

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// Members of older tools' documents that switch them on, and those that name the kind.
func flatSwitches() []string { return []string{"isEnabled", "is_enabled"} }
func flatKinds() []string    { return []string{"failureMode", "fault_type"} }

// enabled are the kinds that are switched on, whether or not their lease still runs.
func (d document) enabled() []string {
	var on []string
	for _, k := range fault.Kinds() {
		var member struct {
			Enabled any `json:"enabled"`
		}
		if raw, ok := d[string(k.Kind)]; ok && json.Unmarshal(raw, &member) == nil && member.Enabled == true {
			on = append(on, string(k.Kind))
		}
	}
	return on
}

// flatEnabled is the kind that an older tool's document switches on, or the name of the switch where it names no kind.
func (d document) flatEnabled() []string {
	for i, name := range flatSwitches() {
		if string(d[name]) != "true" {
			continue
		}
		var kind string
		if json.Unmarshal(d[flatKinds()[i]], &kind) == nil && kind != "" {
			return []string{kind}
		}
		return []string{name}
	}
	return nil
}

// switchOff sets enabled to false, wherever the document says it.
func (d document) switchOff(kind string) error {
	off := json.RawMessage("false")
	if slices.Contains(d.flatEnabled(), kind) {
		for _, name := range flatSwitches() {
			if _, ok := d[name]; ok {
				d[name] = off
			}
		}
		return nil
	}
	var member map[string]json.RawMessage
	if err := json.Unmarshal(d[kind], &member); err != nil {
		return fmt.Errorf("the member %s: %w", kind, err)
	}
	member["enabled"] = off
	raw, err := json.Marshal(member)
	d[kind] = raw
	return err
}

// byHand reads the member "firedrill" for somebody who is not a run, and refuses while a run has armed the set.
func (d document) byHand(now time.Time) (drill, error) {
	m, err := d.drill()
	if err == nil {
		err = d.checkDrill()
	}
	switch {
	case err != nil:
		return m, &Refused{Reason: "the fault set", Err: err, Tip: "functions inject nothing until it is mended: mend or remove the member firedrill"}
	case m.Run == "":
		return m, nil
	case m.over(now):
		return m, &Refused{Reason: fmt.Sprintf("run %s has armed the fault set, and its lease ended at %s without it being put back", m.Run, m.ExpiresAt),
			Tip: "put it back: firedrill recover " + m.Run + "; where that run is not known any more: firedrill faults disable --all"}
	}
	return m, &Refused{Reason: fmt.Sprintf("run %s has armed the fault set (lease until %s)", m.Run, m.ExpiresAt),
		Tip: "a rehearsal must be the only one to change it: wait, or end it: firedrill stop " + m.Run}
}

// checkDrill says what functions would hold against the member "firedrill".
func (d document) checkDrill() error {
	raw, ok := d[memberDrill]
	if !ok {
		return nil
	}
	text, err := json.Marshal(document{memberDrill: raw})
	if err != nil {
		return err
	}
	_, problems := fault.Parse(text)
	return mistakes(problems)
}

// over reports whether there is a lease that has ended.
func (m drill) over(now time.Time) bool {
	at, err := time.Parse(time.RFC3339, m.ExpiresAt)
	return err == nil && !now.Before(at)
}

// setLease sets the lease of the whole set, or takes it away; the rest of the member stays.
func (d document) setLease(expires time.Time) error {
	if expires.IsZero() {
		return d.editDrill(func(m map[string]json.RawMessage) { delete(m, "expires_at") })
	}
	whole := expires.UTC().Add(time.Second - 1).Truncate(time.Second) // up: a lease is not shorter than was asked for
	text, err := json.Marshal(whole.Format(time.RFC3339))
	if err != nil {
		return err
	}
	return d.editDrill(func(m map[string]json.RawMessage) { m["expires_at"] = text })
}

// forget takes away what a run has left that is over, once none of its faults is on. It says whether there was any.
func (d document) forget(now time.Time) bool {
	m, err := d.drill()
	if err != nil || m.Run == "" || !m.over(now) || len(d.enabled()) > 0 {
		return false
	}
	err = d.editDrill(func(m map[string]json.RawMessage) {
		for _, name := range []string{"run", "armed", "expires_at"} {
			delete(m, name)
		}
	})
	return err == nil
}

// editDrill changes the member "firedrill". One that is empty then is removed, unless it was there, empty, before.
func (d document) editDrill(edit func(map[string]json.RawMessage)) error {
	m := map[string]json.RawMessage{}
	raw, there := d[memberDrill]
	if there {
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("the member %s: %w", memberDrill, err)
		}
		if m == nil {
			return fmt.Errorf("the member %s is null", memberDrill)
		}
	}
	before := len(m)
	edit(m)
	if len(m) == 0 && (!there || before > 0) {
		delete(d, memberDrill)
		return nil
	}
	raw, err := json.Marshal(m)
	d[memberDrill] = raw
	return err
}
