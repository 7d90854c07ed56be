package preload

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/denylist"
)

// library builds the library for this machine.
func library(t testing.TB) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), Name)
	if err := Build(t.Context(), compiler(t, runtime.GOARCH), runtime.GOARCH, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func open(t testing.TB) *denylist.State {
	t.Helper()
	state, err := denylist.Open("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = state.Close() })
	return state
}

func environ(library string, state *denylist.State) []string {
	return append(os.Environ(), "LD_PRELOAD="+library, denylist.Variable+"="+state.Path())
}

// client is a program that does what it is told, with the library in it.
type client struct {
	t       *testing.T
	in      io.Writer
	out     *bufio.Reader
	state   *denylist.State
	current uint32
}

// clients are the runtimes, by name: each has an interpreter that may be missing.
func clients() map[string][]string {
	return map[string][]string{
		"python": {"python3", "testdata/client.py"},
		"node":   {"node", "testdata/client.mjs"},
		"java":   {"java", "testdata/Client.java"},
	}
}

func start(t *testing.T, name string) *client {
	t.Helper()
	command := clients()[name]
	if _, err := exec.LookPath(command[0]); err != nil {
		if strings.Contains(","+os.Getenv("FIREDRILL_REQUIRE")+",", ","+name+",") {
			t.Fatalf("%s is required: %v", name, err)
		}
		t.Skip(err)
	}
	c := &client{t: t, state: open(t)}
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = environ(library(t), c.state)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the client ended: %v", err)
		}
	})
	return c
}

// deny begins a denial, as an invocation does.
func (c *client) deny(mode denylist.Mode, d denylist.Denial, expressions ...string) {
	c.t.Helper()
	tables, err := denylist.Compile(expressions)
	if err != nil {
		c.t.Fatal(err)
	}
	d.Mode, d.Tables = mode, tables
	if c.current, err = c.state.Publish(d); err != nil {
		c.t.Fatal(err)
	}
}

// clear ends it, and says how often it has hit.
func (c *client) clear() int {
	c.state.Clear(c.current)
	return c.state.Denied(c.current)
}

func (c *client) ask(format string, arguments ...any) string {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", arguments...); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func (c *client) expect(want, format string, arguments ...any) {
	c.t.Helper()
	if got := c.ask(format, arguments...); got != want {
		c.t.Errorf("%s: %s, want %s", fmt.Sprintf(format, arguments...), got, want)
	}
}

func (c *client) hits(want int) {
	c.t.Helper()
	if got := c.clear(); (got > 0) != (want > 0) || got < want {
		c.t.Errorf("%d hits counted, want %d or more", got, want)
	}
}

// listener takes connections on a free port of this machine.
func listener(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// One process of each runtime, through all modes and back, as a warm environment.
func TestRuntimes(t *testing.T) {
	for name := range clients() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, port := start(t, name), listener(t)
			c.expect("connected", "connect 127.0.0.1 %s", port)
			if c.state.Loaded() == 0 {
				t.Fatal("the library has not checked in")
			}

			// First, because the JVM keeps what it has looked up.
			begin := time.Now()
			c.deny(denylist.Slow, denylist.Denial{Delay: 200 * time.Millisecond}, `^localhost$`)
			if answer := c.ask("connect localhost %s", port); answer != "connected" || time.Since(begin) < 200*time.Millisecond {
				t.Errorf("%s after %v", answer, time.Since(begin))
			}
			c.hits(1)

			c.deny(denylist.NXDomain, denylist.Denial{}, `\.denied\.test$`)
			c.expect("nxdomain", "lookup a.denied.test")
			c.expect("nxdomain", "connect B.denied.TEST %s", port)
			c.expect("connected", "connect localhost %s", port)
			c.hits(2)

			c.deny(denylist.NXDomain, denylist.Denial{}, `.`)
			c.expect("connected", "connect 127.0.0.1 %s", port)
			c.hits(0)

			c.deny(denylist.Refused, denylist.Denial{}, `^r\.denied\.test$`)
			c.expect("refused", "connect r.denied.test %s", port)
			c.hits(2) // the lookup and the connection

			c.deny(denylist.Blackhole, denylist.Denial{}, `^b\.denied\.test$`)
			c.expect("timeout", "connect b.denied.test %s 0.3", port)
			c.expect("connected", "connect localhost %s", port)
			c.hits(2)

			c.deny(denylist.NXDomain, denylist.Denial{Until: time.Now().Add(-time.Second)}, `local`)
			c.expect("connected", "connect localhost %s", port)
			c.hits(0)
		})
	}
}

// An address that a program keeps leads to the host itself once the fault is over.
func TestKeptAddresses(t *testing.T) {
	for _, name := range []string{"python", "node"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, port := start(t, name), listener(t)
			c.deny(denylist.Refused, denylist.Denial{}, `^localhost$`)
			kept := c.ask("lookup localhost 2")
			if !strings.HasPrefix(kept, "192.0.2.") {
				t.Fatalf("a refused host has the address %s", kept)
			}
			c.expect("refused", "connect %s %s", kept, port)
			c.hits(2)
			c.expect("connected", "connect %s %s", kept, port)
			c.deny(denylist.Blackhole, denylist.Denial{}, `^localhost$`)
			c.expect("timeout", "connect %s %s 0.3", kept, port)
			c.hits(1)
		})
	}
}

