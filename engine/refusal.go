package engine

import "errors"

// A Refusal is a reason not to do what was asked, with what to do about it.
type Refusal struct {
	Err error
	Tip string // may be empty
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap is the reason, for errors.Is and errors.As.
func (r *Refusal) Unwrap() error { return r.Err }

// Hint is what to do about it; empty if nothing is known to help.
func (r *Refusal) Hint() string { return r.Tip }

// HintOf finds what an error suggests to do, wherever in its chain that is said.
func HintOf(err error) string {
	var hinter interface {
		error
		Hint() string
	}
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	return ""
}
