package preload

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/denylist"
)

// compileC compiles a program of testdata for arch.
func compileC(t *testing.T, arch, name string, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), strings.TrimSuffix(name, ".c"))
	args := append([]string{"-O2", "-pthread", "-o", program, filepath.Join("testdata", name)}, flags...)
	if out, err := exec.Command(compiler(t, arch), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// While denials come and go as fast as they can, threads and children never see half of one: who is in none is never
// denied, and nothing crashes. The tables differ in size, so that half of one would be noticed.
func TestStateChangesUnderLookups(t *testing.T) {
	state := open(t)
	const rounds = 5_000
	cmd := exec.CommandContext(t.Context(), compileC(t, runtime.GOARCH, "stress.c"), strconv.Itoa(rounds))
	cmd.Env = environ(library(t), state)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	tables := []*denylist.Tables{}
	for _, list := range [][]string{{`^10\.1\.1\.1$`}, {`1\.1$`, `[a-z]{20}x[0-9]{30}`, `foo.*bar`, `db[0-9]+\.internal`}, {`10\.1`, `host-.*\.example`}} {
		compiled, err := denylist.Compile(list)
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, compiled)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for i := 0; ; i++ {
		select {
		case err := <-done:
			denied, parseErr := strconv.Atoi(strings.TrimSpace(out.String()))
			if err != nil || parseErr != nil || denied == 0 {
				t.Errorf("%v: %d denied, %s%s", err, denied, out.String(), problems.String())
			}
			t.Logf("%d changes, %d of %d lookups denied", i, denied, 4*rounds)
			return
		default:
			n, err := state.Publish(denylist.Denial{Tables: tables[i%3], Mode: denylist.NXDomain})
			if err != nil {
				t.Fatal(err)
			}
			if i%8 == 0 {
				state.Clear(n)
			}
			runtime.Gosched()
		}
	}
}

// The library for the other architecture runs where an emulator does.
func TestOtherArchitecture(t *testing.T) {
	arch, emulator, root := "arm64", "qemu-aarch64-static", "/usr/aarch64-linux-gnu"
	if runtime.GOARCH != "amd64" {
		t.Skip("the emulator is for arm64 on amd64")
	}
	cc := compiler(t, arch)
	if _, err := exec.LookPath(emulator); err != nil {
		if strings.Contains(","+os.Getenv("FIREDRILL_REQUIRE")+",", ",cc,") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	so := filepath.Join(t.TempDir(), Name)
	if err := Build(t.Context(), cc, arch, so); err != nil {
		t.Fatal(err)
	}
	state := open(t)
	tables, err := denylist.Compile([]string{`^10\.1\.1\.1$`})
	if err != nil {
		t.Fatal(err)
	}
	number, err := state.Publish(denylist.Denial{Tables: tables, Mode: denylist.NXDomain})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), emulator, "-L", root, "-E", "LD_PRELOAD="+so,
		"-E", denylist.Variable+"="+state.Path(), compileC(t, arch, "stress.c"), "50")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "200" || state.Denied(number) != 400 || state.Loaded() != 1 {
		t.Errorf("%v: %s, %d denied by %d", err, out, state.Denied(number), state.Loaded())
	}
}
