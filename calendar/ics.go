package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

// Freezes are the events of a change calendar: while one of them goes on, nothing is injected.
type Freezes struct {
	events []freeze
}

// A freeze is one event, with all its repetitions.
type freeze struct {
	title         string
	start         time.Time // the first one's, in the event's own zone
	length        time.Duration
	wholeDays     int           // of an event of dates: its length
	before, after time.Duration // what an unknown zone adds
	repeats       *rrule.Set
}

// Bounds of a calendar, so that a hostile one takes neither time nor memory.
const (
	maxEvents      = 10_000
	maxRepetitions = 50_000
	maxLength      = 366 * 24 * time.Hour
)

// propCalendarType says of AWS's change calendars whether their events close them or open them.
const propCalendarType = "X-CALENDAR-TYPE"

// ParseICS reads an iCalendar file (RFC 5545). Every event that is not cancelled is a freeze. zone is that of events which
// name none; nil: they are on the safe side of all zones. An event that cannot be understood is an error, because it may
// be the one that counts. An exception from a repeated event is a freeze beside it, not instead of it.
func ParseICS(data []byte, zone *time.Location) (Freezes, error) {
	var out Freezes
	decoder := ical.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\uFEFF"))))
	found := false
	for {
		cal, err := decode(decoder)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Freezes{}, fmt.Errorf("is not an iCalendar file: %w", err)
		}
		if kind := cal.Props.Get(propCalendarType); kind != nil && !strings.EqualFold(kind.Value, "DEFAULT_OPEN") {
			return Freezes{}, fmt.Errorf("its %s is %q: its events are not when changes are frozen; write them as windows", propCalendarType, kind.Value)
		}
		found = true
		for _, event := range cal.Events() {
			f, err := newFreeze(event, zone)
			if err != nil {
				return Freezes{}, fmt.Errorf("event %q: %w", f.title, err)
			}
			if !f.start.IsZero() {
				out.events = append(out.events, f)
			}
		}
		if len(out.events) > maxEvents {
			return Freezes{}, fmt.Errorf("has more than %d events", maxEvents)
		}
	}
	if !found {
		return Freezes{}, errors.New("is not an iCalendar file: it does not begin with BEGIN:VCALENDAR")
	}
	return out, nil
}

// decode reads one calendar of the file. A panic of the parser is a mistake in the file as far as users are concerned.
func decode(d *ical.Decoder) (cal *ical.Calendar, err error) {
	defer func() {
		if p := recover(); p != nil {
			cal, err = nil, fmt.Errorf("%v", p)
		}
	}()
	return d.Decode()
}

// newFreeze reads one event. Its start is zero if it does not count.
func newFreeze(event ical.Event, zone *time.Location) (f freeze, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	if f.title, err = event.Props.Text(ical.PropSummary); err != nil || f.title == "" {
		f.title = "without a title"
	}
	if status := event.Props.Get(ical.PropStatus); status != nil && strings.EqualFold(status.Value, "CANCELLED") {
		return f, nil
	}
	here := zone
	if vague(event, zone) {
		f.before, f.after, here = eastmost, westmost, time.UTC
	}
	start := event.Props.Get(ical.PropDateTimeStart)
	if start == nil {
		return f, errors.New("has no DTSTART")
	}
	if f.start, err = instant(start, start.Value, here); err != nil {
		return f, err
	}
	if year := f.start.Year(); year < 1900 || year > 2200 {
		return f, fmt.Errorf("begins in the year %d, which cannot be", year)
	}
	if err := f.measure(event, here); err != nil {
		return f, err
	}
	f.repeats, err = repetitions(event, f.start, here, f.before)
	return f, err
}

// The forms of dates and times in a calendar.
const (
	formDate = "20060102"
	formTime = "20060102T150405"
	formUTC  = "20060102T150405Z"
)

// instant reads a date or time of a property; here is the zone where it names none.
func instant(p *ical.Prop, value string, here *time.Location) (time.Time, error) {
	if zone, err := ParseZone(p.Params.Get(ical.PropTimezoneID)); err == nil {
		here = zone
	}
	form := formTime
	switch len(value) {
	case len(formDate):
		form = formDate
	case len(formUTC):
		form, here = formUTC, time.UTC
	}
	t, err := time.ParseInLocation(form, value, here)
	if err != nil {
		return t, fmt.Errorf("%s %q is not a date or time", p.Name, value)
	}
	return t, nil
}

// measure finds out how long the event lasts.
func (f *freeze) measure(event ical.Event, here *time.Location) error {
	start, end, lasts := event.Props.Get(ical.PropDateTimeStart), event.Props.Get(ical.PropDateTimeEnd), event.Props.Get(ical.PropDuration)
	dates := len(start.Value) == len(formDate)
	switch {
	case end != nil:
		at, err := instant(end, end.Value, here)
		if err != nil {
			return err
		}
		f.length = at.Sub(f.start)
	case lasts != nil:
		var err error
		if f.length, err = lasts.Duration(); err != nil {
			return fmt.Errorf("DURATION %q: %w", lasts.Value, err)
		}
	case dates:
		f.length = 24 * time.Hour
	}
	if f.length < 0 || f.length > maxLength {
		return fmt.Errorf("lasts %s, which cannot be", f.length)
	}
	if dates {
		f.wholeDays = max(1, int((f.length+12*time.Hour)/(24*time.Hour))) // days of 23 and 25 hours are days
	}
	return nil
}

