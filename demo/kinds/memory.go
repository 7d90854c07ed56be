package kinds

import (
	"os"
	"strconv"
	"time"
)

// inLittleMemory plays Lambda's limit of memory, which a laptop does not have: a process that has taken more than
// its function's memory size is killed on the spot.
func inLittleMemory(handler any) setup {
	return func(w world) (any, error) {
		limit, err := strconv.ParseInt(w.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), 10, 64)
		if err != nil {
			return nil, err
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return nil, err
		}
		go func() {
			for range time.Tick(5 * time.Millisecond) {
				if peak, ok := peakMemory(); ok && peak > limit*mb {
					_ = self.Kill() // as the kernel's OOM killer does: without a word
				}
			}
		}()
		return handler, nil
	}
}
