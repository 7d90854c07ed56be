package kinds

import (
	"fmt"
	"os"
)

// room is how much the temporary folder of thumbnail has. Lambda's has 512 MB and more; a laptop's has no limit that
// one would like to reach, so that this one is played: see scratch.
const room = 32 * mb

// scratch is a file in the temporary folder, without a name, so that none is left behind. Writing fails as it does on
// a full disk once such files of this process, the one that the fault makes included, take more than the room.
type scratch struct{ file *os.File }

func newScratch() (*scratch, error) {
	f, err := os.CreateTemp("", "firedrill-demo-*")
	if err != nil {
		return nil, fmt.Errorf("make a file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close() // the error that counts is the first
		return nil, fmt.Errorf("make a file: %w", err)
	}
	return &scratch{f}, nil
}

// Write implements io.Writer.
func (s *scratch) Write(p []byte) (int, error) {
	used, err := usedRoom()
	if err != nil {
		return 0, err
	}
	if used+int64(len(p)) > room {
		return 0, &os.PathError{Op: "write", Path: s.file.Name(), Err: noRoom}
	}
	return s.file.Write(p)
}
