package preload

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// compiler returns a compiler for arch, and skips the test where there is none, unless FIREDRILL_REQUIRE has "cc".
func compiler(t testing.TB, arch string) string {
	t.Helper()
	cc := Compiler(runtime.GOARCH, arch)
	if _, err := exec.LookPath(cc); err != nil || runtime.GOOS != "linux" {
		if strings.Contains(","+os.Getenv("FIREDRILL_REQUIRE")+",", ",cc,") {
			t.Fatalf("%s is required: %v", cc, err)
		}
		t.Skipf("no %s", cc)
	}
	return cc
}

func TestBuild(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), Name)
			if err := Build(t.Context(), compiler(t, arch), arch, out); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(out)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() > 96<<10 || info.Mode().Perm()&0o111 == 0 {
				t.Errorf("the library has %d bytes and the mode %s", info.Size(), info.Mode())
			}
			left, err := os.ReadDir(filepath.Dir(out))
			if err != nil || len(left) != 1 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), Name)
	for arch, want := range map[string]string{
		"386":        "not an architecture",
		otherArch(t): "", // the compiler of this machine makes nothing for another one
	} {
		err := Build(t.Context(), compiler(t, runtime.GOARCH), arch, out)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arch, err, want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a library was made", arch)
		}
	}
}

func otherArch(t *testing.T) string {
	t.Helper()
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// A library that calls what only newer systems have would end the programs that it is loaded into.
func TestCheckRefuses(t *testing.T) {
	cc := compiler(t, runtime.GOARCH)
	for code, want := range map[string]string{
		"int fstat(int, void *); int f(void) { return fstat(0, 0); }": "needs fstat",
		"int f(void) { return 1; }":                                   "",
	} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "x.so")
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := exec.Command(cc, Flags(runtime.GOARCH, out, file)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		err := check(out, machines()[runtime.GOARCH])
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", code, err, want)
		}
	}
}