// What escapes, as the documentation says.
func TestEscapes(t *testing.T) {
	c, port := start(t, "python"), listener(t)
	c.deny(denylist.NXDomain, denylist.Denial{}, `.`)
	c.expect("connected", "connect_address 127.0.0.1 %s", port)
	c.expect("nxdomain", "lookup 127.0.0.2") // an address that is looked up like a name
	c.hits(1)

	c = start(t, "java")
	c.expect("connected", "connect localhost %s", port)
	c.deny(denylist.NXDomain, denylist.Denial{}, `.`)
	c.expect("connected", "connect localhost %s", port) // the JVM keeps what it has looked up
	c.hits(0)
}

func TestOlderLookups(t *testing.T) {
	c := start(t, "python")
	c.deny(denylist.NXDomain, denylist.Denial{}, `^localhost$`)
	c.expect("nxdomain", "by_name localhost")
	c.expect("nxdomain", "by_name_ex localhost")
	c.expect("nxdomain", "lookup localhost 10")
	c.hits(3)
	c.deny(denylist.Refused, denylist.Denial{}, `^localhost$`)
	c.expect("192.0.2.1", "by_name localhost")
	c.expect("192.0.2.1", "by_name_ex localhost")
	c.expect("::ffff:192.0.2.1", "lookup localhost 10")
	c.hits(3)
	c.expect("127.0.0.1", "by_name localhost")
}

// nameserver answers every question on port 53 of an address of its own: the library looks at that port only.
func nameserver(t *testing.T) string {
	t.Helper()
	pid := os.Getpid()
	server := fmt.Sprintf("127.%d.%d.%d", 64+pid>>16&63, pid>>8&255, 1+pid&127)
	udp, err := net.ListenPacket("udp", server+":53")
	if err != nil {
		t.Skip("needs the right to listen on port 53: ", err)
	}
	tcp, err := net.Listen("tcp", server+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = udp.Close(), tcp.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo(answer(buf[:n]), from)
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			var size [2]byte
			_, _ = io.ReadFull(c, size[:])
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			_, _ = io.ReadFull(c, query)
			out := answer(query)
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...))
			_ = c.Close()
		}
	}()
	return server
}

// answer gives the address 127.0.0.1 to a query, whatever it asks for.
func answer(query []byte) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += 1 + int(query[end])
	}
	if end+5 > len(query) {
		return nil
	}
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, query[12:end+5]...)
	return append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0, 0, 1)
}

// Programs that resolve by themselves send questions to port 53: those for denied names are not sent.
func TestQuestions(t *testing.T) {
	server := nameserver(t)
	for name, ways := range map[string][]string{"python": {"send", "sendto", "sendmsg", "tcp"}, "node": {"c-ares"}} {
		t.Run(name, func(t *testing.T) {
			c := start(t, name)
			for _, way := range ways {
				c.expect("answer", "query %s %s x.denied.test", way, server)
				c.deny(denylist.NXDomain, denylist.Denial{}, `^x\.denied\.test$`)
				c.expect("refused", "query %s %s X.denied.test", way, server)
				c.expect("answer", "query %s %s y.denied.test", way, server)
				c.hits(1)
				c.deny(denylist.Blackhole, denylist.Denial{}, `^x\.denied\.test$`)
				c.expect("timeout", "query %s-lost %s x.denied.test", way, server)
				c.hits(1)
				c.expect("answer", "query %s %s x.denied.test", way, server)
			}
		})
	}
}

// The library does no harm where there is no state, or one that is none.
func TestWithoutState(t *testing.T) {
	so := library(t)
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, make([]byte, 4096+1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/nowhere", "/dev/null", "/dev/zero", "/tmp", junk} {
		cmd := exec.CommandContext(t.Context(), "getent", "hosts", "localhost")
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+so, denylist.Variable+"="+path)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "localhost") {
			t.Errorf("with %q: %v: %s", path, err, out)
		}
	}
}

// benchmark is a C program that looks names up, with the library or without it.
func nanoseconds(b *testing.B, program string, env []string) float64 {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program, "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "200000")
	cmd.Env = env
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	ns, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		b.Fatal(err)
	}
	return ns
}

// What a lookup that passes costs with 50 patterns in force, beyond what it costs without the library.
func BenchmarkPassing50(b *testing.B) {
	program := filepath.Join(b.TempDir(), "bench")
	if out, err := exec.Command("cc", "-O2", "-o", program, "testdata/bench.c").CombinedOutput(); err != nil {
		b.Skipf("%v: %s", err, out)
	}
	so, state := library(b), open(b)
	var expressions []string
	for i := range 25 {
		expressions = append(expressions, fmt.Sprintf(`service%d.*.amazonaws.com`, i), fmt.Sprintf(`^.*\.host-%d\.internal\.example\.com$`, i))
	}
	tables, err := denylist.Compile(expressions)
	if err != nil {
		b.Fatal(err)
	}
	var bare, idle, armed float64
	for b.Loop() {
		bare += nanoseconds(b, program, os.Environ())
		idle += nanoseconds(b, program, environ(so, state))
		n, err := state.Publish(denylist.Denial{Tables: tables, Mode: denylist.NXDomain, Until: time.Now().Add(time.Hour)})
		if err != nil {
			b.Fatal(err)
		}
		armed += nanoseconds(b, program, environ(so, state))
		state.Clear(n)
	}
	b.ReportMetric(bare/float64(b.N), "bare-ns")
	b.ReportMetric((idle-bare)/float64(b.N), "disarmed-adds-ns")
	b.ReportMetric((armed-bare)/float64(b.N), "armed-adds-ns")
}
