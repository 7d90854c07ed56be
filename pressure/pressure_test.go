//go:build unix

package pressure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

func newTaker(t *testing.T) *Taker {
	t.Helper()
	taker := New(func(string) string { return "" })
	taker.folder = t.TempDir()
	return taker
}

// take fails the test unless the injection is taken and fired is called once.
func take(t *testing.T, taker *Taker, kind fault.Kind, u fault.Usage) (release func()) {
	t.Helper()
	fired := 0
	release, err := taker.Take(t.Context(), fault.Injection{Kind: kind, Usage: u}, func() { fired++ })
	if err != nil || fired != 1 {
		t.Fatalf("%s: fired %d times, %v", kind, fired, err)
	}
	t.Cleanup(release)
	return release
}

// refuse fails the test unless the injection is refused, with a reason, and fired is not called.
func refuse(ctx context.Context, t *testing.T, taker *Taker, kind fault.Kind, u fault.Usage, reason string) {
	t.Helper()
	_, err := taker.Take(ctx, fault.Injection{Kind: kind, Usage: u}, func() { t.Error("fired") })
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: error %v, want %q", kind, err, reason)
	}
}

// What is on the disk is as it was, before, during and after; what is taken is a file without a name.
func TestDiskTouchesNoOtherFile(t *testing.T) {
	taker := newTaker(t)
	mine := filepath.Join(taker.folder, "firedrill-diskspace-1")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		entries, err := os.ReadDir(taker.folder)
		text, _ := os.ReadFile(mine)
		if err != nil || len(entries) != 1 || string(text) != "mine" {
			t.Errorf("the folder has %v, %s, %v", entries, text, err)
		}
	}
	release := take(t, taker, fault.DiskSpace, fault.Usage{Take: 3 << 20})
	check()
	refuse(t.Context(), t, taker, fault.DiskSpace, fault.Usage{Take: 1 << 20}, "another invocation")
	release()
	release()
	check()
	take(t, taker, fault.DiskSpace, fault.Usage{Take: 1 << 20})
}

func TestDiskIsReallyTaken(t *testing.T) {
	for name, fill := range map[string]func(context.Context, *os.File, int64) error{"fill": fill, "write": write} {
		f, err := nameless(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := fill(t.Context(), f, 3<<20+1); err != nil {
			t.Fatal(err)
		}
		stat, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if s := stat.Sys().(*syscall.Stat_t); s.Nlink != 0 || s.Blocks*512 < 3<<20+1 {
			t.Errorf("%s: %d names, %d bytes on the disk", name, s.Nlink, s.Blocks*512)
		}
	}
}

func TestDiskRefusals(t *testing.T) {
	taker := newTaker(t)
	refuse(t.Context(), t, taker, fault.DiskSpace, fault.Usage{Leave: 1 << 60}, "left already")
	taker.folder = filepath.Join(taker.folder, "none")
	refuse(t.Context(), t, taker, fault.DiskSpace, fault.Usage{Take: 1}, "create a file")
	refuse(t.Context(), t, taker, fault.DiskSpace, fault.Usage{Leave: 1}, "measure")
}

func TestMemory(t *testing.T) {
	taker := New(func(name string) string {
		return map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}[name]
	})
	release := take(t, taker, fault.Memory, fault.Usage{Take: 8 << 20})
	refuse(t.Context(), t, taker, fault.Memory, fault.Usage{Take: 1 << 20}, "another invocation")
	release()
	refuse(t.Context(), t, taker, fault.Memory, fault.Usage{Take: 129 << 20}, "128 MB of memory")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refuse(ctx, t, taker, fault.Memory, fault.Usage{Take: 1 << 20}, context.Canceled.Error())
	take(t, taker, fault.Memory, fault.Usage{Take: 1 << 20})
}

func TestCPU(t *testing.T) {
	taker := newTaker(t)
	for _, u := range []fault.Usage{{Percent: 100}, {Percent: 50, Cores: 1}, {Percent: 100, Cores: 1, For: time.Millisecond}} {
		before := spent(t)
		release := take(t, taker, fault.CPU, u)
		for spent(t) == before {
			continue // ends when processor time was spent: this loop spends some, too
		}
		release()
	}
}

// A burner ends by itself when its time is over.
func TestCPUEnds(t *testing.T) {
	b := &burner{stop: make(chan struct{}), until: time.Now().Add(time.Millisecond), busy: period}
	b.burn()
	if time.Now().Before(b.until) {
		t.Error("ended early")
	}
}

func spent(t *testing.T) syscall.Timeval {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Utime
}

func TestDescriptorsTaken(t *testing.T) {
	taker := newTaker(t)
	release := take(t, taker, fault.FileDescriptors, fault.Usage{Take: 20})
	second, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.Fd() < 20 {
		t.Errorf("descriptor %d although 20 are taken", second.Fd())
	}
	release()
	third, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if third.Fd() >= second.Fd() {
		t.Errorf("descriptor %d, nothing was given back", third.Fd())
	}
}

// All descriptors of the process, but for some. The limit is lowered so that this costs the machine nothing.
func TestDescriptorsLeft(t *testing.T) {
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	lowered := before
	lowered.Cur = 200
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		t.Skipf("the limit of descriptors cannot be set: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before) })
	for _, leave := range []int64{0, 3} {
		free := openAll(t) // what is free without us
		recorded := false
		release, err := newTaker(t).Take(t.Context(), fault.Injection{Kind: fault.FileDescriptors, Usage: fault.Usage{Leave: leave}}, func() {
			f, err := os.Open(os.DevNull) // the record can still be written
			if recorded = err == nil; recorded {
				_ = f.Close()
			}
		})
		if err != nil || !recorded {
			t.Fatalf("recorded %v, %v", recorded, err)
		}
		if got := openAll(t); int64(got) != leave {
			t.Errorf("%d descriptors left, want %d", got, leave)
		}
		release()
		if got := openAll(t); got != free {
			t.Errorf("%d descriptors free, before %d", got, free)
		}
	}
}

// openAll counts what can still be opened, and closes it.
func openAll(t *testing.T) int {
	t.Helper()
	var opened []int
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
		if err != nil {
			if !errors.Is(err, syscall.EMFILE) {
				t.Error(err)
			}
			break
		}
		opened = append(opened, fd)
	}
	for _, fd := range opened {
		_ = syscall.Close(fd)
	}
	return len(opened)
}

func TestUnknownKind(t *testing.T) {
	taker := newTaker(t)
	refuse(t.Context(), t, taker, fault.Latency, fault.Usage{}, fault.Unsupported)
	refuse(t.Context(), t, taker, fault.Latency, fault.Usage{}, fault.Unsupported)
}
