//go:build unix

package kinds

import (
	"fmt"
	"os"
	"syscall"
)

// noRoom is what the system says of a full disk.
const noRoom = syscall.ENOSPC

// usedRoom is the room in the temporary folder that files without a name take, as far as this process has them open.
func usedRoom() (bytes int64, err error) {
	var folder, file syscall.Stat_t
	if err := syscall.Stat(os.TempDir(), &folder); err != nil {
		return 0, fmt.Errorf("look at %s: %w", os.TempDir(), err)
	}
	for fd := range 256 {
		nameless := syscall.Fstat(fd, &file) == nil && file.Nlink == 0 && file.Dev == folder.Dev && file.Mode&syscall.S_IFMT == syscall.S_IFREG
		if nameless {
			bytes += file.Blocks * 512
		}
	}
	return bytes, nil
}
