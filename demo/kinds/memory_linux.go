package kinds

import (
	"bytes"
	"os"
	"strconv"
)

// peakMemory is the most memory that this process has had resident, in bytes, without the pages of files: the kernel takes those back
// before it kills anybody, and this program's own are more than many a function has.
func peakMemory() (int64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	peak, ok := kilobytes(status, "VmHWM:")
	files, known := kilobytes(status, "RssFile:")
	return (peak - files) << 10, ok && known
}

// kilobytes finds a line such as "VmHWM:	   53924 kB".
func kilobytes(status []byte, name string) (int64, bool) {
	_, rest, _ := bytes.Cut(status, []byte("\n"+name))
	line, _, _ := bytes.Cut(rest, []byte(" kB"))
	kb, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return kb, err == nil
}
