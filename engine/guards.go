package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/calendar"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// OnThisMachine is the Targeted.Account of what is in no account of AWS: guards that ask for accounts, regions and tags do not
// concern it.
const OnThisMachine = "local"

// guardsOf are all guards of a run: the experiment's own, then those of guards files. All of them count.
func guardsOf(x *experiment.Experiment, o Options) []experiment.Guards {
	own := x.Guards
	own.File = ""
	return append([]experiment.Guards{own}, o.Guards...)
}

// said is how messages call a guard: by its key and, if it is not the experiment's own, its file.
func said(g experiment.Guards, key string) string {
	if g.File == "" {
		return "guards." + key
	}
	return "guards." + key + " of " + g.File
}

// tip is what to do about a guard that refuses.
func tip(g experiment.Guards, own string) string {
	if g.File == "" {
		return own
	}
	return "whoever keeps " + g.File + " decides: an experiment cannot relax it"
}

// maxDuration is the shortest time that guards allow a run; zero is no limit.
func maxDuration(all []experiment.Guards) (shortest time.Duration, by experiment.Guards) {
	for _, g := range all {
		if g.MaxDuration > 0 && (shortest == 0 || g.MaxDuration < shortest) {
			shortest, by = g.MaxDuration, g
		}
	}
	return shortest, by
}

// refusals collects what speaks against a run, so that all of it is told at once.
type refusals struct {
	errs []error
	tip  string // of the first
}

