package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Home is where a State lives: a folder of this machine, or a table that a team shares. It keeps bytes and knows
// nothing of what they mean. Its calls bound themselves, so that a home that has gone away never stands in the way of
// an undo.
type Home interface {
	Archive
	Notes
	// Claim takes hold of a run. A fresh one must not exist yet. For another one the error is ErrHeld while a process
	// is at it, and fs.ErrNotExist if there is none; once it is claimed, its former process can append nothing any more.
	Claim(ctx context.Context, run string, fresh bool) (Claim, error)
}

// An Archive tells what is there. Anybody may read it at any time.
type Archive interface {
	// Name is how people call the home: the argument of --state.
	Name() string
	// Runs lists the ids of all runs.
	Runs(ctx context.Context) ([]string, error)
	// Trace is what a run has left. Live is right even if the lines cannot be read; without any it is fs.ErrNotExist.
	Trace(ctx context.Context, run string) (Trace, error)
	// Holder is the run that has a target; empty if none has.
	Holder(ctx context.Context, target string) (run string, err error)
}

// A Trace is what a home knows of a run.
type Trace struct {
	Lines []byte // of the journal, in the order in which they were appended
	Live  bool   // a process has it
}

// Notes are small documents under a name: "killswitch", "runs/ID/stop", "runs/ID/report.json". Readers see the old one
// or the new, whole.
type Notes interface {
	// Read is fs.ErrNotExist if there is none; any other error leaves that open.
	Read(ctx context.Context, name string) ([]byte, error)
	Write(ctx context.Context, name string, text []byte) error
	// Remove of what is not there is fine.
	Remove(ctx context.Context, name string) error
	// Pace is how often a process may look whether there is a new one.
	Pace() time.Duration
}

// A Claim is one process's hold of a run. Its methods may be called from several goroutines.
type Claim interface {
	// Append adds lines, each of which ends in a newline, to the journal: all of them or none. If durable, it returns
	// only when they are safe from the end of this process and of its machine. After an error they count as not
	// written. The engine calls it from one goroutine at a time, with all lines that wait, 64 KiB unless one is longer.
	Append(lines []byte, durable bool) error
	// Lock takes targets for the run, which keeps them until Release; a *TargetHeld says who has one of them.
	Lock(ctx context.Context, targets []string) error
	Tenure
}

// A Tenure lasts until it is released, or lost.
type Tenure interface {
	// Held is nil while nobody else can have the run. ErrLost says that another process has taken it over, and any
	// other error that nobody knows.
	Held(ctx context.Context) error
	// Release ends it. The targets stay locked where homes can do that, unless everything is put back.
	Release(everything bool)
}

var (
	// ErrHeld says that a process, perhaps this one, is at a run.
	ErrHeld = errors.New("a process is at this run")
	// ErrLost says that this process's run was taken over by another one, which puts everything back.
	ErrLost = errors.New("another process has taken this run over, and puts back what it changed")
)

// TargetHeld says which run has a target.
type TargetHeld struct {
	Target string
	Run    string // empty if unknown
	Gone   bool   // the run's process is gone, but the run was not recovered
}

// Error names the target and its holder.
func (h *TargetHeld) Error() string {
	holder := h.Run
	if holder == "" {
		holder = "another run"
	}
	if h.Gone {
		return fmt.Sprintf("target %s belongs to run %s, whose process is gone", h.Target, holder)
	}
	return fmt.Sprintf("target %s is in use by %s", h.Target, holder)
}

// Hint is how to get the target.
func (h *TargetHeld) Hint() string {
	if h.Gone {
		return "put back what it left: firedrill recover " + h.Run
	}
	return "wait for it, or end it: firedrill stop " + h.Run
}
