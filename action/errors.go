package action

// Drift says that somebody else changed a target while a fault of ours was on it. Theirs was kept; ours is gone.
type Drift struct{ What string }

// Error says what changed.
func (d *Drift) Error() string { return "changed by somebody else meanwhile: " + d.What }

// Drift is what changed.
func (d *Drift) Drift() string { return d.What }

// Refused is a target that must not be touched as it is, with what to do about it.
type Refused struct {
	Reason string
	Tip    string
	Err    error // may be nil
}

// Error says what stands in the way.
func (r *Refused) Error() string {
	if r.Err != nil {
		return r.Reason + ": " + r.Err.Error()
	}
	return r.Reason
}

// Unwrap is the cause, if there is one.
func (r *Refused) Unwrap() error { return r.Err }

// Hint is what to do about it.
func (r *Refused) Hint() string { return r.Tip }
