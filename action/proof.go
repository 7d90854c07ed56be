package action

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/firedrill-dev/firedrill/fault"
)

// Proof counts the injections of this fault in this run: planned by the fault set, fired by the function's host.
// known is false where nobody counts.
func (a *FaultSet) Proof(ctx context.Context) (planned, fired int64, known bool, err error) {
	switch {
	case a.proofFile != "":
		return a.proofFromFile(ctx)
	case len(a.functions) > 0 && a.factory.deps.Injections != nil:
		return a.proofOfFunctions(ctx)
	}
	return 0, 0, false, nil
}

// proofOfFunctions adds up what the functions that share the fault set say. It is known if it is of all of them.
func (a *FaultSet) proofOfFunctions(ctx context.Context) (planned, fired int64, known bool, err error) {
	known = true
	for _, function := range a.functions {
		p, n, counted, err := a.factory.deps.Injections(ctx, plainName(function), a.params.Run, a.condition.Fault)
		if err != nil {
			return 0, 0, false, err
		}
		planned, fired, known = planned+p, fired+n, known && counted
	}
	return planned, fired, known, nil
}

// maxRecordLine bounds a line of a proof file; records have a few hundred bytes.
const maxRecordLine = 64 << 10

// proofFromFile counts the records in the file that the function's FIREDRILL_PROOF names. A file that is not
// there proves nothing.
func (a *FaultSet) proofFromFile(ctx context.Context) (planned, fired int64, known bool, err error) {
	f, err := os.Open(a.proofFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, fmt.Errorf("proof file: %w", err)
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, maxRecordLine)
	for ctx.Err() == nil {
		line, err := lines.ReadSlice('\n')
		if r, ok := fault.ParseRecord(line); ok && r.Run == a.params.Run && r.Kind == fault.Kind(a.condition.Fault) {
			planned += r.Planned
			fired += r.Fired
		}
		if errors.Is(err, io.EOF) {
			return planned, fired, true, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return planned, fired, true, fmt.Errorf("proof file: %w", err)
		}
	}
	return planned, fired, true, ctx.Err()
}
