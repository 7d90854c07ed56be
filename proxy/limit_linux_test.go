package proxy

import (
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
)

// child starts a process that waits until it is killed or the test ends.
func child(t *testing.T, files ...*os.File) process {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.ExtraFiles = files
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if _, err := io.WriteString(in, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it runs, and opens nothing more
		t.Fatal(err)
	}
	p, err := processOf(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p process) limit(t *testing.T) syscall.Rlimit {
	t.Helper()
	l, err := p.descriptors(nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDescriptorsOfAnotherProcess(t *testing.T) {
	p := child(t)
	before := p.limit(t)
	restore, err := p.lowerDescriptors(fault.Usage{Leave: 2})
	if err != nil {
		t.Fatal(err)
	}
	open, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	during := p.limit(t)
	free := during.Cur
	for _, fd := range open {
		if fd < during.Cur {
			free--
		}
	}
	if free != 2 || during.Max != before.Max {
		t.Errorf("limited to %+v with %v open, before %+v", during, open, before)
	}
	if err := restore(); err != nil {
		t.Error(err)
	}
	if after := p.limit(t); after != before {
		t.Errorf("the limit is %+v, was %+v", after, before)
	}
}

// What somebody else has set meanwhile stays, and is told.
func TestDescriptorsThatSomebodyElseHasLimited(t *testing.T) {
	p := child(t)
	restore, err := p.lowerDescriptors(fault.Usage{Leave: 2})
	if err != nil {
		t.Fatal(err)
	}
	theirs := p.limit(t)
	theirs.Cur = 77
	if _, err := p.descriptors(&theirs); err != nil {
		t.Fatal(err)
	}
	if err := restore(); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("restored: %v", err)
	}
	if now := p.limit(t); now != theirs {
		t.Errorf("their limit %+v became %+v", theirs, now)
	}
}

// A process that has ended needs nothing back, and whoever has its number now is left alone.
func TestDescriptorsOfAProcessThatHasEnded(t *testing.T) {
	p := child(t)
	impostor := process{p.pid, p.started + "0"}
	before := p.limit(t)
	if _, err := impostor.lowerDescriptors(fault.Usage{}); err == nil {
		t.Error("another process was limited")
	}
	if err := impostor.restoreDescriptors(before, syscall.Rlimit{Cur: 5, Max: before.Max}); err != nil {
		t.Error(err)
	}
	if after := p.limit(t); after != before {
		t.Errorf("the limit is %+v, was %+v", after, before)
	}
}

// The process at the other end of a connection is found, unless several have it.
func TestPeer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	near, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if p, err := peerOf(far); err != nil || p.pid != os.Getpid() {
		t.Errorf("%+v, %v", p, err)
	}
	file, err := near.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	child(t, file)
	if p, err := peerOf(far); err == nil || !strings.Contains(err.Error(), "2 processes share") {
		t.Errorf("%+v, %v", p, err)
	}
}

// Each invocation of a real function finds its limit as it was.
func TestDescriptorsOfARealFunction(t *testing.T) {
	_, records := invoke(t, "function", `{"filedescriptors":{"enabled":true,"leave":4}}`, order{SKU: "A1"}, order{Fail: "boom"}, order{SKU: "A1"})
	if diff := cmp.Diff([]string{"r-0 filedescriptors 1/1", "r-1 filedescriptors 1/1", "r-2 filedescriptors 1/1"}, records); diff != "" {
		t.Error(diff)
	}
}

// One invocation at a time, and what cannot be put back is told.
func TestDescriptorsOfOneAtATime(t *testing.T) {
	log := &safeBuffer{}
	p := New(Options{Upstream: "x:1", Log: log})
	c := newConn(p, nil)
	c.runtime = child(t)
	i := fault.Injection{Kind: fault.FileDescriptors}
	e := entry{p.journal, "", "r-1", nil}
	var one, other holds
	c.limit(i, fault.Invocation{Deadline: time.Now().Add(time.Hour)}, e, &one)
	c.limit(i, fault.Invocation{}, e, &other)
	theirs := c.runtime.limit(t)
	theirs.Cur++
	if _, err := c.runtime.descriptors(&theirs); err != nil {
		t.Fatal(err)
	}
	one.release()
	one.release()
	other.release()
	want := []string{"r-1 filedescriptors 1/1", "r-1 filedescriptors 0/1 another invocation in this process holds it"}
	if diff := cmp.Diff(want, log.records()); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(log.String(), "was not put back"); n != 1 {
		t.Errorf("%d problems:\n%s", n, log)
	}
}

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00000A2B 00000000     0        0 0 3 0000000000000000
   2: 0100007F:C351 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0000000000000000 20 4 30 10 -1
   3: 0000000000000000FFFF00000100007F:C352 0000000000000000FFFF00000100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 444 1 0000000000000000 20 4 30 10 -1
`

func TestFindSocket(t *testing.T) {
	proxy := netip.MustParseAddrPort("127.0.0.1:8080")
	for port, want := range map[uint16]string{0xC350: "", 0xC351: "333", 0xC352: "444", 0xC353: "", 8080: ""} {
		near := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
		if got, _ := findSocket([]byte(tcpTable), near, proxy); got != want {
			t.Errorf("port %d: inode %q, want %q", port, got, want)
		}
	}
	elsewhere := netip.MustParseAddrPort("127.0.0.2:50001")
	if got, ok := findSocket([]byte(tcpTable), elsewhere, proxy); ok {
		t.Errorf("another address: inode %q", got)
	}
}

func FuzzFindSocket(f *testing.F) {
	f.Add([]byte(tcpTable))
	f.Add([]byte("0: :1 :1 1 1 1 1 1 1 1\n"))
	near, far := netip.MustParseAddrPort("127.0.0.1:50001"), netip.MustParseAddrPort("127.0.0.1:8080")
	f.Fuzz(func(t *testing.T, table []byte) {
		if inode, ok := findSocket(table, near, far); ok != (inode != "") || strings.Trim(inode, "0123456789+") != "" {
			t.Errorf("inode %q, %v", inode, ok)
		}
	})
}
