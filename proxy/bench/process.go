package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/proxy"
	"github.com/firedrill-dev/firedrill/source"
)

// process is one that we have started and will end.
type process struct {
	cmd       *exec.Cmd
	stdin     io.Closer
	address   string
	started   time.Time
	listening time.Time // of the proxy
}

// end closes the process's stdin, which ends it, and waits.
func (p *process) end() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait() // how it ended does not matter to what was measured
}

// rss is the resident memory in MB, or 0 where the system does not tell.
func (p *process) rss() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := strings.CutPrefix(string(line), "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kb * 1024 / 1e6
		}
	}
	return 0
}

// role starts this program again as something else, which announces its address in one line.
func (s *stand) role(ctx context.Context, role, target string) (*process, error) {
	cmd := exec.CommandContext(ctx, s.self, "-role", role, "-target", target)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.end()
		return nil, fmt.Errorf("%s does not start: %w", role, err)
	}
	p.address = strings.TrimSpace(line)
	return p, nil
}

// environ is what Lambda would set for the function.
func (s *stand) environ(config string) []string {
	return []string{proxy.RuntimeAPI + "=" + s.upstream.address, proxy.FunctionName + "=bench", source.Config + "=" + config,
		"FIREDRILL_REFRESH=1s"}
}

// startProxy starts the proxy in front of upstream and waits until it says that it listens.
func (s *stand) startProxy(ctx context.Context, config string) (*process, error) {
	cmd := exec.CommandContext(ctx, s.proxy(), "-verbose", "--", s.self, "-role", "child")
	cmd.Env = s.environ(config)
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		p.end()
		return nil, fmt.Errorf("the proxy does not start: %w", err)
	}
	var said struct {
		Time    time.Time
		Address string
	}
	if err := json.Unmarshal(line, &said); err != nil {
		p.end()
		return nil, fmt.Errorf("the proxy says %q: %w", line, err)
	}
	p.address, p.listening = said.Address, said.Time
	go func() { _, _ = io.Copy(io.Discard, out) }() // what it logs later must not block it
	return p, nil
}

func start(cmd *exec.Cmd) (*process, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin, started: time.Now()}
	return p, cmd.Start()
}
