package kinds

import (
	"os"
	"runtime"
	"testing"
)

func TestPeakMemoryLeavesFilesOut(t *testing.T) {
	before, ok := peakMemory()
	if !ok || before <= 0 {
		t.Fatalf("%d, %v", before, ok)
	}
	taken := make([]byte, 32*mb)
	for i := 0; i < len(taken); i += 1024 {
		taken[i] = 1
	}
	after, _ := peakMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(taken)
	all, known := kilobytes(status, "VmHWM:")
	if !known || after < before+16*mb || after >= all<<10 {
		t.Errorf("%d MB before, %d MB after taking 32, of %d MB with files", before/mb, after/mb, all>>10)
	}
	for _, text := range []string{"", "VmHWM: 1 kB", "\nVmHWM: x kB", "\nVmHWM:"} {
		if n, ok := kilobytes([]byte(text), "VmHWM:"); ok {
			t.Errorf("%q: %d", text, n)
		}
	}
}
