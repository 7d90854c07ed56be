package action

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Proof counts injections: planned by the fault set, fired by the function's host.
type Proof struct {
	Known          bool // somebody counts
	Planned, Fired int64
	Late           bool // the count comes from a log that lags: more may be on its way
}

// Proof counts the injections of this fault in this run.
func (a *FaultSet) Proof(ctx context.Context) (Proof, error) {
	switch {
	case a.proofFile != "":
		return a.proofFromFile(ctx)
	case len(a.functions) > 0 && a.factory.deps.Injections != nil:
		return a.proofOfFunctions(ctx)
	}
	return Proof{}, nil
}

// proofOfFunctions adds up what the functions that share the fault set say, each once under however many names. It is
// known if it is of all of them.
func (a *FaultSet) proofOfFunctions(ctx context.Context) (Proof, error) {
	all := Proof{Known: true}
	for i, function := range a.functions {
		name := plainName(function)
		if slices.ContainsFunc(a.functions[:i], func(other string) bool { return plainName(other) == name }) {
			continue
		}
		p, err := a.factory.deps.Injections(ctx, name, a.params.Run, a.condition.Fault)
		if err != nil {
			return Proof{Late: p.Late}, err
		}
		all = Proof{all.Known && p.Known, all.Planned + p.Planned, all.Fired + p.Fired, all.Late || p.Late}
	}
	return all, nil
}

// maxRecordLine bounds a line of a proof file; records have a few hundred bytes.
const maxRecordLine = 64 << 10

// proofFromFile counts the records in the file that the function's FIREDRILL_PROOF names. A file that is not
// there proves nothing.
func (a *FaultSet) proofFromFile(ctx context.Context) (p Proof, err error) {
	f, err := os.Open(a.proofFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("proof file: %w", err)
	}
	defer f.Close()
	p.Known = true
	lines := bufio.NewReaderSize(f, maxRecordLine)
	for ctx.Err() == nil {
		line, err := lines.ReadSlice('\n')
		if r, ok := fault.ParseRecord(line); ok && r.Run == a.params.Run && r.Kind == fault.Kind(a.condition.Fault) {
			p.Planned += r.Planned
			p.Fired += r.Fired
		}
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return p, fmt.Errorf("proof file: %w", err)
		}
	}
	return p, ctx.Err()
}
