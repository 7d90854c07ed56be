package layer_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/deploy/layer"
	"github.com/firedrill-dev/firedrill/proxy"
)

// entry is one of a package under test.
type entry struct {
	name, data string
	mode       fs.FileMode
	stored     bool
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	_ = w.SetComment("somebody's")
	for n, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Date(2026, 1, n+1, 10, 0, 0, 0, time.UTC), Comment: fmt.Sprint("entry ", n)}
		if e.stored {
			h.Method = zip.Store
		}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// elf is the beginning of a program.
func elf(machine uint16) string {
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(head[18:], machine)
	return string(head)
}

var (
	x86   = elf(62)
	arm64 = elf(183)
)

// raw is all that a zip says of its entries, their stored bytes included.
func raw(t testing.TB, content []byte) (all []string) {
	t.Helper()
	r := reader(t, content)
	for _, f := range r.File {
		in, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		stored, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %v %v %d %08x %q %x %x", f.Name, f.Mode(), f.Modified.UTC(), f.Method, f.CRC32, f.Comment, f.Extra, stored))
	}
	return append(all, r.Comment)
}

func TestWrapChangesTheBootstrapAlone(t *testing.T) {
	original := pack(t,
		entry{name: "lib/", mode: fs.ModeDir | 0o755},
		entry{name: "lib/a.txt", data: strings.Repeat("a", 1000), mode: 0o640},
		entry{name: "bootstrap", data: arm64 + "mine", mode: 0o755},
		entry{name: "b.bin", data: "stored", mode: 0o600, stored: true},
		entry{name: "link", data: "lib/a.txt", mode: fs.ModeSymlink | 0o777})
	program := arm64 + "the proxy"
	wrapped := wrap(t, original, []byte(program), layer.ARM64)

	before, after := raw(t, original), raw(t, wrapped)
	r := reader(t, wrapped)
	i := slices.IndexFunc(r.File, func(f *zip.File) bool { return f.Name == proxy.Bootstrap })
	if i != 2 || r.File[3].Name != proxy.Original || r.File[i].Mode() != 0o755 || string(data(t, r.File[i])) != program {
		t.Fatalf("entries: %q", after)
	}
	before[2] = strings.Replace(before[2], "bootstrap", proxy.Original, 1)
	if diff := cmp.Diff(before, slices.Delete(after, i, i+1)); diff != "" {
		t.Errorf("entries beside the new bootstrap (-want +got):\n%s", diff)
	}

	pkg, err := layer.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := pkg.Unwrap(&back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(raw(t, original), raw(t, back.Bytes())); diff != "" {
		t.Errorf("unwrapped (-want +got):\n%s", diff)
	}
	if !bytes.Equal(wrapped, wrap(t, original, []byte(program), layer.ARM64)) {
		t.Error("wrapping twice makes two different packages")
	}
}

// A package gets the preload library where its bootstrap can load it, and loses no file of its own with it.
func TestWrapWithThePreloadLibrary(t *testing.T) {
	original := pack(t, entry{name: "./bootstrap", data: "#!/bin/sh\n", mode: 0o755})
	pkg, err := layer.Open(reader(t, original))
	if err != nil || pkg.Static {
		t.Fatalf("%+v, %v", pkg, err)
	}
	var wrapped, back bytes.Buffer
	if err := pkg.Wrap(&wrapped, layer.Contents{Arch: layer.X86, Proxy: []byte(x86), Preload: []byte(x86)}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range reader(t, wrapped.Bytes()).File {
		names = append(names, f.Name)
	}
	if want := []string{"./bootstrap", "./firedrill-denylist.so", "./" + proxy.Original}; !slices.Equal(names, want) {
		t.Errorf("entries %q", names)
	}
	if pkg, err = layer.Open(reader(t, wrapped.Bytes())); err != nil {
		t.Fatal(err)
	}
	if err := pkg.Unwrap(&back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(raw(t, original), raw(t, back.Bytes())); diff != "" {
		t.Errorf("unwrapped (-want +got):\n%s", diff)
	}
}

// Which programs load libraries is read from real ones: /bin/sh does, a program of Go's without C does not.
func TestStaticPrograms(t *testing.T) {
	here(t)
	loads, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		program string
		static  bool
	}{{string(loads), !strings.Contains(string(loads), "/ld-linux")}, {string(shipped(t)), true}, {x86, true}} {
		pkg, err := layer.Open(reader(t, pack(t, entry{name: "bootstrap", data: c.program, mode: 0o755, stored: true})))
		if err != nil {
			t.Fatal(err)
		}
		if pkg.Static != c.static {
			t.Errorf("a program of %d bytes: static %v", len(c.program), pkg.Static)
		}
	}
}

func TestRefusedPackages(t *testing.T) {
	good := entry{name: "bootstrap", data: x86, mode: 0o755}
	for _, c := range []struct {
		want    string
		entries []entry
	}{
		{"no bootstrap", []entry{{name: "index.js", mode: 0o644}}},
		{"no bootstrap", []entry{{name: "bin/bootstrap", data: x86, mode: 0o755}}},
		{"not executable", []entry{{name: "bootstrap", data: x86, mode: 0o644}}},
		{"is not a file", []entry{{name: "bootstrap", mode: fs.ModeDir | 0o755}}},
		{"is in it twice", []entry{good, good}},
		{"is in it twice", []entry{good, {name: "./bootstrap", data: x86, mode: 0o755}}},
		{"is not a program for 64-bit Linux", []entry{{name: "bootstrap", data: "\xcf\xfa\xed\xfe a program for macOS", mode: 0o755}}},
		{"is not a program for 64-bit Linux", []entry{{name: "bootstrap", data: elf(40), mode: 0o755}}},
		{"is not a program for 64-bit Linux", []entry{{name: "bootstrap", data: "", mode: 0o755}}},
		{`"../evil" would be unpacked outside`, []entry{good, {name: "../evil"}}},
		{`"a/../../evil" would be unpacked outside`, []entry{good, {name: "a/../../evil"}}},
		{`"/etc/evil" would be unpacked outside`, []entry{good, {name: "/etc/evil"}}},
		{`"a\\evil" would be unpacked outside`, []entry{good, {name: `a\evil`}}},
	} {
		_, err := layer.Open(reader(t, pack(t, c.entries...)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestRefusedWrapping(t *testing.T) {
	open := func(entries ...entry) *layer.Package {
		t.Helper()
		pkg, err := layer.Open(reader(t, pack(t, entries...)))
		if err != nil {
			t.Fatal(err)
		}
		return pkg
	}
	plain := open(entry{name: "bootstrap", data: x86, mode: 0o755})
	for want, err := range map[string]error{
		"bootstrap is for x86_64, not for arm64":             plain.Wrap(io.Discard, layer.Contents{Arch: layer.ARM64, Proxy: []byte(arm64)}),
		"firedrill-proxy is for arm64, not for x86_64":       plain.Wrap(io.Discard, layer.Contents{Arch: layer.X86, Proxy: []byte(arm64)}),
		"firedrill-proxy is not a program":                   plain.Wrap(io.Discard, layer.Contents{Arch: layer.X86, Proxy: []byte("#!/bin/sh\n")}),
		"firedrill-denylist.so is for arm64, not for x86_64": plain.Wrap(io.Discard, layer.Contents{Arch: layer.X86, Proxy: []byte(x86), Preload: []byte(arm64)}),
		"there is a firedrill-denylist.so in it already": open(entry{name: "bootstrap", data: x86, mode: 0o755}, entry{name: layer.Preload, mode: 0o755}).
			Wrap(io.Discard, layer.Contents{Arch: layer.X86, Proxy: []byte(x86), Preload: []byte(x86)}),
		"is not wrapped": plain.Unwrap(io.Discard),
		"somebody has changed the package since": open(entry{name: "bootstrap", data: x86, mode: 0o755},
			entry{name: proxy.Original, data: x86, mode: 0o755}).Unwrap(io.Discard),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What claims to be larger than Lambda takes is refused before it is read.
func TestPackageTooLargeForLambda(t *testing.T) {
	r := reader(t, pack(t, entry{name: "bootstrap", data: x86, mode: 0o755}, entry{name: "model.bin", mode: 0o644}))
	r.File[1].UncompressedSize64 = 250 << 20
	if _, err := layer.Open(r); err == nil || !strings.Contains(err.Error(), "Lambda takes 250 MB") {
		t.Error(err)
	}
	r.File[1].UncompressedSize64 = 250<<20 - 100
	pkg, err := layer.Open(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := pkg.Wrap(io.Discard, layer.Contents{Arch: layer.X86, Proxy: []byte(x86)}); err == nil || !strings.Contains(err.Error(), "with the proxy it would have") {
		t.Error(err)
	}
}

// Whatever is given, nothing panics, and what can be wrapped can be unwrapped.
func FuzzWrap(f *testing.F) {
	f.Add(pack(f, entry{name: "bootstrap", data: x86, mode: 0o755}, entry{name: "a", data: "b"}))
	f.Add(pack(f, entry{name: "bootstrap", data: "#!/bin/sh", mode: 0o755}))
	f.Add(pack(f, entry{name: "bootstrap", data: x86, mode: 0o755}, entry{name: proxy.Original, data: x86, mode: 0o755}))
	f.Fuzz(func(t *testing.T, content []byte) {
		in, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		pkg, err := layer.Open(in)
		if err != nil {
			return
		}
		var wrapped bytes.Buffer
		if err := pkg.Wrap(&wrapped, layer.Contents{Arch: layer.X86, Proxy: []byte(x86)}); err != nil {
			return
		}
		again, err := layer.Open(reader(t, wrapped.Bytes()))
		if err != nil {
			t.Fatalf("what was wrapped is refused: %v", err)
		}
		if err := again.Unwrap(io.Discard); err != nil {
			t.Fatalf("what was wrapped cannot be unwrapped: %v", err)
		}
	})
}
