package account

import (
	"fmt"
	"slices"
	"testing"

	"github.com/firedrill-dev/firedrill/fault"
)

func TestPick(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	for _, c := range []struct {
		count   int
		percent float64
		want    int
	}{{0, 0, 10}, {1, 0, 1}, {10, 0, 10}, {11, 0, 10}, {0, 1, 1}, {0, 9, 1}, {0, 19, 1}, {0, 20, 2}, {0, 100, 10}} {
		got := pick(names, c.count, c.percent, "run")
		if len(got) != c.want {
			t.Errorf("pick %d, %v%% = %v, want %d", c.count, c.percent, got, c.want)
		}
		mixed := slices.Clone(names)
		slices.Reverse(mixed)
		if again := pick(mixed, c.count, c.percent, "run"); !slices.Equal(got, again) {
			t.Errorf("pick %d, %v%%: %v, then %v", c.count, c.percent, got, again)
		}
	}
	if got := pick(nil, 0, 50, "run"); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
	hit := map[string]bool{}
	for run := range 100 {
		hit[pick(names, 1, 0, fmt.Sprint(run))[0]] = true
	}
	if len(hit) != len(names) {
		t.Errorf("a hundred runs pick only among %d of %d", len(hit), len(names))
	}
}

func TestPickShareRefuses(t *testing.T) {
	for _, c := range []struct {
		with    fault.Attributes
		members int
	}{{nil, 0}, {fault.Attributes{"percent": 50.0}, 0}, {fault.Attributes{"count": 3.0}, 2}} {
		if got, err := pickShare("tasks", make([]string, c.members), order{ID: "x", With: c.with}); err == nil {
			t.Errorf("%v of %d: %v", c.with, c.members, got)
		}
	}
	if oneShare(fault.Attributes{"count": 1.0, "percent": 1.0}) == nil || oneShare(fault.Attributes{"count": 1.0}) != nil {
		t.Error("count and percent together, and only they, are a problem")
	}
}
