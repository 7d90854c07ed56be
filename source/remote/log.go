package remote

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

const (
	// repeatAfter is how long the same trouble is told once. A store that flaps must not fill the log.
	repeatAfter = 10 * time.Minute
	// maxTold bounds the different troubles that are told in that time: a store may invent new ones for ever.
	maxTold = 64
)

// problemLog writes problems as JSON lines. Nothing can be done about a log that cannot be written.
type problemLog struct {
	mu   sync.Mutex
	w    io.Writer
	told map[string]time.Time
}

func (l *problemLog) write(now time.Time, problems ...fault.Problem) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range problems {
		_, _ = l.w.Write(p.AppendJSON(nil, now))
	}
}

// once writes a problem unless one of the same trouble was written lately: its words may hold a request's id or a
// port, and differ each time.
func (l *problemLog) once(now time.Time, trouble string, p fault.Problem) {
	if l.isNew(now, trouble) {
		l.write(now, p)
	}
}

func (l *problemLog) isNew(now time.Time, trouble string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.told, func(_ string, at time.Time) bool { return now.Sub(at).Abs() >= repeatAfter })
	if _, told := l.told[trouble]; told || len(l.told) >= maxTold {
		return false
	}
	if l.told == nil {
		l.told = map[string]time.Time{}
	}
	l.told[trouble] = now
	return true
}

// random is a number in [0, 1), from the system: environments that were restored from one snapshot would
// otherwise draw the same and ask in step.
func random() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it cannot fail
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}