func (f *refusals) add(tip, format string, args ...any) {
	if f.tip == "" {
		f.tip = tip
	}
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

func (f *refusals) refusal() error {
	switch len(f.errs) {
	case 0:
		return nil
	case 1:
		return &Refusal{Err: f.errs[0], Tip: f.tip}
	}
	return &Refusal{Err: errors.Join(f.errs...), Tip: f.tip}
}

// checkGuards is the part of guarding that looks at the experiment and its frozen targets: what it refuses today it refuses
// tomorrow.
func checkGuards(ctx context.Context, x *experiment.Experiment, o Options, changes []*change) error {
	if len(changes) == 0 {
		return errors.New("no conditions: nothing would be injected")
	}
	f := &refusals{}
	for _, ch := range changes {
		if _, ok := ch.action.(Renewer); (!ok || ch.fixed) && len(x.Stages) > 1 {
			f.add("leave stages out, or give this fault its own experiment", "condition %q: fault %s cannot be scaled in stages", ch.Name, ch.Fault)
		}
	}
	s := specOf(x, o)
	if slices.ContainsFunc(guardsOf(x, o), func(g experiment.Guards) bool { return g.Tags != nil }) {
		readAllTags(ctx, o, changes)
	}
	forecast(ctx, o, changes)
	prediction := predict(x, s, changes)
	for _, g := range guardsOf(x, o) {
		for _, ch := range changes {
			f.checkTarget(ctx, g, ch)
		}
		if n := len(keys(changes)); g.MaxTargets > 0 && n > g.MaxTargets {
			f.add(tip(g, "split the experiment, or raise the guard on purpose"), "%d targets, but %s is %d", n, said(g, "max_targets"), g.MaxTargets)
		}
		f.checkShare(g, changes)
		if takes, _ := length(s, 0); g.File != "" && g.MaxDuration > 0 && takes > g.MaxDuration {
			f.add(tip(g, ""), "the phases take %s, but %s is %s", takes, said(g, "max_duration"), g.MaxDuration)
		}
		f.checkPrediction(g, prediction)
	}
	return f.refusal()
}

// checkTarget asks whether one target may be touched.
func (f *refusals) checkTarget(ctx context.Context, g experiment.Guards, ch *change) {
	const another = "choose another target, or change the guard on purpose"
	for _, pattern := range g.Protected {
		if protects(pattern, ch) {
			f.add(tip(g, "guards.protected names what must never be touched"), "condition %q: target %s is protected by %q of %s", ch.Name, ch.key, pattern, said(g, "protected"))
		}
	}
	if g.ReversibleOnly && ch.Irreversible {
		f.add(tip(g, "choose a fault that can be undone, or change the guard on purpose"), "condition %q: fault %s cannot be undone, and %s asks for those that can", ch.Name, ch.Fault, said(g, "reversible_only"))
	}
	if ch.account == OnThisMachine {
		return
	}
	if g.Accounts != nil && !slices.Contains(g.Accounts, ch.account) {
		f.add(tip(g, another), "condition %q: target %s is in %s, which %s does not allow", ch.Name, ch.key, orUnknown("account", ch.account), said(g, "accounts"))
	}
	if g.Regions != nil && !slices.Contains(g.Regions, ch.region) {
		f.add(tip(g, another), "condition %q: target %s is in %s, which %s does not allow", ch.Name, ch.key, orUnknown("region", ch.region), said(g, "regions"))
	}
	if g.Tags == nil {
		return
	}
	tags, err := ch.readTags(ctx)
	if err != nil {
		f.add("reading tags takes a permission: firedrill policy prints it", "condition %q: the tags of target %s, which %s asks for, cannot be read: %w", ch.Name, ch.key, said(g, "tags"), err)
		return
	}
	for _, tag := range g.Tags {
		name, want, _ := strings.Cut(tag, "=")
		if got, ok := tags[name]; !ok || got != want {
			f.add(tip(g, "tag what may be touched, and nothing else"), "condition %q: target %s does not have the tag %s of %s", ch.Name, ch.key, tag, said(g, "tags"))
		}
	}
}

func orUnknown(what, name string) string {
	if name == "" {
		return what + " (not known)"
	}
	return what + " " + name
}

// readAllTags reads the tags of all targets side by side; checkTarget finds them read.
func readAllTags(ctx context.Context, o Options, changes []*change) {
	sideBySide(o.parallel(), byKey(changes, (*change).target), func(ch *change) bool {
		if ch.account != OnThisMachine {
			_, _ = ch.readTags(ctx) // which keeps the error
		}
		return true
	})
}

// readTags are the target's, read once.
func (ch *change) readTags(ctx context.Context) (map[string]string, error) {
	if ch.tags != nil || ch.tagsErr != nil {
		return ch.tags, ch.tagsErr
	}
	tagged, ok := ch.action.(Tagged)
	if !ok {
		return nil, errors.New("this kind of target has none that could be read")
	}
	tags, err := bounded(ctx, actionTimeout, tagged.Tags)
	ch.tags, ch.tagsErr = tags, err
	return tags, err
}

// checkShare asks how much of each group is hit, by all conditions together.
func (f *refusals) checkShare(g experiment.Guards, changes []*change) {
	if g.MaxPercent == 0 {
		return
	}
	type group struct {
		hit, of int
		names   map[string]bool // of those that are hit
	}
	groups := map[string]*group{}
	var order []string
	for _, ch := range changes {
		if ch.group == 0 {
			continue // it was named itself
		}
		in := ch.Target.Account + " " + ch.Target.Region + " " + ch.Target.String()
		if groups[in] == nil {
			groups[in] = &group{names: map[string]bool{}}
			order = append(order, in)
		}
		gr := groups[in]
		known := slices.ContainsFunc(ch.names, func(name string) bool { return gr.names[name] }) // by another condition
		for _, name := range append(ch.names, ch.key) {
			gr.names[name] = gr.names[name] || name != ""
		}
		if !known {
			gr.hit++
		}
		gr.of = max(gr.of, ch.group)
	}
	for _, in := range order {
		if gr := groups[in]; float64(gr.hit)*100 > g.MaxPercent*float64(gr.of) {
			f.add(tip(g, "take fewer of the group, or name the targets themselves"), "%d of %d (%s) are more than %s, which is %g %%", gr.hit, gr.of, strings.TrimSpace(in), said(g, "max_percent"), g.MaxPercent)
		}
	}
}

// protects says whether a protected name, which may be a shell pattern, means the condition's target.
func protects(pattern string, ch *change) bool {
	names := append([]string{ch.key, ch.Target.File, filepath.Base(ch.Target.File)}, ch.names...)
	for _, name := range names {
		if name == "" {
			continue
		}
		if ok, err := path.Match(pattern, name); ok || err != nil || pattern == name {
			return true // a pattern that cannot be read protects everything
		}
	}
	return false
}

// checkMoment asks what may be different in an hour: whether it is a time for runs, and whether all is calm.
func checkMoment(ctx context.Context, x *experiment.Experiment, o Options) (notes []string, err error) {
	s := specOf(x, o)
	_, longest := length(s, s.maxDuration)
	return momentFor(ctx, x, o, longest)
}

// remaining is how long a run may still take after its baseline.
func (m *machine) remaining(at time.Time) time.Duration {
	s := m.spec
	s.baseline, s.baselineMax = 0, 0
	_, longest := length(s, 0)
	if !m.faultAt.IsZero() {
		longest -= at.Sub(m.faultAt)
	}
	if s.maxDuration > 0 {
		longest = min(longest, s.maxDuration-at.Sub(m.began))
	}
	return max(longest, 0)
}

// momentFor is checkMoment for a run that takes until longest from now.
func momentFor(ctx context.Context, x *experiment.Experiment, o Options, longest time.Duration) (notes []string, err error) {
	now := time.Now()
	f := &refusals{}
	for _, g := range guardsOf(x, o) {
		f.checkTime(g, o.Registry, now, longest)
		notes = append(notes, f.checkAlarms(ctx, g, o.Registry)...)
	}
	return notes, f.refusal()
}

// length is how long a run takes that takes its course, and the longest that it can take.
func length(s spec, limit time.Duration) (usual, longest time.Duration) {
	stages := time.Duration(len(s.stages))
	usual = s.baseline + stages*s.fault + min(s.recovery, steadySeconds*time.Second)
	longest = max(s.baselineMax, s.baseline) + stages*s.fault + (stages-1)*s.late + s.recovery
	if limit > 0 {
		longest = min(longest, limit)
	}
	return usual, longest
}

// checkTime asks whether the whole run fits into the time that is allowed.
func (f *refusals) checkTime(g experiment.Guards, registry Registry, now time.Time, longest time.Duration) {
	limits := g.TimeLimits()
	if g.Calendar != "" {
		freezes, err := readCalendar(g, registry)
		if err != nil {
			f.add("a calendar that cannot be read may hold a freeze", "%s: %w", said(g, "calendar"), err)
			return
		}
		limits.Freezes = freezes
	}
	why, err := limits.Refuse(now, now.Add(longest))
	if err != nil {
		f.add("", "%s: %w", said(g, "windows"), err)
		return
	}
	if why == "" {
		return
	}
	when := "no such time is near"
	if next, ok := limits.Next(now, longest); ok {
		when = "the next time for it is " + next.Format("Mon 2006-01-02 15:04 MST")
	}
	f.add(when, "this is no time for a run of up to %s, says %s: %s", longest, timed(g), why)
}

// timed is where the limits of time are.
func timed(g experiment.Guards) string {
	if g.File == "" {
		return "guards"
	}
	return g.File
}

func readCalendar(g experiment.Guards, registry Registry) (calendar.Freezes, error) {
	if registry.Calendar == nil {
		return calendar.Freezes{}, errors.New("calendars cannot be read here")
	}
	return registry.Calendar(g)
}

// checkAlarms asks whether all is calm. A note says what nobody knows.
func (f *refusals) checkAlarms(ctx context.Context, g experiment.Guards, registry Registry) (notes []string) {
	if g.NoAlarm == nil {
		return nil
	}
	const calm = "a fault on top of an outage helps nobody: wait until it is over"
	if registry.Alarms == nil {
		f.add("", "%s: alarms cannot be read here", said(g, "no_alarm"))
		return nil
	}
	states, err := bounded(ctx, actionTimeout, func(ctx context.Context) (map[experiment.Alarm]verdict.AlarmState, error) {
		return registry.Alarms(ctx, g.NoAlarm)
	})
	if err != nil {
		f.add(HintOf(err), "%s: %w", said(g, "no_alarm"), err)
	}
	for _, alarm := range g.NoAlarm {
		switch state, known := states[alarm]; {
		case !known && err == nil:
			f.add("", "%s: nobody says in which state alarm %s is", said(g, "no_alarm"), alarm)
		case state == verdict.AlarmFiring:
			f.add(calm, "alarm %s is firing already (%s)", alarm, said(g, "no_alarm"))
		case known && state != verdict.AlarmOK:
			notes = append(notes, fmt.Sprintf("alarm %s has no data, so it says nothing of an outage (%s)", alarm, said(g, "no_alarm")))
		}
	}
	return notes
}

// toldGuards are the guards in words, for "plan".
func toldGuards(x *experiment.Experiment, o Options, changes []*change) []string {
	out := []string{fmt.Sprintf("%d target(s) resolved", len(keys(changes)))}
	for _, g := range guardsOf(x, o) {
		from := ""
		if g.File != "" {
			from = " (" + g.File + ")"
		}
		for _, text := range wordsOf(g) {
			out = append(out, text+from)
		}
	}
	return out
}

func wordsOf(g experiment.Guards) (out []string) {
	say := func(given bool, format string, args ...any) {
		if given {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	say(g.MaxTargets > 0, "at most %d targets", g.MaxTargets)
	say(g.MaxPercent > 0, "at most %g %% of a group", g.MaxPercent)
	say(g.ReversibleOnly, "only what can be undone")
	say(g.Protected != nil, "none of the targets is protected (%d names)", len(g.Protected))
	say(g.Accounts != nil, "only in account %s", strings.Join(g.Accounts, ", "))
	say(g.Regions != nil, "only in %s", strings.Join(g.Regions, ", "))
	say(g.Tags != nil, "only with the tag %s", strings.Join(g.Tags, ", "))
	for _, w := range g.Windows {
		say(true, "only %s", w)
	}
	for _, d := range g.NotOn {
		say(true, "not on %s", d)
	}
	say(g.Calendar != "", "not during the events of %s", g.Calendar)
	for _, a := range g.NoAlarm {
		say(true, "not while alarm %s is firing", a)
	}
	say(g.Budget.Invocations > 0, "stops after %d injections", g.Budget.Invocations)
	say(g.Budget.Cost > 0, "costs at most $%.2f, as far as that is reckoned", g.Budget.Cost)
	say(g.Budget.Errors > 0, "stops after %d failed requests", g.Budget.Errors)
	say(g.MaxDuration > 0, "stops after %s", g.MaxDuration)
	return out
}
