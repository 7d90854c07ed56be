package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
)

// A board shows runs that go on side by side: on a terminal a line for each and one for all, which redraw themselves; lines that begin with
// the experiment's name otherwise; JSON lines for programs.
type board struct {
	w        io.Writer
	terminal bool
	json     bool
	quiet    bool
	width    func() int
	names    map[string]string // by file
	order    map[string]int    // of the files

	mu    sync.Mutex // runs tell of themselves from their own goroutines
	rows  []*row     // of runs that are going on, and of those that left something
	last  drill.Standing
	when  time.Time // of last
	drawn int       // lines that are to be taken away
}

// A row is one run.
type row struct {
	board *board
	name  string
	file  string
	show  *progress // in words; and what is injected
	phase engine.Event
	stats string
}

func (a *app) newBoard(jobs []drill.Job, w io.Writer) *board {
	b := &board{w: w, json: a.output == "json", quiet: a.quiet, names: namesOf(jobs), order: map[string]int{}, last: drill.Standing{All: len(jobs)}, when: time.Now()}
	for i, j := range jobs {
		b.order[j.File] = i
	}
	if f, ok := a.stderr.(*os.File); ok && !b.json && !b.quiet && term.IsTerminal(int(f.Fd())) && a.getenv("TERM") != "dumb" {
		b.terminal = true
		b.width = func() int {
			if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
				return width
			}
			return 80
		}
	}
	return b
}

// namesOf calls each file by its name, or by its path where two have the same name.
func namesOf(jobs []drill.Job) map[string]string {
	count := map[string]int{}
	short := func(file string) string { return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)) }
	for _, j := range jobs {
		count[short(j.File)]++
	}
	names := map[string]string{}
	for _, j := range jobs {
		name := short(j.File)
		if count[name] > 1 {
			name = j.File
		}
		names[j.File] = strings.ReplaceAll(printable(name), "\n", " ") // each is in a line
	}
	return names
}

// begin adds a run.
func (b *board) begin(j *drill.Job, attempt int) *row {
	r := &row{board: b, name: b.names[j.File], file: j.File}
	r.show = &progress{w: prefixed{b.w, r.name + " | "}, x: j.Experiment, quiet: b.quiet, words: eventText, applied: map[string]string{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, r)
	slices.SortStableFunc(b.rows, func(x, y *row) int { return b.order[x.file] - b.order[y.file] })
	if b.terminal {
		b.draw()
	} else if attempt > 1 {
		b.line(fmt.Sprintf("%s | once more: try %d", r.name, attempt))
	}
	return r
}

// end takes a run away, unless something of it is left.
func (b *board) end(r *row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(r.show.left()) == 0 {
		b.rows = slices.DeleteFunc(b.rows, func(other *row) bool { return other == r })
	}
	b.draw()
}

// standing is told when a job begins or is done.
func (b *board) standing(s drill.Standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last, b.when = s, time.Now()
	switch {
	case s.Began != nil && !b.terminal:
		b.line(fmt.Sprintf("[%d/%d] %s | %s", s.Done+s.Running, s.All, b.names[s.Began.File], s.Began.Experiment.Title))
	case s.Ended != nil && s.Ended.Result != nil:
		b.line(fmt.Sprintf("%s | %s: %s", b.names[s.Ended.File], s.Ended.Result.Verdict, s.Ended.Experiment.Title))
		if !b.terminal {
			b.line(b.sum())
		}
	}
	b.draw()
}

// sum is how far the drill is.
func (b *board) sum() string {
	text := fmt.Sprintf("%d of %d done, %d running", b.last.Done, b.last.All, b.last.Running)
	if left := b.last.Left - time.Since(b.when); left > 0 && b.last.Running > 0 {
		text += ", about " + left.Round(time.Second).String() + " left"
	}
	return text
}

// observe is the engine's observer.
func (r *row) observe(e engine.Event) {
	b := r.board
	if !b.terminal && !b.json {
		r.show.observe(e)
		return
	}
	r.show.track(e)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.json {
		if !b.quiet || e.Kind == engine.EventResidue {
			_ = json.NewEncoder(b.w).Encode(struct {
				File string `json:"file"`
				engine.Event
			}{r.file, e})
		}
		return
	}
	switch e.Kind {
	case engine.EventPhase:
		r.phase, r.stats = e, ""
	case engine.EventStats:
		r.stats = r.show.measures(e)
	case engine.EventStop, engine.EventNote, engine.EventResidue, engine.EventLeft:
		b.line(r.name + " | " + strings.ReplaceAll(eventText(e), "\n", " "))
	}
	b.draw()
}

// note says something about the run.
func (r *row) note(text string) { r.board.say(r.name + " | " + text) }

// say prints a line that stays.
func (b *board) say(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line(text)
	b.draw()
}

func (b *board) line(text string) {
	if b.quiet || b.json {
		return
	}
	b.erase()
	fmt.Fprintln(b.w, text)
}

// draw shows the lines that redraw themselves anew.
func (b *board) draw() {
	if !b.terminal {
		return
	}
	now := time.Now()
	var lines []string
	for _, r := range b.rows {
		lines = append(lines, "  "+r.text(now))
	}
	lines = append(lines, b.sum())
	width := b.width()
	text := ""
	for _, line := range lines {
		text += clipped(line, width-1) + "\n"
	}
	b.erase()
	fmt.Fprint(b.w, text)
	b.drawn = len(lines)
}

// text is a run in one line.
func (r *row) text(now time.Time) string {
	if r.phase.Phase == "" {
		return fmt.Sprintf("%-24s prepares", r.name)
	}
	elapsed := now.Sub(r.phase.At)
	left := ""
	if rest := r.phase.Length - elapsed; rest > 0 {
		left = rest.Round(time.Second).String() + " left"
	}
	phase := r.phase
	phase.Length = 0
	return strings.TrimRight(fmt.Sprintf("%-24s %-9s %s %9s  %s", r.name, phaseText(phase), bar(elapsed, r.phase.Length), left, r.stats), " ")
}

// erase takes away the lines that redraw themselves.
func (b *board) erase() {
	if b.drawn > 0 {
		fmt.Fprintf(b.w, "\x1b[%dA\r\x1b[J", b.drawn)
		b.drawn = 0
	}
}

// clear is erase, at the end.
func (b *board) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	b.terminal = false
}

// left lists what is injected at this moment, by all runs.
func (b *board) left() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, r := range b.rows {
		all = append(all, r.show.left()...)
	}
	return all
}

// clipped is a text that fits into a line.
func clipped(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// A prefixed writer begins each line with the same text.
type prefixed struct {
	w      io.Writer
	prefix string
}

// Write writes whole lines.
func (p prefixed) Write(text []byte) (int, error) {
	lines := strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n"+p.prefix)
	_, err := io.WriteString(p.w, p.prefix+lines+"\n")
	return len(text), err
}
