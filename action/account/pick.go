package account

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/fault"
)

// pick is count of the names, or if that is 0 percent of them, rounded down but at least one; neither means all. The run
// decides which ones, so that every process that asks picks the same, and another run others.
func pick(names []string, count int, percent float64, run string) []string {
	n := len(names)
	switch {
	case count > 0:
		n = min(count, n)
	case percent > 0:
		n = min(max(1, int(float64(n)*percent/100)), n)
	}
	place := func(name string) []byte { h := sha256.Sum256([]byte(run + "\x00" + name)); return h[:] }
	out := slices.Clone(names)
	slices.SortFunc(out, func(a, b string) int { return bytes.Compare(place(a), place(b)) })
	out = out[:n]
	slices.Sort(out)
	return out
}

// share are the attributes by which a kind hits a part of a group.
func share(what string) []fault.Attribute {
	return []fault.Attribute{
		{Name: "count", Type: fault.TypeInteger, Min: 1, Max: 1000, Doc: "so many of its " + what + "; default 1"},
		{Name: "percent", Type: fault.TypeInteger, Min: 1, Max: 100, Doc: "instead: this share of its " + what + ", rounded down, at least one"},
	}
}

// oneShare refuses to be told both.
func oneShare(with fault.Attributes) []fault.Problem {
	if with["count"] != nil && with["percent"] != nil {
		return []fault.Problem{{Field: "percent", Value: fmt.Sprint(with["percent"]), Message: "says both count and percent", Hint: "keep one of the two"}}
	}
	return nil
}

// pickShare is the part of a group that the attributes of share name.
func pickShare(what string, members []string, o order) ([]string, error) {
	count, _ := o.With["count"].(float64)
	percent, _ := o.With["percent"].(float64)
	if count == 0 && percent == 0 {
		count = 1
	}
	switch {
	case len(members) == 0:
		return nil, &action.Refused{Reason: fmt.Sprintf("%s has no %s that could be hit", o.ID, what), Tip: "start some, or choose another target"}
	case int(count) > len(members):
		return nil, &action.Refused{Reason: fmt.Sprintf("%s has %d %s, and %d are to be hit", o.ID, len(members), what, int(count)), Tip: "lower count, or say percent"}
	}
	return pick(members, int(count), percent, o.Run), nil
}
