package action

import (
	"fmt"
	"slices"
)

// restore decides what a store should hold once our fault is gone: pure, so that it can be tried again when
// somebody else writes in between. drift says in words what of others' doing it left alone. again writes a document
// in the place of the one before.
func (u undoRecord) restore(now snapshot, again func(before []byte, d document) (data []byte, unsigned string, err error)) (next snapshot, write bool, drift string, err error) {
	if !now.exists {
		if u.Existed {
			drift = "the fault set was removed"
		}
		return now, false, drift, nil
	}
	d, err := parseDocument(unsealed(now.data))
	if err != nil {
		return now, false, "the fault set was replaced by something that " + err.Error(), nil
	}
	mine, err := d.drill()
	if err != nil {
		return now, false, "the fault set " + err.Error(), nil
	}
	if mine.Run != "" && mine.Run != u.Run {
		return now, false, "", nil // a run is refused where another one is: ours never came, or is gone
	}
	armed := mine.Run != "" && slices.Contains(mine.Armed, u.Kind)
	if u.lost {
		return u.takeOut(now, d, armed, again)
	}
	pristine, original, err := u.original()
	if err != nil {
		return now, false, "", err
	}
	if d.same(original) {
		return now, false, "", nil
	}
	changed, drift := u.restoreMember(d, armed)
	if armed {
		changed = true
		if err := d.disarm(u.Run, u.Kind, original.get(memberDrill)); err != nil {
			return now, false, "", err
		}
	}
	if d.same(original) {
		return pristine, true, "", nil
	}
	if drift == "" && !stillOurs(d, u.Run) {
		drift = u.foreign(d, original)
	}
	if !changed {
		return now, false, drift, nil
	}
	data, unsigned, err := again(now.data, d)
	if drift != "" && unsigned != "" {
		drift += "; " + unsigned
	}
	return snapshot{data: data, exists: true, mode: now.mode}, true, drift, err
}

// restoreMember takes our member away if it is still ours; whatever else stands there is kept.
func (u undoRecord) restoreMember(d document, armed bool) (changed bool, drift string) {
	current := d.get(u.Kind)
	switch {
	case canonical(current) == canonical(u.Before) && !armed:
		return false, ""
	case canonical(current, "percentage") == canonical(u.Member, "percentage"):
		d.put(u.Kind, u.Before)
		return true, ""
	case canonical(current) == canonical(u.Before):
		return false, fmt.Sprintf("the fault %s was taken back", u.Kind)
	}
	return false, fmt.Sprintf("the member %s was changed", u.Kind)
}

// stillOurs says that the run has other faults in the document: what differs from the pristine one may be they.
func stillOurs(d document, run string) bool {
	m, err := d.drill()
	return err == nil && m.Run == run && len(m.Armed) > 0
}

// foreign names the members that differ from the pristine document.
func (u undoRecord) foreign(d, original document) string {
	var names []string
	for name := range d {
		if canonical(d.get(name)) != canonical(original.get(name)) {
			names = append(names, name)
		}
	}
	for name := range original {
		if d.get(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("the fault set was changed (%v)", names)
}
