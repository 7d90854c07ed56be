// Package shop is the handler of the two Go functions: it answers, and tells what it can see of its surroundings.
package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A Shop is a handler with its clients, through which faults may come.
type Shop struct {
	HTTP *http.Client
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	AWS  func(ctx context.Context) error // one call; nil: there is no client

	turns atomic.Int64
}

// An Event is what the tests send.
type Event struct {
	Case, SKU   string
	Probe, Of   string
	URL, Host   string
	Handled     string // a file to which the case is appended
	Descriptors int
}

// Handle answers with the event's SKU, how often the process has handled an event, and what the probe saw.
func (s *Shop) Handle(ctx context.Context, e Event) (map[string]any, error) {
	turn := s.turns.Add(1)
	if err := note(e); err != nil {
		return nil, err
	}
	seen, err := s.look(ctx, e)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"sku": e.SKU, "turn": turn, "pid": os.Getpid(), "seen": seen})
	return map[string]any{"statusCode": 200, "body": string(body)}, err
}

func note(e Event) error {
	f, err := os.OpenFile(e.Handled, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, e.Case)
	return err
}

func (s *Shop) look(ctx context.Context, e Event) (any, error) {
	pid := os.Getpid()
	if e.Of == "parent" {
		pid = os.Getppid()
	}
	switch e.Probe {
	case "disk":
		var stat syscall.Statfs_t
		err := syscall.Statfs(os.TempDir(), &stat)
		return int64(stat.Bavail) * stat.Bsize >> 20, err
	case "memory":
		return resident(pid)
	case "cpu":
		return busy(pid)
	case "descriptors":
		return open(e.Descriptors), nil
	case "lookup":
		return s.reaches(ctx, e.Host), nil
	case "http":
		return s.status(ctx, e.URL)
	case "aws":
		return s.AWS(ctx) == nil, nil
	}
	return nil, nil
}

// resident is the memory of a process, in MB.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return pages * int64(os.Getpagesize()) >> 20, err
}

// busy waits until a process has used a little processor time, but not for long: it need not.
func busy(pid int) (bool, error) {
	first, err := ticks(pid)
	for range 60 {
		time.Sleep(50 * time.Millisecond)
		now, again := ticks(pid)
		if err = errors.Join(err, again); err != nil || now-first >= 8 {
			return true, err
		}
	}
	return false, nil
}

func ticks(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return user + system, errors.Join(err1, err2)
}

// open opens so many files at once, if it may.
func open(most int) int {
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	for len(files) < most {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	return len(files)
}

// reaches reports whether a host can be found: somebody answers, if only that nobody listens.
func (s *Shop) reaches(ctx context.Context, host string) bool {
	conn, err := s.Dial(ctx, "tcp", net.JoinHostPort(host, "9"))
	if err == nil {
		_ = conn.Close()
	}
	return err == nil || errors.Is(err, syscall.ECONNREFUSED)
}

func (s *Shop) status(ctx context.Context, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := s.HTTP.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
