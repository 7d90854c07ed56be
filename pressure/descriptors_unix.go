//go:build unix

package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/firedrill-dev/firedrill/fault"
)

// maxDescriptors bounds what one invocation takes, because the whole machine's are bounded too.
const maxDescriptors = 65536

// takeDescriptors opens os.DevNull again and again. The kernel hands out the lowest free number, so the last
// number tells how many are left. fired is called when only one is missing, for it may need to open a file.
func takeDescriptors(ctx context.Context, u fault.Usage, fired func()) (free func(), err error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return nil, fmt.Errorf("ask for the limit of descriptors: %w", err)
	}
	d := descriptors{limit: uint64(limit.Cur)}
	most, leave := u.Take, u.Leave
	if most == 0 {
		most = maxDescriptors
		if d.limit > maxDescriptors+uint64(leave) {
			return nil, fmt.Errorf("the process may have %d descriptors, and no more than %d are ever taken", d.limit, maxDescriptors)
		}
	}
	if err := d.take(ctx, most-1, leave+1); err != nil {
		d.free()
		return nil, err
	}
	fired()
	if _, err := d.open(leave); err != nil {
		// What was recorded stands: as few are left as were to be, or somebody else was faster.
		return d.free, nil
	}
	return d.free, nil
}

// descriptors are those that are held. They are bare numbers: an os.File each would cost more than they do.
type descriptors struct {
	limit uint64
	held  []int
}

// take opens so many, or until so few are left.
func (d *descriptors) take(ctx context.Context, most, leave int64) error {
	for int64(len(d.held)) < most {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("take descriptors: %w", err)
		}
		if more, err := d.open(leave); !more || err != nil {
			return err
		}
	}
	return nil
}

// open opens one more, if so many are left then; more says that it did.
func (d *descriptors) open(leave int64) (more bool, err error) {
	fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, syscall.EMFILE):
		return false, nil
	case err != nil: // the whole machine has run out: that is not the function's fault
		return false, fmt.Errorf("open %s: %w", os.DevNull, err)
	case uint64(fd)+1+uint64(leave) > d.limit:
		_ = syscall.Close(fd)
		return false, nil
	}
	d.held = append(d.held, fd)
	return true, nil
}

func (d *descriptors) free() {
	for _, fd := range d.held {
		_ = syscall.Close(fd)
	}
	d.held = nil
}
