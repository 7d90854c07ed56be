package flag

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Program is a Provider that asks a program of the user's: the way to flags of any other make. It is started for each
// question, with one JSON document on its standard input, and answers with one on its standard output:
//
//	{"do": "evaluate", "flag": F, "attributes": {A: V}}   -> {"value": ..., "variant": "...", "reason": "..."}
//	{"do": "prepare",  "order": O}                        -> {"undo": ...}        nothing is changed
//	{"do": "on",       "order": O, "undo": ...}           -> {}
//	{"do": "off",      "order": O, "undo": ...}           -> {} or {"drift": "what of others' doing was kept"}
//
// Any of them may answer {"error": "...", "hint": "..."}. What "off" owes is what Switch says of Revert.
type Program struct {
	Path string
}

// question is what a program is asked.
type question struct {
	Do         string          `json:"do"`
	Flag       string          `json:"flag,omitempty"`
	Attributes Attributes      `json:"attributes,omitempty"`
	Order      *Order          `json:"order,omitempty"`
	Undo       json.RawMessage `json:"undo,omitempty"`
}

// reply is what it answers.
type reply struct {
	Evaluation
	Undo  json.RawMessage `json:"undo"`
	Drift string          `json:"drift"`
	Error string          `json:"error"`
	Hint  string          `json:"hint"`
}

const (
	formatProgram = "program"
	// maxReply bounds what a program answers, and maxComplaint what is told of its standard error.
	maxReply     = 1 << 20
	maxComplaint = 300
	// graceful is how long a program may take to end once nobody waits for it any more.
	graceful = 2 * time.Second
)

// bounded is a buffer that takes no more than a limit.
type bounded struct {
	bytes.Buffer
	most int
}

// Write takes what there is room for, and leaves out the rest.
func (b *bounded) Write(p []byte) (int, error) {
	if b.Len() < b.most {
		b.Buffer.Write(p[:min(len(p), b.most-b.Len())])
	}
	return len(p), nil
}

// ask starts the program.
func (p *Program) ask(ctx context.Context, q question) (reply, error) {
	var r reply
	in, err := json.Marshal(q)
	if err != nil {
		return r, err
	}
	out, complaint := &bounded{most: maxReply + 1}, &bounded{most: maxComplaint}
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(in), out, complaint, graceful
	err = cmd.Run()
	if ctx.Err() != nil {
		return r, fmt.Errorf("%s %s: %w", p, q.Do, context.Cause(ctx))
	}
	if err != nil {
		return r, fmt.Errorf("%s %s: %w: %s", p, q.Do, err, strings.TrimSpace(complaint.String()))
	}
	if out.Len() > maxReply {
		return r, fmt.Errorf("%s %s: it answers more than %d bytes", p, q.Do, maxReply)
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return r, fmt.Errorf("%s %s: its answer is not JSON: %w", p, q.Do, err)
	}
	if r.Error != "" {
		return r, &Refused{Reason: fmt.Sprintf("%s %s: %s", p, q.Do, r.Error), Tip: r.Hint}
	}
	return r, nil
}

// String is how people call it.
func (p *Program) String() string { return "program " + filepath.Base(p.Path) }

// Key implements Provider.
func (p *Program) Key(flag string) string {
	return "flag:program:" + filepath.Base(p.Path) + ":" + flag
}

// Evaluate implements Evaluator.
func (p *Program) Evaluate(ctx context.Context, flag string, user Attributes) (Evaluation, error) {
	r, err := p.ask(ctx, question{Do: "evaluate", Flag: flag, Attributes: user})
	if err == nil && len(r.Value) == 0 {
		err = fmt.Errorf("%s: flag %q has no value", p, flag)
	}
	return r.Evaluation, err
}

// Switch implements Provider.
func (p *Program) Switch(o Order) Switch { return programSwitch{p, o} }

type programSwitch struct {
	program *Program
	order   Order
}

// programRecord is the undo record.
type programRecord struct {
	V      int    `json:"v"`
	Format string `json:"format"`
	Order
	Undo json.RawMessage `json:"undo"`
}

// Prepare implements Switch.
func (s programSwitch) Prepare(ctx context.Context) (json.RawMessage, error) {
	r, err := s.program.ask(ctx, question{Do: "prepare", Order: &s.order})
	if err == nil && len(r.Undo) == 0 {
		err = fmt.Errorf("%s prepare: it answers without undo, so that nothing could be put back", s.program)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(programRecord{V: recordVersion, Format: formatProgram, Order: s.order, Undo: r.Undo})
}

// Apply implements Switch.
func (s programSwitch) Apply(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeProgram(undo)
	if err == nil {
		_, err = s.program.ask(ctx, question{Do: "on", Order: &u.Order, Undo: u.Undo})
	}
	return err
}

// Revert implements Switch.
func (s programSwitch) Revert(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeProgram(undo)
	if err != nil {
		return err
	}
	r, err := s.program.ask(ctx, question{Do: "off", Order: &u.Order, Undo: u.Undo})
	if err == nil && r.Drift != "" {
		return &Drift{What: r.Drift}
	}
	return err
}

func decodeProgram(raw json.RawMessage) (programRecord, error) {
	var u programRecord
	err := json.Unmarshal(raw, &u)
	if err == nil && (u.V != recordVersion || u.Format != formatProgram) {
		err = errors.New("it is not that of a program")
	}
	if err != nil {
		return u, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	return u, nil
}

// OfProgram says that an undo record is one of a Program's, which takes it back. Its path is not in the record: a journal
// must not decide what is started on a machine that recovers.
func OfProgram(undo json.RawMessage) bool {
	_, err := decodeProgram(undo)
	return err == nil
}
