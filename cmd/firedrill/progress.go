package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// progress shows a run as it happens: a line that redraws itself on a terminal, a line for each thing that
// happened otherwise, JSON lines for programs.
type progress struct {
	w        io.Writer
	x        *experiment.Experiment
	terminal bool
	color    bool
	json     bool
	quiet    bool
	words    func(engine.Event) string // what happened, where nobody says otherwise
	within   *progress                 // of the rollout of which the run is a part; nil for others

	mu      sync.Mutex // the second Ctrl-C asks from another goroutine
	applied map[string]string
	phase   engine.Event
	drawn   bool // a line without its end is on the terminal
	last    time.Duration
}

// newProgress decides how to show a run: on standard error, to which w leads, so that standard output holds the
// outcome alone.
func (a *app) newProgress(x *experiment.Experiment, w io.Writer) *progress {
	p := &progress{w: w, x: x, json: a.output == "json", quiet: a.quiet, words: eventText, applied: map[string]string{}}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = !p.json
		p.color = a.colors()
	}
	return p
}

// colors reports whether the user lets us use them (https://no-color.org).
func (a *app) colors() bool {
	return a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}

// observe is the engine's observer.
func (p *progress) observe(e engine.Event) {
	p.track(e)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.quiet && e.Kind != engine.EventResidue:
	case e.All > few && !p.json && e.Message == "":
		p.many(e)
	case p.json:
		_ = json.NewEncoder(p.w).Encode(e)
	case e.Kind == engine.EventStats:
		p.stats(e)
	default:
		p.line(e)
	}
}

// track remembers what is injected.
func (p *progress) track(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case engine.EventApplied:
		p.applied[e.Condition] = e.Target
	case engine.EventReverted, engine.EventLeft, engine.EventKept:
		delete(p.applied, e.Condition)
	}
}

// few targets of a condition have a line each.
const few = 10

// many shows how far a condition with many targets is: a line that redraws itself on a terminal, and one for each tenth of
// them otherwise.
func (p *progress) many(e engine.Event) {
	did := "injected"
	if e.Kind == engine.EventReverted {
		did = "put back"
	}
	text := fmt.Sprintf("%7s  %s %q on %d of %d", clock(e.Elapsed), did, e.Of, e.Done, e.All)
	switch {
	case e.Done == e.All || (!p.terminal && e.Done%((e.All+9)/10) == 0):
		p.clear()
		fmt.Fprintln(p.w, text)
	case p.terminal:
		p.clear()
		fmt.Fprint(p.w, text)
		p.drawn = true
	}
}

// line prints what happened.
func (p *progress) line(e engine.Event) {
	if e.Kind == engine.EventPhase {
		p.phase = e
	}
	if text := p.words(e); text != "" {
		p.clear()
		fmt.Fprintf(p.w, "%7s  %s\n", clock(e.Elapsed), text)
	}
}

// eventText is what happened in words; empty for what is the report's to tell.
func eventText(e engine.Event) string {
	switch e.Kind {
	case engine.EventPhase:
		return phaseText(e)
	case engine.EventApplied:
		return fmt.Sprintf("injected %q on %s", e.Condition, e.Target)
	case engine.EventReverted:
		text := fmt.Sprintf("put back %q", e.Condition)
		if e.Message != "" {
			text += ": " + e.Message
		}
		return text
	case engine.EventLeft:
		return fmt.Sprintf("%q on %s: %s", e.Condition, e.Target, e.Message)
	case engine.EventResidue:
		return fmt.Sprintf("COULD NOT PUT BACK %q on %s: %s", e.Condition, e.Target, e.Message)
	case engine.EventStop:
		return "stopping: " + e.Message
	case engine.EventNote:
		return "note: " + e.Message
	}
	return ""
}

func phaseText(e engine.Event) string {
	text := e.Phase
	if e.Phase == engine.PhaseFault && e.Share > 0 && e.Share < 100 {
		text += fmt.Sprintf(", stage %d at %g %%", e.Stage, e.Share)
	}
	if e.Length > 0 {
		bound := ""
		if e.Phase == engine.PhaseRecovery {
			bound = "at most "
		}
		text += fmt.Sprintf(" (%s%s)", bound, e.Length.Round(time.Millisecond))
	}
	return text
}

// stats redraws the live line, or on anything but a terminal adds a line every five seconds.
func (p *progress) stats(e engine.Event) {
	if !p.terminal {
		if e.Elapsed-p.last < 5*time.Second {
			return
		}
		p.last = e.Elapsed
		fmt.Fprintf(p.w, "%7s    %s\n", clock(e.Elapsed), p.measures(e))
		return
	}
	p.clear()
	fmt.Fprintf(p.w, "%7s  %s %s", clock(e.Elapsed), bar(e.At.Sub(p.phase.At), p.phase.Length), p.measures(e))
	p.drawn = true
}

// measures is the last second in words.
func (p *progress) measures(e engine.Event) string {
	var parts []string
	for _, m := range e.Measures {
		value := "no data"
		if m.Value != nil {
			value = p.format(m.Name, *m.Value)
		}
		mark := ""
		if m.Value != nil && !m.Holds {
			mark = " !"
			if p.color {
				value, mark = "\x1b[31m"+value+"\x1b[0m", ""
			}
		}
		parts = append(parts, m.Name+" "+value+mark)
	}
	for _, b := range e.Budgets {
		parts = append(parts, fmt.Sprintf("%d of %d %s", b.Used, b.Most, b.What))
	}
	return strings.Join(parts, " · ")
}

func (p *progress) format(measure string, value float64) string {
	for _, m := range p.x.Measures {
		if m.Name == measure {
			return m.Expect.Live().Format(value)
		}
	}
	return fmt.Sprintf("%.4g", value)
}

// clear takes the live line away, so that something else can stand there.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// left lists what is injected at this moment.
func (p *progress) left() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var left []string
	for condition, target := range p.applied {
		left = append(left, fmt.Sprintf("%q on %s", condition, target))
	}
	if p.within != nil {
		left = append(left, p.within.left()...)
	}
	return left
}

// bar draws how far a phase has come.
func bar(elapsed, length time.Duration) string {
	const width = 12
	if length <= 0 {
		return ""
	}
	full := min(int(width*elapsed/length), width)
	return "[" + strings.Repeat("=", max(full, 0)) + strings.Repeat(" ", width-max(full, 0)) + "]"
}

func clock(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
