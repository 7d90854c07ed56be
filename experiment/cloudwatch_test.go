package experiment

import (
	"testing"
	"time"
)

// TestHistoryPeriod: datapoints of earlier weeks are as fine as CloudWatch still has them, and their periods divide a day.
func TestHistoryPeriod(t *testing.T) {
	for _, test := range []struct {
		period time.Duration
		weeks  int
		want   time.Duration
	}{
		{time.Second, 1, time.Minute}, {time.Minute, 2, time.Minute}, {4 * time.Minute, 2, 4 * time.Minute}, {time.Minute, 3, 5 * time.Minute},
		{5 * time.Minute, 8, 5 * time.Minute}, {24 * time.Minute, 3, 30 * time.Minute}, {time.Hour, 3, time.Hour}, {day, 8, day},
	} {
		m := Measure{Of: CloudWatch, Probe: ProbeSpec{Period: test.period, Weeks: test.weeks}}
		if got := m.HistoryPeriod(); got != test.want {
			t.Errorf("%s, %d weeks: %s, want %s", test.period, test.weeks, got, test.want)
		}
	}
}
