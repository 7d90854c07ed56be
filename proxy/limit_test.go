package proxy

import (
	"testing"

	"github.com/firedrill-dev/firedrill/fault"
)

func TestLowered(t *testing.T) {
	for _, c := range []struct {
		name  string
		open  []uint64
		may   uint64
		usage fault.Usage
		want  uint64 // 0: an error
	}{
		{"all", []uint64{0, 1, 2, 3, 4}, 1024, fault.Usage{}, 5},
		{"all but some", []uint64{0, 1, 2, 3, 4}, 1024, fault.Usage{Leave: 8}, 13},
		{"with gaps", []uint64{0, 1, 2, 10}, 1024, fault.Usage{Leave: 7}, 11},
		{"gaps are left", []uint64{0, 1, 2, 10}, 1024, fault.Usage{Leave: 3}, 6},
		{"up to the one after the gap", []uint64{0, 1, 2, 4, 5}, 1024, fault.Usage{Leave: 1}, 6},
		{"so many", []uint64{0, 1, 2}, 1024, fault.Usage{Take: 1000}, 24},
		{"more than there are", []uint64{0, 1, 2}, 1024, fault.Usage{Take: 65536}, 3},
		{"as many as there are", []uint64{0, 1, 2}, 1024, fault.Usage{Take: 1021}, 3},
		{"some beyond a limit that was lowered before", []uint64{0, 1, 2, 2000}, 1024, fault.Usage{Leave: 1}, 4},
		{"an unlimited one", []uint64{0, 1, 2}, 1 << 30, fault.Usage{Leave: 1}, 4},
		{"too few are left already", []uint64{0, 1, 2}, 8, fault.Usage{Leave: 5}, 0},
		{"none are left", []uint64{0, 1, 2}, 3, fault.Usage{}, 0},
		{"the standard streams are closed", []uint64{4, 5}, 1024, fault.Usage{}, 0},
	} {
		got, err := lowered(c.open, c.may, c.usage)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}
