package layer_test

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/deploy/layer"
)

const mostMB = 8 // of the proxy, stripped

func TestLayerIsReproducibleAndSmall(t *testing.T) {
	tools, err := layer.FindToolchain(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := tools.Source(t.Context(), ".", "")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := tools // with an environment that asks for something else
	elsewhere.Environ = append(slices.Clone(tools.Environ), "GOFLAGS=-tags=other", "GOAMD64=v3")
	copied := copyModule(t, checkout)
	for _, arch := range layer.Arches() {
		program, err := tools.Compile(t.Context(), checkout, arch)
		if err != nil {
			t.Fatal(err)
		}
		again, err := elsewhere.Compile(t.Context(), copied, arch)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(program, again) {
			t.Errorf("%s: two builds of one source differ", arch)
		}
		if len(program) > mostMB*1e6 {
			t.Errorf("%s: the proxy has %.1f MB, more than %d", arch, float64(len(program))/1e6, mostMB)
		}
		var zips [2]bytes.Buffer
		for i := range zips {
			if err := (layer.Contents{Arch: arch, Proxy: program[:1000], Preload: program[:64]}).Write(&zips[i]); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(zips[0].Bytes(), zips[1].Bytes()) {
			t.Errorf("%s: two zips of one program differ", arch)
		}
		var names []string
		for _, f := range reader(t, zips[0].Bytes()).File {
			names = append(names, f.Mode().String()+" "+f.Name)
		}
		if want := []string{"-rwxr-xr-x firedrill-proxy", "-rwxr-xr-x firedrill-denylist.so", "-rw-r--r-- LICENSE"}; !slices.Equal(names, want) {
			t.Errorf("%s: %q", arch, names)
		}
	}
}

// copyModule copies what the proxy is made of.
func copyModule(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "cmd/firedrill-proxy"} {
		copyTree(t, from, to, name)
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{.Dir}}{{end}}", "github.com/firedrill-dev/firedrill/cmd/firedrill-proxy").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dir := range strings.FieldsSeq(string(out)) {
		rel, err := filepath.Rel(from, dir)
		if err != nil {
			t.Fatal(err)
		}
		copyTree(t, from, to, rel)
	}
	return to
}

// copyTree copies a file, or the files of a folder.
func copyTree(t *testing.T, from, to, name string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(from, name))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{name}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(from, name, "*")); err != nil {
			t.Fatal(err)
		}
		for i := range names {
			names[i], _ = filepath.Rel(from, names[i])
		}
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			continue // a folder: its own package
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// An installed firedrill compiles the proxy of its own release from the module proxy, the same one as the checkout's.
func TestReleaseFromTheModuleProxy(t *testing.T) {
	const path, version = "github.com/firedrill-dev/firedrill", "v1.2.3"
	tools, err := layer.FindToolchain(os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := tools.Source(t.Context(), ".", "")
	if err != nil {
		t.Fatal(err)
	}
	files, cache := t.TempDir(), t.TempDir()
	served := filepath.Join(files, path, "@v")
	if err := os.MkdirAll(served, 0o755); err != nil {
		t.Fatal(err)
	}
	module := copyModule(t, checkout)
	mod, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{".info": []byte(`{"Version":"` + version + `"}`), ".mod": mod, ".zip": moduleZip(t, module, path+"@"+version)} {
		if err := os.WriteFile(filepath.Join(served, version+name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tools.Environ = append(tools.Environ, "GOPROXY=file://"+filepath.ToSlash(files), "GONOSUMDB=*", "GONOSUMCHECK=1", "GOFLAGS=-modcacherw", "GOMODCACHE="+cache)
	elsewhere := t.TempDir()
	source, err := tools.Source(t.Context(), elsewhere, version)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(source, cache) {
		t.Errorf("the source is %s", source)
	}
	arch, err := layer.ParseArch(runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	program, err := tools.Compile(t.Context(), source, arch)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(program, shipped(t)) {
		t.Error("the release's proxy differs from the checkout's")
	}
	for _, none := range []string{"development", "v1.2.3+dirty", ""} {
		if _, err := tools.Source(t.Context(), elsewhere, none); err == nil || !strings.Contains(err.Error(), "no checkout") {
			t.Errorf("%q: %v", none, err)
		}
	}
	if _, err := tools.Source(t.Context(), elsewhere, "v9.9.9"); err == nil || !strings.Contains(err.Error(), "v9.9.9") {
		t.Error(err)
	}
}

func moduleZip(t *testing.T, dir, prefix string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		f, err := w.Create(prefix + "/" + name)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, bytes.NewReader(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestLicenceIsTheRepositorys(t *testing.T) {
	root, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if own, err := os.ReadFile("LICENSE"); err != nil || !bytes.Equal(own, root) {
		t.Errorf("deploy/layer/LICENSE differs from the repository's: copy it again (%v)", err)
	}
}

func TestProgramsOfAnotherArchitectureAreRefused(t *testing.T) {
	for want, c := range map[string]layer.Contents{
		"firedrill-proxy is for x86_64, not for arm64":       {Arch: layer.ARM64, Proxy: []byte(x86)},
		"firedrill-denylist.so is for arm64, not for x86_64": {Arch: layer.X86, Proxy: []byte(x86), Preload: []byte(arm64)},
		"firedrill-proxy is not a program":                   {Arch: layer.X86, Proxy: []byte("#!/bin/sh")},
	} {
		if err := c.Write(io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
