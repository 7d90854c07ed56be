package calendar

import (
	"fmt"
	"slices"
	"time"
)

// A Calendar says when runs are allowed. The zero value always allows them.
type Calendar struct {
	Windows []Window // none: at any time
	NotOn   []Dates
	Zone    string  // of NotOn; empty: anywhere on earth
	Freezes Freezes // a change calendar's events
}

// Location is the calendar's zone; nil if it has none, or one that there is not.
func (c Calendar) Location() *time.Location {
	zone, err := location(c.Zone)
	if err != nil {
		return nil
	}
	return zone
}

// A span is a stretch of time, its end excluded.
type span struct{ from, to time.Time }

// overlaps says whether two spans have an instant in common; a span without length counts as its instant.
func (s span) overlaps(o span) bool {
	if s.from.Equal(s.to) || o.from.Equal(o.to) {
		return !s.to.Before(o.from) && !o.to.Before(s.from)
	}
	return s.from.Before(o.to) && o.from.Before(s.to)
}

// Refuse says why a run from one instant to another is not allowed; "" if it is.
func (c Calendar) Refuse(from, to time.Time) (why string, err error) {
	want := span{from, to}
	zone, err := location(c.Zone)
	if err != nil {
		return "", err
	}
	for _, dates := range c.NotOn {
		if dates.span(zone).overlaps(want) {
			return "not_on names " + dates.String() + anywhere(zone), nil
		}
	}
	if event, err := c.Freezes.during(want); err != nil || event != "" {
		return event, err
	}
	if len(c.Windows) == 0 {
		return "", nil
	}
	open, err := c.open(from, to)
	if err != nil {
		return "", err
	}
	for _, s := range open {
		switch {
		case from.Before(s.from) || !from.Before(s.to):
		case to.After(s.to):
			return fmt.Sprintf("the window closes at %s, and the run may take until %s", stamp(s.to), stamp(to.In(s.to.Location()))), nil
		default:
			return "", nil
		}
	}
	return "no window is open", nil
}

func anywhere(zone *time.Location) string {
	if zone == nil {
		return " (anywhere on earth, since no zone is given)"
	}
	return ""
}

func stamp(t time.Time) string { return t.Format("Mon 2006-01-02 15:04 MST") }

// horizon bounds the search for the next time.
const horizon = 60 * 24 * time.Hour

// Next is the first instant after another at which a run of a length would be allowed; false if none is near.
func (c Calendar) Next(after time.Time, length time.Duration) (time.Time, bool) {
	zone, err := location(c.Zone)
	if err != nil {
		return time.Time{}, false
	}
	candidates := c.Freezes.ends(span{after, after.Add(horizon)})
	for _, dates := range c.NotOn {
		candidates = append(candidates, dates.span(zone).to)
	}
	open, err := c.open(after, after.Add(horizon))
	if err != nil {
		return time.Time{}, false
	}
	for _, s := range open {
		candidates = append(candidates, s.from)
	}
	slices.SortFunc(candidates, time.Time.Compare)
	for _, at := range slices.CompactFunc(candidates, time.Time.Equal) {
		if at.Before(after) || at.After(after.Add(horizon)) {
			continue
		}
		if why, err := c.Refuse(at, at.Add(length)); err == nil && why == "" {
			return at, true
		}
	}
	return time.Time{}, false
}

// open is when the windows are, around a stretch of time: in order, those that meet joined.
func (c Calendar) open(from, to time.Time) ([]span, error) {
	var all []span
	for _, w := range c.Windows {
		zone, err := location(w.Zone)
		if err != nil {
			return nil, err
		}
		if zone == nil {
			return nil, fmt.Errorf("window %s has no time zone", w)
		}
		first := from.In(zone).AddDate(0, 0, -2) // a window of yesterday's may still be open
		last := to.In(zone).AddDate(0, 0, 1)
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			if w.Days.has(day.Weekday()) {
				all = append(all, w.on(day, zone))
			}
		}
	}
	slices.SortFunc(all, func(a, b span) int { return a.from.Compare(b.from) })
	var joined []span
	for _, s := range all {
		n := len(joined)
		switch {
		case !s.from.Before(s.to): // a gap swallowed it
		case n > 0 && !s.from.After(joined[n-1].to):
			if s.to.After(joined[n-1].to) {
				joined[n-1].to = s.to
			}
		default:
			joined = append(joined, s)
		}
	}
	return joined, nil
}

// on is the window of one day.
func (w Window) on(day time.Time, zone *time.Location) span {
	to := w.To
	if to <= w.From {
		to += midnight
	}
	_, from := instants(day, w.From, zone)
	end, _ := instants(day, to, zone)
	return span{from, end}
}

// instants are the first and the last instant at which the clocks of a zone show a time of a day. Where they skip it,
// both are the instant of the skip.
func instants(day time.Time, at Clock, zone *time.Location) (first, last time.Time) {
	year, month, d := day.Date()
	utc := time.Date(year, month, d, 0, int(at), 0, 0, time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	a, b := utc.Add(-offset(utc.Add(-26*time.Hour))).In(zone), utc.Add(-offset(utc.Add(26*time.Hour))).In(zone)
	shows := func(t time.Time) bool { return offset(t) == utc.Sub(t) }
	switch {
	case shows(a) && shows(b):
		if b.Before(a) {
			a, b = b, a
		}
		return a, b
	case shows(a):
		return a, a
	case shows(b):
		return b, b
	}
	if b.Before(a) {
		a = b
	}
	if _, skip := a.ZoneBounds(); !skip.IsZero() {
		return skip, skip
	}
	return a, a // cannot be: clocks that skip a time change their offset after it
}

// location finds a zone; nil for the empty name.
func location(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	return ParseZone(name)
}

// ParseZone finds a time zone by its name in the time zone database. "Local" is refused: it means something else on each
// machine.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone", name)
	}
	return zone, nil
}