// timed are the properties that hold dates and times.
var timed = []string{ical.PropDateTimeStart, ical.PropDateTimeEnd, ical.PropExceptionDates, ical.PropRecurrenceDates}

// vague says whether an event's times could be in any zone: it names none and none is given, or it names one that is not
// in the database, as some calendar programs do.
func vague(event ical.Event, zone *time.Location) bool {
	for _, name := range timed {
		for _, p := range event.Props[name] {
			id := p.Params.Get(ical.PropTimezoneID)
			if _, err := ParseZone(id); err == nil || strings.HasSuffix(p.Value, "Z") {
				continue
			}
			if id != "" || zone == nil {
				return true
			}
		}
	}
	return false
}

// repetitions are an event's; nil if it happens once. slack is how much too late the start may be taken for.
func repetitions(event ical.Event, start time.Time, here *time.Location, slack time.Duration) (*rrule.Set, error) {
	option, err := rule(event, start.Location())
	if err != nil {
		return nil, fmt.Errorf("RRULE: %w", err)
	}
	set := &rrule.Set{}
	repeats := false
	for name, add := range map[string]func(time.Time){ical.PropRecurrenceDates: set.RDate, ical.PropExceptionDates: set.ExDate} {
		for _, p := range event.Props[name] {
			for value := range strings.SplitSeq(p.Value, ",") {
				at, err := instant(&p, value, here)
				if err != nil {
					return nil, err
				}
				add(at)
				repeats = true
			}
		}
	}
	if option == nil {
		if !repeats {
			return nil, nil
		}
		return set, nil
	}
	if option.Freq > rrule.DAILY {
		return nil, errors.New("RRULE: repeats more often than daily, which no freeze does")
	}
	if !option.Until.IsZero() {
		option.Until = option.Until.Add(slack)
	}
	option.Dtstart = start
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, fmt.Errorf("RRULE: %w", err)
	}
	set.RRule(rule)
	return set, nil
}

// rule is how an event repeats; nil if it has none. An UNTIL that is no time UTC is one of the event's zone, and a date to its end.
func rule(event ical.Event, zone *time.Location) (*rrule.ROption, error) {
	rules := event.Props[ical.PropRecurrenceRule]
	switch len(rules) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, fmt.Errorf("there are %d", len(rules))
	}
	option, err := rrule.StrToROptionInLocation(rules[0].Value, zone)
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(rules[0].Value, ";") {
		if until, ok := strings.CutPrefix(part, "UNTIL="); ok && len(until) == len(formDate) {
			option.Until = option.Until.AddDate(0, 0, 1).Add(-time.Second)
		}
	}
	return option, nil
}

// during names an event that goes on at some time of a span; "" if there is none.
func (f Freezes) during(want span) (string, error) {
	for _, event := range f.events {
		spans, err := event.spans(want)
		if err != nil {
			return "", err
		}
		if len(spans) > 0 {
			return fmt.Sprintf("the calendar has %q from %s to %s", event.title, stamp(spans[0].from), stamp(spans[0].to)), nil
		}
	}
	return "", nil
}

// ends are the instants in a span at which events end.
func (f Freezes) ends(within span) []time.Time {
	var out []time.Time
	for _, event := range f.events {
		spans, err := event.spans(within)
		if err != nil {
			continue // Refuse says so
		}
		for _, s := range spans {
			out = append(out, s.to)
		}
	}
	return out
}

// spans are those of the event's occurrences that overlap a span.
func (f freeze) spans(want span) (out []span, err error) {
	defer func() {
		if p := recover(); p != nil { // of the library that counts repetitions
			err = fmt.Errorf("event %q of the calendar: its repetitions cannot be counted: %v", f.title, p)
		}
	}()
	add := func(start time.Time) {
		s := span{start.Add(-f.before), start.Add(f.length).Add(f.after)}
		if f.wholeDays > 0 {
			s.to = start.AddDate(0, 0, f.wholeDays).Add(f.after)
		}
		if s.overlaps(want) {
			out = append(out, s)
		}
	}
	add(f.start) // whatever its rule says of it
	if f.repeats == nil {
		return out, nil
	}
	next := f.repeats.Iterator()
	for count := 0; ; count++ {
		start, ok := next()
		if !ok || start.Add(-f.before).After(want.to) {
			return out, nil
		}
		if count == maxRepetitions {
			return nil, fmt.Errorf("event %q of the calendar repeats more than %d times before %s", f.title, maxRepetitions, stamp(want.to))
		}
		if !start.Equal(f.start) {
			add(start)
		}
	}
}
