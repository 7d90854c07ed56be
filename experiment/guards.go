package experiment

import (
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/calendar"
)

// Guards are what must be true before anything is injected, and what ends a run that goes too far. An experiment has its own;
// a guards file has some for all experiments. Where both say something, both count: nothing is ever relaxed.
type Guards struct {
	File        string        `json:"file,omitempty"`         // the guards file that says so; empty for an experiment's own
	MaxDuration time.Duration `json:"max_duration,omitempty"` // of the whole run
	MaxTargets  int           `json:"max_targets,omitempty"`
	// MaxPercent is how much of a group (a tag, a stack) may be hit.
	MaxPercent float64 `json:"max_percent,omitempty"`
	// Protected names are never touched, even if a condition names them.
	Protected []string `json:"protected,omitempty"`
	// ReversibleOnly refuses faults that cannot be undone.
	ReversibleOnly bool     `json:"reversible_only,omitempty"`
	Accounts       []string `json:"accounts,omitempty"` // of AWS; every target must be in one of them
	Regions        []string `json:"regions,omitempty"`
	Tags           []string `json:"tags,omitempty"` // KEY=VALUE; every target must have all of them

	Windows  []calendar.Window `json:"windows,omitempty"` // when runs are allowed; none: always
	NotOn    []calendar.Dates  `json:"not_on,omitempty"`
	Zone     string            `json:"zone,omitempty"`     // of NotOn and of the calendar's events that name none
	Calendar string            `json:"calendar,omitempty"` // an iCalendar file, relative to the file that names it: nothing runs during its events

	NoAlarm []Alarm `json:"no_alarm,omitempty"` // alarms that must not be firing
	Budget  Budget  `json:"budget,omitzero"`
}

// A Budget is what a run may spend; zero is without limit. When it is used up, the run stops.
type Budget struct {
	Invocations int `json:"invocations,omitempty"` // injected
	Errors      int `json:"errors,omitempty"`      // failed requests of loads
	// Cost is in US dollars. It is reckoned before the run, and not counted while it goes on.
	Cost float64 `json:"cost,omitempty"`
}

// TimeLimits are the guards' words about when a run may be. The events of the calendar are not in it.
func (g Guards) TimeLimits() calendar.Calendar {
	return calendar.Calendar{Windows: g.Windows, NotOn: g.NotOn, Zone: g.Zone}
}

// Patterns of guards, for parser and schema.
const (
	patternAccount = `^[0-9]{12}$`
	patternDays    = `^[A-Za-z]+(-[A-Za-z]+)?( *, *[A-Za-z]+(-[A-Za-z]+)?)*$`
	patternClock   = `^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`
	patternDates   = `^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.\.[0-9]{4}-[0-9]{2}-[0-9]{2})?$`
	patternZone    = `^[A-Za-z]`
	patternDollars = `^\$?[0-9]+(\.[0-9]+)?$`
)

func guards() value[Guards] {
	shape := object(Guards{}, []field[Guards]{
		key("max_duration", "The whole run ends, and everything is put back, after this time.", duration(time.Second, longest), func(g *Guards) *time.Duration { return &g.MaxDuration }),
		key("max_targets", "More distinct targets than this are refused.", integer(1, 10_000), func(g *Guards) *int { return &g.MaxTargets }),
		key("max_percent", "More of a group (a tag, a stack) than this share is refused.", percent(), func(g *Guards) *float64 { return &g.MaxPercent }),
		key("protected", "Functions and files that are never touched, by name or pattern (prod-*).", list(globbed(), "names"), func(g *Guards) *[]string { return &g.Protected }),
		key("reversible_only", "true refuses faults that cannot be undone, even if a condition says irreversible.", trueFalse(), func(g *Guards) *bool { return &g.ReversibleOnly }),
		key("accounts", "AWS accounts by their numbers: every target must be in one of them.", list(accountNumber(), "account numbers"), func(g *Guards) *[]string { return &g.Accounts }),
		key("regions", "AWS regions: every target must be in one of them.", list(shaped(patternRegion, "is not a region", "eu-west-1"), "regions"), func(g *Guards) *[]string { return &g.Regions }),
		key("tags", "KEY=VALUE: every target must have all of these tags.", list(shaped(patternTag, "is not a tag", "firedrill=allowed"), "tags"), func(g *Guards) *[]string { return &g.Tags }),
		key("windows", "When runs are allowed, to their very end.", list(window(), "windows"), func(g *Guards) *[]calendar.Window { return &g.Windows }),
		key("not_on", "Dates, or FIRST..LAST, on which nothing runs.", list(written(patternDates, calendar.ParseDates, "2026-12-24 or 2026-12-31..2027-01-02"), "dates"), func(g *Guards) *[]calendar.Dates { return &g.NotOn }),
		key("zone", "Time zone of windows, dates and calendar events that name none, such as Europe/Berlin.", zone(), func(g *Guards) *string { return &g.Zone }),
		key("calendar", "An iCalendar file (.ics) of change freezes: nothing runs during its events. Relative to this file.", line(), func(g *Guards) *string { return &g.Calendar }),
		key("no_alarm", "CloudWatch alarms: while one of them is firing, or cannot be read, nothing starts.", list(alarm(), "alarms"), func(g *Guards) *[]Alarm { return &g.NoAlarm }),
		key("budget", "What a run may spend; when it is used up, everything is put back.", budget(), func(g *Guards) *Budget { return &g.Budget }),
	})
	return value[Guards]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Guards, bool) {
		g, ok := shape.read(d, n, path)
		for i := range g.Windows {
			w := &g.Windows[i]
			if w.Zone == "" {
				w.Zone = g.Zone
			}
			if w.Zone == "" && !d.has(join(path, "zone")) && !d.has(join(index(join(path, "windows"), i), "zone")) {
				d.problem(index(join(path, "windows"), i), "", "has no time zone", "zone: Europe/Berlin, here or once in guards")
				ok = false
			}
		}
		return g, ok
	}}
}

