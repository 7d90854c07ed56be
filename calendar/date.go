package calendar

import (
	"fmt"
	"strings"
	"time"
)

const dateForm = "2006-01-02"

// A Date is a day of the calendar: a time at midnight UTC, which stands for no instant.
type Date struct{ time.Time }

// Dates are a day, or all days from one to another.
type Dates struct{ First, Last Date }

// maxDates bounds a range of dates: a longer one is a slip of the pen.
const maxDates = 366

// ParseDates reads "2026-12-24" or "2026-12-31..2027-01-02", both ends included.
func ParseDates(text string) (Dates, error) {
	first, last, isRange := strings.Cut(text, "..")
	var d Dates
	var err error
	if d.First, err = parseDate(first); err != nil {
		return d, err
	}
	d.Last = d.First
	if isRange {
		if d.Last, err = parseDate(last); err != nil {
			return d, err
		}
	}
	switch days := int(d.Last.Sub(d.First.Time) / (24 * time.Hour)); {
	case days < 0:
		return d, fmt.Errorf("%q ends before it begins", text)
	case days >= maxDates:
		return d, fmt.Errorf("%q is longer than a year", text)
	}
	return d, nil
}

func parseDate(text string) (Date, error) {
	text = strings.TrimSpace(text)
	t, err := time.Parse(dateForm, text)
	if err != nil || len(text) != len(dateForm) {
		return Date{}, fmt.Errorf("%q is not a date", text)
	}
	return Date{t}, nil
}

// String is the range as ParseDates reads it.
func (d Dates) String() string {
	if d.First == d.Last {
		return d.First.Format(dateForm)
	}
	return d.First.Format(dateForm) + ".." + d.Last.Format(dateForm)
}

// MarshalText writes what ParseDates reads.
func (d Dates) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Dates) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDates(string(text))
	return err
}

// span is the time that the dates take in a zone; without one, on the whole earth.
func (d Dates) span(zone *time.Location) span {
	if zone == nil {
		return span{d.First.Add(-eastmost), d.Last.Add(24*time.Hour + westmost)}
	}
	from, _ := instants(d.First.Time, 0, zone)
	_, to := instants(d.Last.Time, midnight, zone)
	return span{from, to}
}

// The days that begin first and end last are 14 hours before and 12 hours behind UTC.
const (
	eastmost = 14 * time.Hour
	westmost = 12 * time.Hour
)
