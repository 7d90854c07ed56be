package probe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// TestMain lets the test binary play the programs that are measured.
func TestMain(m *testing.M) {
	if role := os.Getenv("PROBE_TEST_ROLE"); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

func play(role string) int {
	switch role {
	case "number":
		fmt.Println(" 42.5 ")
	case "words":
		fmt.Println("all is well")
	case "fail":
		fmt.Fprintln(os.Stderr, "the disk is on fire")
		return 3
	case "flood":
		fmt.Print(strings.Repeat("1234567890\n", 1<<20/10))
	case "args":
		fmt.Println(len(os.Args[1:]))
	case "hang":
		hang()
	case "leave": // leaves a child behind
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "PROBE_TEST_ROLE=hang")
		out, err := child.StdoutPipe()
		if err != nil || child.Start() != nil {
			return 1
		}
		_, _ = out.Read(make([]byte, 1)) // until it hangs
	case "parent": // starts a child that holds its output open, and both hang
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "PROBE_TEST_ROLE=hang")
		child.Stdout = os.Stdout
		if child.Start() != nil {
			return 1
		}
		hang()
	}
	return 0
}

// hang tells the test that it lives, by a connection which ends when the process does, and never returns.
func hang() {
	conn, err := net.Dial("tcp", os.Getenv("PROBE_TEST_ADDRESS"))
	if err != nil {
		os.Exit(1)
	}
	fmt.Fprintln(conn, "here")
	fmt.Println("here")
	_, _ = io.Copy(io.Discard, conn) // until the test hangs up
}

func roleEnv(role string, more ...string) []string {
	return append(append(os.Environ(), "PROBE_TEST_ROLE="+role, "GORACE=atexit_sleep_ms=0"), more...)
}

func command(t *testing.T, expectation string, args ...string) experiment.Measure {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return experiment.Measure{Of: experiment.Command, Timeout: 30 * time.Second, Expect: expect(t, expectation),
		Probe: experiment.ProbeSpec{Command: append([]string{exe}, args...)}}
}

func TestCommand(t *testing.T) {
	tests := []struct {
		role, expect, class string
		value               func(x float64) bool
		fails               string
	}{
		{"number", "value == 42.5", "exit 0", func(x float64) bool { return x == 42.5 }, ""},
		{"number", "p95 < 2s", "exit 0", seconds, ""}, // the time it takes, not what it prints
		{"words", "error_rate < 50%", "exit 0", seconds, ""},
		{"words", "value == 0", "no-number", math.IsNaN, "must print one number"},
		{"fail", "value == 0", "exit 3", math.IsNaN, "the disk is on fire"},
		{"fail", "p95 < 2s", "exit 3", never, "the disk is on fire"},
		{"flood", "value == 0", "no-number", math.IsNaN, "must print one number"},
		{"args", "value == 2", "exit 0", func(x float64) bool { return x == 2 }, ""}, // no shell splits or expands them
	}
	for _, tt := range tests {
		t.Run(tt.role+" "+tt.expect, func(t *testing.T) {
			o, err := read(t, command(t, tt.expect, "$HOME; echo", "*"), Deps{Environ: roleEnv(tt.role)})
			if o.Class != tt.class || !tt.value(o.Value) {
				t.Errorf("observed %+v, %v; want class %s", o, err, tt.class)
			}
			if (err == nil) != (tt.fails == "") || !strings.Contains(fmt.Sprint(err), tt.fails) {
				t.Errorf("error %v, want %q", err, tt.fails)
			}
		})
	}
}

// TestCommandIsKilled: when its context ends, the program and what it has started are gone.
func TestCommandIsKilled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := New(command(t, "p95 < 1s"), Deps{Environ: roleEnv("parent", "PROBE_TEST_ADDRESS="+l.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := p.Read(ctx)
		done <- err
	}()
	var lives []*bufio.Reader
	for range 2 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		life := bufio.NewReader(conn)
		if _, err := life.ReadString('\n'); err != nil {
			t.Fatalf("a process went away before its time: %v", err)
		}
		lives = append(lives, life)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the reading ended with %v", err)
	}
	if !killsGroups {
		return
	}
	for _, life := range lives { // each ends when its process does
		if _, err := io.ReadAll(life); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	}
}

// TestCommandLeavesNothingBehind: what a program has started ends with it, even if it ends well.
func TestCommandLeavesNothingBehind(t *testing.T) {
	if !killsGroups {
		t.Skip("there are no process groups here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o, err := read(t, command(t, "p95 < 1s"), Deps{Environ: roleEnv("leave", "PROBE_TEST_ADDRESS="+l.Addr().String())})
	if err != nil || o.Class != "exit 0" {
		t.Fatalf("observed %+v, %v", o, err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // ends a process that is left
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a process is left: %v", err)
	}
}