func window() value[calendar.Window] {
	clock := func() value[calendar.Clock] { return written(patternClock, calendar.ParseClock, `"09:00"`) }
	shape := object(calendar.Window{Days: calendar.Everyday}, []field[calendar.Window]{
		key("days", "Days of the week on which it opens, such as Mon-Fri or Mon,Wed; default: all.", written(patternDays, calendar.ParseDays, "Mon-Fri or Mon,Wed"), func(w *calendar.Window) *calendar.Days { return &w.Days }),
		key("from", "When it opens, such as \"09:00\".", clock(), func(w *calendar.Window) *calendar.Clock { return &w.From }).must(),
		key("to", "When it closes, such as \"16:00\"; a time that is not after from is on the next day.", clock(), func(w *calendar.Window) *calendar.Clock { return &w.To }).must(),
		key("zone", "Its time zone; default: that of the guards.", zone(), func(w *calendar.Window) *string { return &w.Zone }),
	})
	return value[calendar.Window]{schema: shape.schema, read: func(d *decoder, n *node, path string) (calendar.Window, bool) {
		w, ok := shape.read(d, n, path)
		if ok && w.From == w.To {
			d.problem(join(path, "to"), w.To.String(), "is when the window opens", `a whole day is from "00:00" to "24:00"`)
			return w, false
		}
		return w, ok
	}}
}

// written reads what a parser of another package understands.
func written[V any](pattern string, parse func(string) (V, error), example string) value[V] {
	l := line()
	return value[V]{schema: matching(pattern, example), read: func(d *decoder, n *node, path string) (V, bool) {
		var none V
		s, ok := l.read(d, n, path)
		if !ok {
			return none, false
		}
		v, err := parse(s)
		if err != nil {
			message := strings.TrimPrefix(err.Error(), `"`+s+`" `)
			d.wrong(n, path, message, "such as "+example)
			return none, false
		}
		return v, true
	}}
}

// accountNumber reads the number of an account, which without quotes looks like a number to count with.
func accountNumber() value[string] {
	v := shaped(patternAccount, "is not the number of an account", `"111122223333", in quotes`)
	v.schema["anyOf"] = append(v.schema["anyOf"].([]any), schema{"type": "integer", "minimum": 100_000_000_000, "maximum": 999_999_999_999})
	return v
}

// zone reads the name of a time zone.
func zone() value[string] {
	return written(patternZone, func(name string) (string, error) {
		_, err := calendar.ParseZone(name)
		return name, err
	}, "Europe/Berlin or UTC")
}

// globbed reads a name or a pattern.
func globbed() value[string] {
	l := line()
	return value[string]{schema: l.schema, read: func(d *decoder, n *node, at string) (string, bool) {
		s, ok := l.read(d, n, at)
		if _, err := path.Match(s, ""); ok && err != nil {
			d.wrong(n, at, "is not a pattern", "as file names are matched: prod-*, or a name")
			return "", false
		}
		return s, ok
	}}
}

