package calendar

import (
	"strings"
	"testing"
	"time"
)

// ics is a calendar file with events, each given by its lines.
func ics(events ...string) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n")
	for i, event := range events {
		b.WriteString("BEGIN:VEVENT\nUID:" + string(rune('a'+i)) + "\nDTSTAMP:20260101T000000Z\n" + strings.ReplaceAll(event, "|", "\n") + "\nEND:VEVENT\n")
	}
	b.WriteString("END:VCALENDAR\n")
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}

func TestFreezes(t *testing.T) {
	const year = "SUMMARY:year's end|DTSTART;VALUE=DATE:20261221|DTEND;VALUE=DATE:20270104"
	const weekly = "SUMMARY:release|DTSTART;TZID=Europe/Berlin:20260305T180000|DTEND;TZID=Europe/Berlin:20260305T200000|RRULE:FREQ=WEEKLY"
	tests := []struct {
		name, event, zone, from string
		length                  time.Duration
		want                    string
	}{
		{"within", year, "Europe/Berlin", "2026-12-25T12:00:00Z", time.Minute, `the calendar has "year's end"`},
		{"its last moment", year, "Europe/Berlin", "2027-01-03T22:59:00Z", 30 * time.Second, "year's end"},
		{"over", year, "Europe/Berlin", "2027-01-03T23:00:00Z", time.Minute, ""},
		{"running into it", year, "Europe/Berlin", "2026-12-20T22:30:00Z", time.Hour, "year's end"},
		{"before it", year, "Europe/Berlin", "2026-12-20T22:00:00Z", time.Hour, ""},
		{"without a zone: somewhere it has begun", year, "", "2026-12-20T10:30:00Z", time.Minute, "year's end"},
		{"somewhere it goes on", year, "", "2027-01-04T11:30:00Z", time.Minute, "year's end"},
		{"cancelled", year + "|STATUS:CANCELLED", "", "2026-12-25T12:00:00Z", time.Minute, ""},
		{"an hour UTC", "SUMMARY:x|DTSTART:20261123T100000Z|DURATION:PT1H", "", "2026-11-23T10:59:00Z", time.Minute, "x"},
		{"after that hour", "SUMMARY:x|DTSTART:20261123T100000Z|DURATION:PT1H", "", "2026-11-23T11:00:00Z", time.Minute, ""},
		{"no length: its instant", "SUMMARY:x|DTSTART:20261123T100000Z", "", "2026-11-23T09:30:00Z", time.Hour, "x"},
		{"repeats, in winter", weekly, "", "2026-11-26T17:30:00Z", time.Minute, "release"},
		{"repeats, in summer an hour earlier", weekly, "", "2026-07-02T16:30:00Z", time.Minute, "release"},
		{"not on other days", weekly, "", "2026-11-25T17:30:00Z", time.Minute, ""},
		{"repeats until", weekly + ";UNTIL=20260601T000000Z", "", "2026-11-26T17:30:00Z", time.Minute, ""},
		{"until a date: to its end", "SUMMARY:x|DTSTART;VALUE=DATE:20261201|RRULE:FREQ=DAILY;UNTIL=20261231", "America/New_York", "2026-12-31T20:00:00Z", time.Minute, "x"},
		{"until a date, not beyond", "SUMMARY:x|DTSTART;VALUE=DATE:20261201|RRULE:FREQ=DAILY;UNTIL=20261231", "America/New_York", "2027-01-01T06:00:00Z", time.Minute, ""},
		{"until a date, by the hour", "SUMMARY:x|DTSTART;TZID=America/New_York:20261201T210000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20261231", "", "2027-01-01T02:30:00Z", time.Minute, "x"},
		{"until a time of the event's zone", "SUMMARY:x|DTSTART:20261201T210000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20261231T220000", "America/New_York", "2027-01-01T02:30:00Z", time.Minute, "x"},
		{"until a time, from one in a zone that nobody knows", "SUMMARY:x|DTSTART;TZID=Romance:20261201T230000|DURATION:PT30M|RRULE:FREQ=DAILY;UNTIL=20261231T220000Z", "", "2026-12-31T22:00:00Z", time.Minute, "x"},
		{"but for one", weekly + "|EXDATE;TZID=Europe/Berlin:20261119T180000,20261126T180000", "", "2026-11-26T17:30:00Z", time.Minute, ""},
		{"and on another day", weekly + "|RDATE;TZID=Europe/Berlin:20261127T180000", "", "2026-11-27T17:30:00Z", time.Minute, "release"},
		{"the last Friday of the month", "SUMMARY:close|DTSTART;VALUE=DATE:20260130|RRULE:FREQ=MONTHLY;BYDAY=-1FR", "UTC", "2026-11-27T12:00:00Z", time.Minute, "close"},
		{"the Friday before", "SUMMARY:close|DTSTART;VALUE=DATE:20260130|RRULE:FREQ=MONTHLY;BYDAY=-1FR", "UTC", "2026-11-20T12:00:00Z", time.Minute, ""},
		{"a zone of another program's: on the safe side", "SUMMARY:x|DTSTART;TZID=W. Europe Standard Time:20261123T100000|DURATION:PT1H", "UTC", "2026-11-23T22:30:00Z", time.Minute, "x"},
		{"and before", "SUMMARY:x|DTSTART;TZID=W. Europe Standard Time:20261123T100000|DURATION:PT1H", "UTC", "2026-11-22T20:30:00Z", time.Minute, "x"},
		{"folded lines", "SUMMARY:change|  freeze|DTSTART;VALUE=DATE:20261123", "UTC", "2026-11-23T12:00:00Z", time.Minute, "change freeze"},
		{"a date without VALUE", "SUMMARY:x|DTSTART:20261123", "UTC", "2026-11-23T23:00:00Z", time.Minute, "x"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			zone, err := location(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			freezes, err := ParseICS(ics(test.event), zone)
			if err != nil {
				t.Fatal(err)
			}
			from := at(t, test.from)
			why, err := Calendar{Freezes: freezes}.Refuse(from, from.Add(test.length))
			if err != nil {
				t.Fatal(err)
			}
			if (why == "") != (test.want == "") || !strings.Contains(why, test.want) {
				t.Errorf("got %q, want %q", why, test.want)
			}
		})
	}
}

