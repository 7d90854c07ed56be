package calendar

import (
	"fmt"
	"strings"
	"time"
)

// A Window is a part of the week in which runs are allowed. One whose To is not after its From ends on the next day.
type Window struct {
	Days Days   `json:"days"`
	From Clock  `json:"from"`
	To   Clock  `json:"to"`
	Zone string `json:"zone"` // as in the time zone database: Europe/Berlin
}

// String is the window as people write it.
func (w Window) String() string {
	return fmt.Sprintf("%s %s-%s %s", w.Days, w.From, w.To, w.Zone)
}

// Days is a set of weekdays. Bit 0 is Sunday, as in package time.
type Days uint8

// Everyday is all seven of them.
const Everyday Days = 1<<7 - 1

var dayNames = [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// has says whether a weekday is in the set.
func (d Days) has(day time.Weekday) bool { return d&(1<<day) != 0 }

// ParseDays reads days and ranges of them: "Mon-Fri", "Mon,Wed,Sat-Sun". A range may go around the week's end.
func ParseDays(text string) (Days, error) {
	var out Days
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, ok := weekday(first)
		to := from
		if ok && isRange {
			to, ok = weekday(last)
		}
		if !ok {
			return 0, fmt.Errorf("%q is not a day, nor a range of days", strings.TrimSpace(part))
		}
		for day := from; ; day = (day + 1) % 7 {
			out |= 1 << day
			if day == to {
				break
			}
		}
	}
	return out, nil
}

// weekday reads a day's English name, or its first three letters.
func weekday(text string) (time.Weekday, bool) {
	text = strings.TrimSpace(text)
	for day, short := range dayNames {
		if strings.EqualFold(text, short) || strings.EqualFold(text, time.Weekday(day).String()) {
			return time.Weekday(day), true
		}
	}
	return 0, false
}

// String is the set in the form that ParseDays reads: "Mon-Fri".
func (d Days) String() string {
	if d == Everyday {
		return "Mon-Sun"
	}
	var parts []string
	for i := 1; i <= 7; i++ { // weeks begin on Monday here
		day := time.Weekday(i % 7)
		if !d.has(day) || (i > 1 && d.has(time.Weekday(i-1))) {
			continue
		}
		last := i
		for last < 7 && d.has(time.Weekday((last+1)%7)) {
			last++
		}
		text := dayNames[day]
		if last > i {
			text += "-" + dayNames[last%7]
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}

// MarshalText writes what ParseDays reads.
func (d Days) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Days) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDays(string(text))
	return err
}

// A Clock is a time of day in minutes, from 00:00 to 24:00.
type Clock int

// midnight is the end of a day.
const midnight Clock = 24 * 60

// ParseClock reads "09:00". "24:00" is the day's end.
func ParseClock(text string) (Clock, error) {
	if text == "24:00" {
		return midnight, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%q is not a time of day", text)
	}
	return Clock(60*t.Hour() + t.Minute()), nil
}

// String is the time as ParseClock reads it.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", c/60, c%60) }

// MarshalText writes what ParseClock reads.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (c *Clock) UnmarshalText(text []byte) (err error) {
	*c, err = ParseClock(string(text))
	return err
}