// alarm reads an alarm's name, or where it is, too.
func alarm() value[Alarm] {
	name := line()
	full := object(Alarm{}, []field[Alarm]{
		key("alarm", "The alarm's name.", line(), func(a *Alarm) *string { return &a.Name }).must(),
		key("account", "One of accounts, by its name; default: the runner's own.", line(), func(a *Alarm) *string { return &a.Account }),
		key("region", "Its region; default: the account's.", shaped(patternRegion, "is not a region", "eu-west-1"), func(a *Alarm) *string { return &a.Region }),
	})
	return value[Alarm]{schema: schema{"anyOf": []any{name.schema, full.schema}}, read: func(d *decoder, n *node, path string) (Alarm, bool) {
		if n.form == mapping {
			return full.read(d, n, path)
		}
		s, ok := name.read(d, n, path)
		return Alarm{Name: s}, ok
	}}
}

func budget() value[Budget] {
	shape := object(Budget{}, []field[Budget]{
		key("invocations", "At most so many injections, over all conditions.", integer(1, 1_000_000_000), func(b *Budget) *int { return &b.Invocations }),
		key("errors", "At most so many failed requests, over all loads.", integer(1, 1_000_000_000), func(b *Budget) *int { return &b.Errors }),
		key("cost", "At most so many US dollars, as far as that is reckoned before a run.", dollars(), func(b *Budget) *float64 { return &b.Cost }),
	})
	shape.schema["minProperties"] = 1
	return value[Budget]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Budget, bool) {
		b, ok := shape.read(d, n, path)
		if ok && b == (Budget{}) {
			d.wrong(n, path, "limits nothing", "{invocations: 5000, errors: 200}, or one of them")
			return b, false
		}
		return b, ok
	}}
}

var dollarsText = regexp.MustCompile(patternDollars)

// dollars reads an amount of money.
func dollars() value[float64] {
	told := matching(patternDollars, "0.50")
	told["anyOf"] = append(told["anyOf"].([]any), schema{"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000})
	return value[float64]{schema: told, read: func(d *decoder, n *node, path string) (float64, bool) {
		if n.form != scalar || !dollarsText.MatchString(n.text) {
			d.expected(n, path, "an amount of US dollars", "write 0.50")
			return 0, false
		}
		amount, err := strconv.ParseFloat(strings.TrimPrefix(n.text, "$"), 64)
		if err != nil || amount <= 0 || amount > 1_000_000 {
			d.wrong(n, path, "must be above 0 and at most 1000000", "")
			return 0, false
		}
		return amount, true
	}}
}

// A guardsFile is a file with guards for all experiments.
type guardsFile struct {
	version int
	guards  Guards
}

func guardsDocument() value[guardsFile] {
	return object(guardsFile{}, []field[guardsFile]{
		key("version", "The version of this format: 1.", integer(1, 1), func(f *guardsFile) *int { return &f.version }).must(),
		key("guards", "What must be true before anything is injected, whatever the experiment says.", guards(), func(f *guardsFile) *Guards { return &f.guards }).must(),
	})
}

// ParseGuards reads a guards file: what holds for every experiment that is run beside it. It has no variables: whoever runs an
// experiment must not be able to change it. The guards are nil if any of the problems is more than a warning.
func ParseGuards(file string, data []byte) (*Guards, []Problem) {
	d := &decoder{file: file, options: Options{File: file}, places: map[string]*node{}}
	var g *Guards
	if root := d.parseYAML(data); root != nil {
		d.places[""] = root
		d.expandAll(root)
		f, _ := guardsDocument().read(d, root, "")
		f.guards.File = file
		g = &f.guards
	}
	d.problems = sorted(d.problems)
	if anyFatal(d.problems) {
		return nil, d.problems
	}
	return g, d.problems
}

// GuardsSchema is the JSON Schema of guards files, for editors.
func GuardsSchema() []byte {
	return published(guardsDocument().schema, "Firedrill guards")
}

// checkGuards checks guards against the rest of the experiment.
func (d *decoder) checkGuards(x *Experiment) {
	for i, a := range x.Guards.NoAlarm {
		d.checkAccount(x, a.Account, join(index("guards.no_alarm", i), "account"))
	}
	if x.Guards.Budget.Errors > 0 && len(x.Loads) == 0 {
		at := "guards.budget.errors"
		d.wrong(d.place(at), at, "counts the failed requests of loads, and there is no load", "load: {shop: {http: GET ${api}/, rate: 20/s}}")
	}
}