func TestCalendarsThatAreRefused(t *testing.T) {
	tests := map[string][]byte{
		"no calendar":    []byte("hello"),
		"empty":          nil,
		"cut off":        ics("SUMMARY:x|DTSTART:20261123T100000Z")[:100],
		"no start":       ics("SUMMARY:x"),
		"a bad start":    ics("SUMMARY:x|DTSTART:tomorrow"),
		"ends too early": ics("SUMMARY:x|DTSTART:20261123T100000Z|DTEND:20261122T100000Z"),
		"every second":   ics("SUMMARY:x|DTSTART:19700101T000000Z|RRULE:FREQ=SECONDLY"),
		"a bad rule":     ics("SUMMARY:x|DTSTART:20261123T100000Z|RRULE:FREQ=SOMETIMES"),
		"a bad exdate":   ics("SUMMARY:x|DTSTART:20261123T100000Z|RRULE:FREQ=DAILY|EXDATE:never"),
		"two rules":      ics("SUMMARY:x|DTSTART:20261123T100000Z|RRULE:FREQ=DAILY;COUNT=2|RRULE:FREQ=WEEKLY"),
		"of open times":  []byte(strings.Replace(string(ics("SUMMARY:x|DTSTART:20261123T100000Z")), "VERSION:2.0", "VERSION:2.0\r\nX-CALENDAR-TYPE:DEFAULT_CLOSED", 1)),
		"too long":       ics("SUMMARY:x|DTSTART:20201123T100000Z|DTEND:20261122T100000Z"),
	}
	for name, data := range tests {
		if f, err := ParseICS(data, nil); err == nil {
			t.Errorf("%s: accepted: %+v", name, f)
		}
	}
	busy, err := ParseICS(ics("SUMMARY:x|DTSTART:19700101T000000Z|RRULE:FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23"), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "2026-11-23T12:00:00Z")
	if why, err := (Calendar{Freezes: busy}).Refuse(now, now.Add(time.Second)); err == nil {
		t.Errorf("more repetitions than anybody counts: %q", why)
	}
}

func TestNextAfterAFreeze(t *testing.T) {
	freezes, err := ParseICS(ics("SUMMARY:x|DTSTART:20261123T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2"), nil)
	if err != nil {
		t.Fatal(err)
	}
	next, ok := Calendar{Freezes: freezes}.Next(at(t, "2026-11-23T10:30:00Z"), time.Minute)
	if want := at(t, "2026-11-23T11:00:00Z"); !ok || !next.Equal(want) {
		t.Errorf("got %v, %v, want %v", next, ok, want)
	}
}

// FuzzICS looks for calendars that make the parser panic or take for ever.
func FuzzICS(f *testing.F) {
	f.Add(ics("SUMMARY:x|DTSTART:20261123T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2"), int64(1_790_000_000))
	f.Add(ics("SUMMARY:x|DTSTART;VALUE=DATE:20260130|RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1|EXDATE:20260227|RDATE:20260228"), int64(1_790_000_000))
	f.Add(ics("SUMMARY:x|DTSTART;TZID=Europe/Berlin:20260305T180000|DTEND;TZID=Europe/Berlin:20260305T200000|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), int64(1_790_000_000))
	f.Fuzz(func(t *testing.T, data []byte, now int64) {
		if len(data) > 1<<10 {
			t.Skip("long files only make it slow")
		}
		freezes, err := ParseICS(data, nil)
		if err != nil {
			return
		}
		from := time.Unix(now%4_000_000_000, 0)
		c := Calendar{Freezes: freezes}
		if why, err := c.Refuse(from, from.Add(time.Hour)); err == nil && why != "" {
			if next, ok := c.Next(from, time.Hour); ok && next.Before(from) {
				t.Errorf("next is %v, before %v", next, from)
			}
		}
	})
}
