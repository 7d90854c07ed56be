package account

import "slices"

// Settings that are lists of elements: a fault adds some or takes some away, and only those go or come back.

// minus is what of a is not in b, by what it means.
func minus[T any](a, b []T) []T {
	have := map[string]bool{}
	for _, e := range b {
		have[text(e)] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(e T) bool { return have[text(e)] })
}

// othersChanged says what of now is not the doing of a fault that left after behind; "" if all of it is.
func othersChanged[T any](now, after []T) string {
	drift := ""
	if more := minus(now, after); len(more) > 0 {
		drift = "somebody added " + text(more)
	}
	if less := minus(after, now); len(less) > 0 {
		if drift != "" {
			drift += ", and "
		}
		drift += "somebody removed " + text(less)
	}
	return drift
}
