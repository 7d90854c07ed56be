// Package preload holds the C library that puts the denylist into dynamically linked programs, and builds it.
//
// The library is one file of C. This is the whole build, but for warnings and what makes the file smaller (see Flags):
//
//	cc -std=c11 -O2 -fPIC -shared -nostdlib -fno-builtin -fno-stack-protector \
//	   -Wl,--no-as-needed -o firedrill-denylist.so firedrill_denylist.c -l:libdl.so.2
//
// It is not linked to this machine's libc, so that it asks for no version of a symbol: what it calls is there, under
// one name, in every program of every system from Amazon Linux 2 (glibc 2.26) on. Build checks that. See
// docs/denylist.md.
package preload

import (
	"context"
	_ "embed" // the source travels with whoever builds it
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/firedrill-dev/firedrill/denylist"
)

// Name is what the library's file is called beside the proxy.
const Name = denylist.Library

//go:embed firedrill_denylist.c
var source []byte

// Source returns the library's C code.
func Source() []byte { return source }

// Compiler returns the C compiler that is usual for an architecture, amd64 or arm64, on a machine of another one:
// "cc" where host is arch.
func Compiler(host, arch string) string {
	switch {
	case host == arch:
		return "cc"
	case arch == "arm64":
		return "aarch64-linux-gnu-gcc"
	default:
		return "x86_64-linux-gnu-gcc"
	}
}

// Build compiles the library for Linux on arch, amd64 or arm64, with the C compiler cc into the file out. The compiler
// must be one for that architecture: what it makes is checked.
func Build(ctx context.Context, cc, arch, out string) error {
	machine, ok := machines()[arch]
	if !ok {
		return fmt.Errorf("build the denylist library: %q is not an architecture of Lambda: amd64 or arm64", arch)
	}
	folder, err := os.MkdirTemp(filepath.Dir(out), ".firedrill-denylist-")
	if err != nil {
		return fmt.Errorf("build the denylist library: %w", err)
	}
	defer os.RemoveAll(folder)
	code, made := filepath.Join(folder, "firedrill_denylist.c"), filepath.Join(folder, Name)
	if err := os.WriteFile(code, source, 0o600); err != nil {
		return fmt.Errorf("build the denylist library: %w", err)
	}
	text, err := exec.CommandContext(ctx, cc, Flags(arch, made, code)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the denylist library for %s with %s: %w: %s", arch, cc, err, strings.TrimSpace(string(text)))
	}
	if err := check(made, machine); err != nil {
		return fmt.Errorf("build the denylist library for %s with %s: %w", arch, cc, err)
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return fmt.Errorf("build the denylist library: %w", err)
	}
	if err := os.Rename(made, out); err != nil {
		return fmt.Errorf("build the denylist library: %w", err)
	}
	return nil
}

// Flags returns the compiler's arguments that make the library out of code, for arch.
func Flags(arch, out, code string) []string {
	flags := []string{
		"-std=c11", "-O2", "-Wall", "-Wextra", "-Werror",
		"-fPIC", "-shared", "-nostdlib", "-fvisibility=hidden", "-s",
		// Nothing that would call into a libc of this machine's version.
		"-fno-builtin", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
		"-Wl,-z,relro,-z,now,-z,noexecstack,--hash-style=both,--no-as-needed",
	}
	if arch == "arm64" {
		flags = append(flags, "-mno-outline-atomics") // they would call into libgcc
	}
	return append(flags, "-o", out, code, "-l:libdl.so.2") // dlsym lived there until glibc 2.34
}
