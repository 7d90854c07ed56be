package action

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// What a store keeps secret is written down nowhere else: an undo record has only the number of the version and its
// SHA-256, and the text comes back from the store's own history.

// A recaller is a store that has a history of what it held.
type recaller interface {
	// recall reads what the place calls ref. If it is not there any more, it does not exist.
	recall(ctx context.Context, ref string) (snapshot, error)
	// keeps says that ref can still be recalled after a write over now, and after some more by others.
	keeps(ref string, now snapshot) bool
}

// errLost says that a secret text is not in the history any more.
var errLost = errors.New("the version that was there before is not in the history any more")

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// recalled takes a secret text back from the history.
func recalled(ctx context.Context, s store, ref, sum string) ([]byte, error) {
	r, ok := s.(recaller)
	if !ok {
		return nil, errors.New("the record is of a secret, and its place has no history")
	}
	was, err := r.recall(ctx, ref)
	if err == nil && (!was.exists || sumOf(was.data) != sum) {
		err = errLost
	}
	return was.data, err
}

// discreet is the record without the owner's text, for secrets.
func (u undoRecord) discreet() (undoRecord, error) {
	_, original, err := u.original()
	if err != nil {
		return u, err
	}
	if canonical(original.get(u.Kind)) != canonical(u.Before) { // what cannot be recalled cannot be put back
		return u, u.changed()
	}
	u.Sum = sumOf(u.Original)
	u.Original, u.Before = nil, nil
	return u, nil
}

// recall is the record with the owner's text, or lost.
func (u undoRecord) recall(ctx context.Context, s store) (undoRecord, error) {
	if u.Sum == "" {
		return u, nil
	}
	var err error
	u.Original, err = recalled(ctx, s, u.Ref, u.Sum)
	if errors.Is(err, errLost) {
		u.Original, u.lost = nil, true
		return u, nil
	}
	if err != nil {
		return u, err
	}
	_, original, err := u.original()
	u.Before = original.get(u.Kind)
	return u, err
}

// room refuses a write that could push a secret original out of the history. The lease ends the fault then.
func (u undoRecord) room(s store, now snapshot) error {
	r, ok := s.(recaller)
	if u.Sum == "" || !ok || r.keeps(u.Ref, now) {
		return nil
	}
	return &Refused{Reason: fmt.Sprintf("%s: another write would soon push version %s, the original, out of its history", u.Place, u.Ref),
		Tip: "a secret's original is kept nowhere else: rehearse for a shorter time, or write the parameter less often meanwhile"}
}

// takeOut removes our fault where nobody knows any more what stood in its place.
func (u undoRecord) takeOut(now snapshot, d document, armed bool, again func(before []byte, d document) (data []byte, unsigned string, err error)) (next snapshot, write bool, drift string, err error) {
	if sumOf(now.data) == u.Sum {
		return now, false, "", nil
	}
	ours := canonical(d.get(u.Kind), "percentage") == canonical(u.Member, "percentage")
	if !ours && !armed {
		return now, false, "the fault set was changed", nil
	}
	if ours {
		d.put(u.Kind, nil)
	}
	if armed {
		if err := d.disarm(u.Run, u.Kind, nil); err != nil {
			return now, false, "", err
		}
	}
	data, unsigned, err := again(now.data, d)
	drift = fmt.Sprintf("version %s, the original, is not in its history any more: the fault %s was taken out, and what stood in the place of it and of the member %s could not be put back", u.Ref, u.Kind, memberDrill)
	if unsigned != "" {
		drift += "; " + unsigned
	}
	return snapshot{data: data, exists: true, mode: now.mode}, true, drift, err
}
