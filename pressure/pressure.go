package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/firedrill-dev/firedrill/fault"
)

// memoryOutside bounds memory where the process is not told how much it has, which Lambda always does.
const memoryOutside = 1 << 30

// A Taker takes resources of its process. It is safe for concurrent use: one invocation at a time may hold
// a resource, because the bounds are those of the environment.
type Taker struct {
	folder string
	memory int64 // bytes

	mu   sync.Mutex
	held map[fault.Kind]bool
}

// New returns a Taker for the environment that getenv describes. The temporary folder is os.TempDir's.
func New(getenv func(string) string) *Taker {
	t := &Taker{folder: os.TempDir(), memory: memoryOutside, held: map[fault.Kind]bool{}}
	if mb, err := strconv.ParseInt(getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 32); err == nil && mb > 0 {
		t.memory = mb << 20
	}
	return t
}

// Take takes what an injection of DiskSpace, Memory, CPU or FileDescriptors asks for. It calls fired once it is
// certain to, while the process can still open a file, to let that be recorded. release gives everything
// back; it may be called more than once, from any goroutine, and returns when that is done. Where Take fails,
// nothing is held, fired was not called, and the error is the reason to record.
func (t *Taker) Take(ctx context.Context, i fault.Injection, fired func()) (release func(), err error) {
	if !t.claim(i.Kind) {
		return nil, errors.New("another invocation in this process holds it")
	}
	free, err := t.take(ctx, i, fired)
	if err != nil {
		t.unclaim(i.Kind)
		return nil, err
	}
	return sync.OnceFunc(func() { defer t.unclaim(i.Kind); free() }), nil
}

func (t *Taker) take(ctx context.Context, i fault.Injection, fired func()) (free func(), err error) {
	switch i.Kind {
	case fault.DiskSpace:
		free, err = takeDisk(ctx, t.folder, i.Usage)
	case fault.Memory:
		if i.Usage.Take > t.memory {
			return nil, fmt.Errorf("the function has %d MB of memory, less than the %d MB to take", t.memory>>20, i.Usage.Take>>20)
		}
		free, err = takeMemory(ctx, i.Usage.Take)
	case fault.CPU:
		free = takeCPU(i.Usage)
	case fault.FileDescriptors:
		return takeDescriptors(ctx, i.Usage, fired) // calls fired while one is left
	default:
		return nil, errors.New(fault.Unsupported)
	}
	if err == nil {
		fired()
	}
	return free, err
}

func (t *Taker) claim(k fault.Kind) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held[k] {
		return false
	}
	t.held[k] = true
	return true
}

func (t *Taker) unclaim(k fault.Kind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, k)
}
