package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workload is one size of event, and how much of it is measured.
type workload struct {
	Name        string
	size        int
	rounds, per int
	armed       string           // the fault set of the proxy; "" for none
	store       http.HandlerFunc // where the proxy reads its fault set instead, if not nil
}

func workloads() []workload {
	armed := `{"exception":{"enabled":true,"percentage":100,"match":[{"path":"requestContext.http.path","value":"/api"}]}}`
	zero := `{"exception":{"enabled":true,"percentage":0.000001}}`
	return []workload{
		{Name: "1 kB, disarmed", size: 1 << 10, rounds: 60, per: 500},
		{Name: "100 kB, disarmed", size: 100 << 10, rounds: 40, per: 150},
		{Name: "100 kB, armed without match", size: 100 << 10, rounds: 40, per: 150, armed: zero},
		{Name: "6 MB, disarmed", size: 6 << 20, rounds: 20, per: 10},
		{Name: "1 kB, armed with match", size: 1 << 10, rounds: 20, per: 500, armed: armed},
		{Name: "6 MB, armed with match", size: 6 << 20, rounds: 10, per: 10, armed: armed},
		{Name: "1 kB, a store that hangs", size: 1 << 10, rounds: 40, per: 500, store: hangs},
		{Name: "1 kB, a store that flaps", size: 1 << 10, rounds: 40, per: 500, store: flaps()},
	}
}

// stand is everything that is running.
type stand struct {
	dir      string
	self     string
	upstream *process
	relay    *process
}

// measure runs every workload over the three paths.
func measure(ctx context.Context, quick bool) (*result, error) {
	dir, err := os.MkdirTemp("", "firedrill-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pinned := pin()
	s := &stand{dir: dir}
	if s.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	if s.upstream, err = s.role(ctx, "upstream", ""); err != nil {
		return nil, err
	}
	defer s.upstream.end()
	if s.relay, err = s.role(ctx, "relay", s.upstream.address); err != nil {
		return nil, err
	}
	defer s.relay.end()
	r := &result{Pinned: pinned}
	for _, w := range workloads() {
		if quick {
			w.rounds = max(3, w.rounds/10)
		}
		if err := s.workload(ctx, w, r); err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	if err := s.startup(ctx, r); err != nil {
		return nil, err
	}
	r.judge()
	return r, nil
}

// build makes the proxy as it ships.
func (s *stand) build(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", s.proxy(),
		"github.com/firedrill-dev/firedrill/cmd/firedrill-proxy")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the proxy: %w\n%s", err, out)
	}
	return nil
}

func (s *stand) proxy() string { return filepath.Join(s.dir, "firedrill-proxy") }

// workload lets the paths take turns.
func (s *stand) workload(ctx context.Context, w workload, r *result) error {
	config := w.armed
	if w.store != nil {
		var st stores
		defer st.close()
		var err error
		if config, err = st.open(ctx, w.store); err != nil {
			return err
		}
	}
	p, err := s.startProxy(ctx, config)
	if err != nil {
		return err
	}
	defer p.end()
	row := row{Workload: w.Name, armed: w.armed != "", stored: w.store != nil, size: w.size, IdleRSS: p.rss()}
	var clients []*client
	for _, address := range []string{s.upstream.address, s.relay.address, p.address} {
		c, err := dial(address, w.size)
		if err != nil {
			return err
		}
		defer c.c.Close()
		if err := c.invoke(max(3, w.per/10)); err != nil { // warm up
			return err
		}
		c.durations = c.durations[:0]
		clients = append(clients, c)
	}
	for range w.rounds {
		for _, c := range clients {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.invoke(w.per); err != nil {
				return err
			}
		}
	}
	row.RSS = p.rss()
	row.Direct, row.Relay, row.Proxy = summarize(clients[0]), summarize(clients[1]), summarize(clients[2])
	r.Rows = append(r.Rows, row)
	return nil
}

// startup measures how soon the proxy listens, and how soon the runtime behind it is born, from before the proxy is
// forked.
func (s *stand) startup(ctx context.Context, r *result) error {
	const times = 21
	var listening, born []time.Duration
	for range times {
		p, err := s.startProxy(ctx, "")
		if err != nil {
			return err
		}
		listening = append(listening, p.listening.Sub(p.started))
		p.end()
		d, err := s.birth(ctx)
		if err != nil {
			return err
		}
		born = append(born, d)
	}
	slices.Sort(listening)
	slices.Sort(born)
	r.ListenMS, r.RuntimeMS = ms(listening[times/2]), ms(born[times/2])
	info, err := os.Stat(s.proxy())
	if err != nil {
		return err
	}
	r.BinaryMB = float64(info.Size()) / 1e6
	return nil
}

// birth is the time from before the proxy is forked, as Lambda runs it as a wrapper, to the first line of the runtime's main.
// The runtime here is a Go program, whose own start counts as well.
func (s *stand) birth(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, s.proxy(), s.self, "-role", "born")
	cmd.Env = s.environ(`{"exception":{"enabled":true}}`)
	started := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("start a runtime behind the proxy: %w", err)
	}
	born, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the runtime behind the proxy says %q: %w", out, err)
	}
	return time.Unix(0, born).Sub(started), nil
}
