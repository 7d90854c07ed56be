package pressure

import (
	"errors"
	"os"
	"syscall"
)

// reserve has the kernel reserve room without writing it. done is false where the file system cannot, or where it
// has less room than is asked for: then what there is must be taken by writing.
func reserve(f *os.File, size int64) (done bool, err error) {
	for {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
		return false, nil
	}
	return false, err
}
