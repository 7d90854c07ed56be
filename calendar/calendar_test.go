package calendar

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests name zones, wherever they run

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func window(t testing.TB, text string) Window {
	t.Helper()
	parts := strings.Fields(text)
	from, to, _ := strings.Cut(parts[1], "-")
	w := Window{Zone: parts[2]}
	for part, into := range map[string]interface{ UnmarshalText([]byte) error }{parts[0]: &w.Days, from: &w.From, to: &w.To} {
		if err := into.UnmarshalText([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func dates(t testing.TB, text string) Dates {
	t.Helper()
	d, err := ParseDates(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRefuse is a table of instants: Berlin is UTC+1 in winter and UTC+2 in summer.
func TestRefuse(t *testing.T) {
	const work, night = "Mon-Fri 09:00-16:00 Europe/Berlin", "Sat 22:00-04:00 Europe/Berlin"
	tests := []struct {
		name    string
		windows []string
		notOn   []string
		zone    string
		from    string
		length  time.Duration
		want    string // a part of the reason; "" for none
	}{
		{"no calendar", nil, nil, "", "2026-11-21T03:00:00Z", time.Hour, ""},
		{"the first moment", []string{work}, nil, "", "2026-11-23T08:00:00Z", time.Hour, ""},
		{"a moment before it", []string{work}, nil, "", "2026-11-23T07:59:59Z", time.Hour, "no window is open"},
		{"fits to the second", []string{work}, nil, "", "2026-11-23T14:00:00Z", time.Hour, ""},
		{"a second too long", []string{work}, nil, "", "2026-11-23T14:00:01Z", time.Hour, "closes at Mon 2026-11-23 16:00 CET"},
		{"after it", []string{work}, nil, "", "2026-11-23T15:00:00Z", time.Minute, "no window is open"},
		{"Saturday", []string{work}, nil, "", "2026-11-21T10:00:00Z", time.Minute, "no window is open"},
		{"summer time", []string{work}, nil, "", "2026-07-01T07:00:00Z", time.Hour, ""},
		{"summer time's end of the day", []string{work}, nil, "", "2026-07-01T13:30:00Z", time.Hour, "CEST"},
		{"after midnight it is still Saturday's window", []string{night}, nil, "", "2026-11-22T02:00:00Z", 30 * time.Minute, ""},
		{"but Sunday night is not", []string{night}, nil, "", "2026-11-22T22:00:00Z", time.Minute, "no window is open"},
		{"over midnight", []string{night}, nil, "", "2026-11-21T22:30:00Z", 4 * time.Hour, ""},
		{"two windows that meet are one", []string{"Mon 09:00-12:00 UTC", "Mon 12:00-15:00 UTC"}, nil, "", "2026-11-23T11:00:00Z", 2 * time.Hour, ""},
		{"two that do not", []string{"Mon 09:00-12:00 UTC", "Mon 12:01-15:00 UTC"}, nil, "", "2026-11-23T11:00:00Z", 2 * time.Hour, "closes at"},
		{"whole days meet", []string{"Mon-Sun 00:00-24:00 UTC"}, nil, "", "2026-11-23T23:00:00Z", 48 * time.Hour, ""},

		// On 2026-03-29 Berlin's clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
		{"opens in the gap: at its instant", []string{"Sun 02:30-05:00 Europe/Berlin"}, nil, "", "2026-03-29T01:00:00Z", time.Hour, ""},
		{"and not before", []string{"Sun 02:30-05:00 Europe/Berlin"}, nil, "", "2026-03-29T00:59:59Z", time.Hour, "no window"},
		{"closes in the gap", []string{"Sun 00:30-02:30 Europe/Berlin"}, nil, "", "2026-03-29T00:00:00Z", time.Hour, ""},
		{"not after it", []string{"Sun 00:30-02:30 Europe/Berlin"}, nil, "", "2026-03-29T00:00:01Z", time.Hour, "closes at"},
		{"lies in the gap", []string{"Sun 02:10-02:50 Europe/Berlin"}, nil, "", "2026-03-29T01:00:00Z", 0, "no window"},
		{"opens twice: the second counts", []string{"Sun 02:30-05:00 Europe/Berlin"}, nil, "", "2026-10-25T00:45:00Z", time.Minute, "no window"},
		{"the second", []string{"Sun 02:30-05:00 Europe/Berlin"}, nil, "", "2026-10-25T01:30:00Z", time.Minute, ""},
		{"closes twice: the first counts", []string{"Sun 00:30-02:30 Europe/Berlin"}, nil, "", "2026-10-25T00:29:00Z", time.Minute, ""},
		{"not the second", []string{"Sun 00:30-02:30 Europe/Berlin"}, nil, "", "2026-10-25T01:00:00Z", time.Minute, "no window"},
		{"a night with 25 hours", []string{"Sat 22:00-06:00 Europe/Berlin"}, nil, "", "2026-10-24T20:00:00Z", 9 * time.Hour, ""},
		{"half an hour's shift", []string{"Sun 01:45-04:00 Australia/Lord_Howe"}, nil, "", "2026-04-04T14:50:00Z", time.Minute, "no window"},

		{"a date in its zone", nil, []string{"2026-12-24"}, "Europe/Berlin", "2026-12-23T23:00:00Z", time.Minute, "not_on names 2026-12-24"},
		{"an hour before it", nil, []string{"2026-12-24"}, "Europe/Berlin", "2026-12-23T21:59:00Z", time.Hour, ""},
		{"running into it", nil, []string{"2026-12-24"}, "Europe/Berlin", "2026-12-23T22:30:00Z", time.Hour, "not_on"},
		{"the day after it", nil, []string{"2026-12-24"}, "Europe/Berlin", "2026-12-24T23:00:00Z", time.Hour, ""},
		{"a range over the year's end", nil, []string{"2026-12-31..2027-01-02"}, "UTC", "2027-01-02T23:59:00Z", time.Minute, "not_on names 2026-12-31..2027-01-02"},
		{"without a zone: the first place on earth", nil, []string{"2026-12-24"}, "", "2026-12-23T10:00:00Z", time.Minute, "anywhere on earth"},
		{"the last place on earth", nil, []string{"2026-12-24"}, "", "2026-12-25T11:59:00Z", time.Minute, "anywhere on earth"},
		{"nowhere any more", nil, []string{"2026-12-24"}, "", "2026-12-25T12:00:00Z", time.Minute, ""},
		{"an open window does not outweigh a date", []string{"Mon-Sun 00:00-24:00 UTC"}, []string{"2026-12-24"}, "UTC", "2026-12-24T12:00:00Z", time.Minute, "not_on"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Calendar{Zone: test.zone}
			for _, w := range test.windows {
				c.Windows = append(c.Windows, window(t, w))
			}
			for _, d := range test.notOn {
				c.NotOn = append(c.NotOn, dates(t, d))
			}
			from := at(t, test.from)
			why, err := c.Refuse(from, from.Add(test.length))
			if err != nil {
				t.Fatal(err)
			}
			if (why == "") != (test.want == "") || !strings.Contains(why, test.want) {
				t.Errorf("got %q, want %q", why, test.want)
			}
		})
	}
}

func TestZonesThatAreNone(t *testing.T) {
	for _, c := range []Calendar{{Windows: []Window{{Days: Everyday, To: midnight}}}, {Windows: []Window{{Days: Everyday, To: midnight, Zone: "Mars/Olympus"}}}, {Zone: "Local"}, {Zone: "../../etc/passwd"}} {
		if why, err := c.Refuse(time.Unix(0, 0), time.Unix(1, 0)); err == nil {
			t.Errorf("%+v: %q without an error", c, why)
		}
	}
}

func TestNext(t *testing.T) {
	c := Calendar{Windows: []Window{window(t, "Mon-Fri 09:00-16:00 Europe/Berlin")}, NotOn: []Dates{dates(t, "2026-11-23")}, Zone: "Europe/Berlin"}
	next, ok := c.Next(at(t, "2026-11-20T16:00:00Z"), time.Hour)
	if want := at(t, "2026-11-24T08:00:00Z"); !ok || !next.Equal(want) {
		t.Errorf("got %v, %v, want %v", next, ok, want)
	}
	if next, ok := c.Next(at(t, "2026-11-20T16:00:00Z"), 8*time.Hour); ok {
		t.Errorf("a run longer than every window fits at %v", next)
	}
	blocked := Calendar{NotOn: []Dates{dates(t, "2026-11-20..2026-11-22")}, Zone: "UTC"}
	if next, ok := blocked.Next(at(t, "2026-11-21T00:00:00Z"), time.Hour); !ok || !next.Equal(at(t, "2026-11-23T00:00:00Z")) {
		t.Errorf("after the date: %v, %v", next, ok)
	}
}

// TestOpenIsOpen: whatever the windows, an instant that is open shows a wall clock that one of them names, and Next is
// never refused.
func TestOpenIsOpen(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		w := Window{
			Days: Days(rapid.IntRange(1, 127).Draw(t, "days")), From: Clock(rapid.IntRange(0, 24*60-1).Draw(t, "from")),
			To: Clock(rapid.IntRange(1, 24*60).Draw(t, "to")), Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
		}
		c := Calendar{Windows: []Window{w}}
		now := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "now"), 0)
		length := time.Duration(rapid.IntRange(0, 600).Draw(t, "minutes")) * time.Minute
		why, err := c.Refuse(now, now.Add(length))
		if err != nil {
			t.Fatal(err)
		}
		zone, _ := ParseZone(w.Zone)
		if local := now.In(zone); why == "" {
			clock := Clock(60*local.Hour() + local.Minute())
			today, yesterday := w.Days.has(local.Weekday()), w.Days.has((local.Weekday()+6)%7)
			same := today && clock >= w.From && clock < w.To
			over := w.To <= w.From && (today && clock >= w.From || yesterday && clock < w.To)
			if !same && !over {
				t.Fatalf("%s is open at %s", w, stamp(local))
			}
		}
		if next, ok := c.Next(now, length); ok {
			if why, err := c.Refuse(next, next.Add(length)); why != "" || err != nil || next.Before(now) {
				t.Fatalf("next is %s, but %s, %v", next, why, err)
			}
		}
	})
}

func TestTextForms(t *testing.T) {
	for text, want := range map[string]string{"Mon-Fri": "Mon-Fri", "mon": "Mon", "Sat-Mon": "Mon,Sat-Sun", "Monday, Wed": "Mon,Wed", "Sun": "Sun", "Mon-Sun": "Mon-Sun", "Fri-Thu": "Mon-Sun"} {
		d, err := ParseDays(text)
		if err != nil || d.String() != want {
			t.Errorf("%s: %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "Mo", "Mon-", "-Fri", "Mon--Fri", "Mon Tue", "Mon,,Tue"} {
		if d, err := ParseDays(text); err == nil {
			t.Errorf("days %q: %s", text, d)
		}
	}
	for _, text := range []string{"", "9:00", "24:01", "25:00", "09:60", "09:00:00", " 09:00", "-1:00"} {
		if c, err := ParseClock(text); err == nil {
			t.Errorf("clock %q: %s", text, c)
		}
	}
	for _, text := range []string{"", "2026-02-30", "2026-1-1", "2026-01-02..2026-01-01", "2026-01-01..2027-01-02", "2026-01-01..", "24.12.2026"} {
		if d, err := ParseDates(text); err == nil {
			t.Errorf("dates %q: %s", text, d)
		}
	}
}

// What reports hold can be read back.
func TestJSON(t *testing.T) {
	type guards struct {
		Windows []Window
		NotOn   []Dates
	}
	in := guards{[]Window{window(t, "Mon-Fri 09:00-24:00 Europe/Berlin")}, []Dates{dates(t, "2026-12-31..2027-01-02"), dates(t, "2026-12-24")}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Windows":[{"days":"Mon-Fri","from":"09:00","to":"24:00","zone":"Europe/Berlin"}],"NotOn":["2026-12-31..2027-01-02","2026-12-24"]}`; string(text) != want {
		t.Errorf("got %s", text)
	}
	var out guards
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in, out); d != "" {
		t.Error(d)
	}
}

func FuzzText(f *testing.F) {
	for _, text := range []string{"Mon-Fri", "09:00", "2026-12-31..2027-01-02", "24:00", "Sat-Mon,Wed"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDays(text); err == nil {
			if again, err := ParseDays(d.String()); err != nil || again != d || d == 0 {
				t.Errorf("days %q: %s, then %s, %v", text, d, again, err)
			}
		}
		if c, err := ParseClock(text); err == nil {
			if again, err := ParseClock(c.String()); err != nil || again != c || c < 0 || c > midnight {
				t.Errorf("clock %q: %s, then %s, %v", text, c, again, err)
			}
		}
		if d, err := ParseDates(text); err == nil {
			if again, err := ParseDates(d.String()); err != nil || again != d {
				t.Errorf("dates %q: %s, then %s, %v", text, d, again, err)
			}
		}
	})
}
