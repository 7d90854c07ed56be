package layer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill/deploy/layer"
	"github.com/firedrill-dev/firedrill/deploy/layer/preload"
	"github.com/firedrill-dev/firedrill/local"
	"github.com/firedrill-dev/firedrill/proxy"
)

// asFunction makes this test binary a function of somebody's.
const asFunction = "FIREDRILL_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		lambda.Start(func(_ context.Context, event map[string]any) (map[string]any, error) {
			event["program"] = filepath.Base(os.Args[0])
			if host, ok := event["lookup"].(string); ok { // by libc, as most runtimes do
				event["found"] = exec.Command("getent", "ahosts", host).Run() == nil
			}
			return event, nil
		})
	}
	os.Exit(m.Run())
}

// here is this machine's architecture, where Linux programs run.
func here(t *testing.T) layer.Arch {
	t.Helper()
	arch, err := layer.ParseArch(runtime.GOARCH)
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("layers are for Linux on x86_64 and arm64")
	}
	return arch
}

// compile makes the proxy as it ships, once for all tests.
var compile = sync.OnceValues(func() ([]byte, error) {
	tools, err := layer.FindToolchain(os.Environ())
	if err != nil {
		return nil, err
	}
	source, err := tools.Source(context.Background(), ".", "")
	if err != nil {
		return nil, err
	}
	arch, err := layer.ParseArch(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	return tools.Compile(context.Background(), source, arch)
})

func shipped(t *testing.T) []byte {
	t.Helper()
	program, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// unzip unpacks as Lambda does: with modes.
func unzip(t *testing.T, content []byte, dir string) {
	t.Helper()
	for _, f := range reader(t, content).File {
		if f.Mode()&os.ModeSymlink != 0 {
			if err := os.Symlink(string(data(t, f)), filepath.Join(dir, f.Name)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), data(t, f), f.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

func reader(t testing.TB, content []byte) *zip.Reader {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func data(t testing.TB, f *zip.File) []byte {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A host is a function on this machine, without the layer of the host's own.
type host struct {
	t       *testing.T
	address string
	log     *bytes.Buffer
	close   func()
}

func start(t *testing.T, dir string, command []string, environment map[string]string) *host {
	t.Helper()
	here(t)
	h := &host{t: t, log: &bytes.Buffer{}}
	environment[asFunction] = "1"
	file := "{version: 1, lambda: {listen: '127.0.0.1:0'}, functions: {f: {timeout: 60s, command: ["
	for _, c := range command {
		file += fmt.Sprintf("%q,", c)
	}
	file += "], environment: {"
	for name, value := range environment {
		file += fmt.Sprintf("%s: %q, ", name, value)
	}
	parsed, err := local.ParseFile(filepath.Join(dir, "functions.yaml"), []byte(file+"}}}}"))
	if err != nil {
		t.Fatal(err)
	}
	running, err := local.Start(t.Context(), *parsed, local.Options{StateDir: t.TempDir(), BaseEnv: os.Environ(), Log: h.log})
	if err != nil {
		t.Fatal(err)
	}
	h.address = running.LambdaAddr()
	h.close = sync.OnceFunc(func() {
		if err := running.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(h.close)
	return h
}

func (h *host) invoke(event string) string {
	h.t.Helper()
	resp, err := http.Post("http://"+h.address+"/2015-03-31/functions/f/invocations", "", strings.NewReader(event))
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(body)
}

const failsBad = `{"exception":{"enabled":true,"exception_msg":"drilled","match":[{"path":"sku","value":"bad"}]}}`

// fires shows that a fault fires, and only where it is meant to.
func (h *host) fires() {
	h.t.Helper()
	if got := h.invoke(`{"sku":"good"}`); !strings.Contains(got, `"good"`) {
		h.t.Errorf("without a fault: %s", got)
	}
	if got := h.invoke(`{"sku":"bad"}`); !strings.Contains(got, "drilled") {
		h.t.Errorf("with a fault: %s", got)
	}
	h.invoke(`{"sku":"good"}`) // the record is written before the next event
	h.close()
	if !strings.Contains(h.log.String(), `"kind":"exception"`) {
		h.t.Errorf("no record in the log:\n%s", h.log)
	}
}

// The zip of a layer, unpacked, in front of a runtime: as Lambda calls a wrapper, and as an image's entry point does.
func TestBuiltLayerInjects(t *testing.T) {
	arch := here(t)
	var content bytes.Buffer
	if err := (layer.Contents{Arch: arch, Proxy: shipped(t)}).Write(&content); err != nil {
		t.Fatal(err)
	}
	if got, err := layer.ArchOf(reader(t, content.Bytes())); got != arch || err != nil {
		t.Errorf("architecture %q, %v", got, err)
	}
	opt := t.TempDir()
	unzip(t, content.Bytes(), opt)
	wrapper := filepath.Join(opt, filepath.Base(layer.WrapperPath))
	t.Run("wrapper", func(t *testing.T) {
		start(t, opt, []string{wrapper, os.Args[0]}, map[string]string{"FIREDRILL_CONFIG": failsBad}).fires()
	})
	// An image of AWS's starts its runtime by a script that looks whether it is in Lambda, and a second
	// wrapper that is set on the function as well must not inject twice.
	t.Run("entry point", func(t *testing.T) {
		script := filepath.Join(opt, "lambda-entrypoint.sh")
		text := "#!/bin/sh\nif [ -z \"$AWS_LAMBDA_RUNTIME_API\" ]; then echo 'this would be an emulator' >&2; exit 1; fi\n" +
			"exec \"$AWS_LAMBDA_EXEC_WRAPPER\" \"$RUNTIME\" \"$@\"\n"
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		h := start(t, opt, []string{wrapper, script, "app.handler"}, map[string]string{"FIREDRILL_CONFIG": failsBad, "RUNTIME": os.Args[0], "AWS_LAMBDA_EXEC_WRAPPER": wrapper})
		h.fires()
		if n := strings.Count(h.log.String(), `"kind":"exception"`); n != 1 {
			t.Errorf("%d records of one fault:\n%s", n, h.log)
		}
	})
}

// With the library in it, the layer denies lookups to whatever the runtime loads libc into.
func TestBuiltLayerDeniesHosts(t *testing.T) {
	arch := here(t)
	part(t, "getent")
	library := filepath.Join(t.TempDir(), layer.Preload)
	if err := preload.Build(t.Context(), part(t, "cc"), arch.GoArch(), library); err != nil {
		t.Fatal(err)
	}
	compiled, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if err := (layer.Contents{Arch: arch, Proxy: shipped(t), Preload: compiled}).Write(&content); err != nil {
		t.Fatal(err)
	}
	opt := t.TempDir()
	unzip(t, content.Bytes(), opt)
	for document, found := range map[string]string{
		`{"denylist":{"enabled":true,"deny_list":["^localhost$"]}}`:          `"found":false`,
		`{"denylist":{"enabled":true,"deny_list":["^payments\\.example$"]}}`: `"found":true`,
	} {
		h := start(t, opt, []string{filepath.Join(opt, layer.Wrapper), os.Args[0]}, map[string]string{"FIREDRILL_CONFIG": document})
		if got := h.invoke(`{"lookup":"localhost"}`); !strings.Contains(got, found) {
			t.Errorf("%s: %s", document, got)
		}
		h.invoke(`{}`) // the record is written before the next event
		h.close()
		if !strings.Contains(h.log.String(), `"kind":"denylist"`) || strings.Contains(h.log.String(), "unsupported") {
			t.Errorf("%s:\n%s", document, h.log)
		}
	}
}

func TestWrappedPackageInjects(t *testing.T) {
	arch := here(t)
	function, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := shipped(t)
	for _, c := range []struct {
		name, runs string
		entries    []entry
	}{
		{"a program", proxy.Original, []entry{{name: "bootstrap", mode: 0o755, data: string(function), stored: true}}},
		{"a link to a script", "function", []entry{{name: "bootstrap", mode: os.ModeSymlink | 0o777, data: "start.sh"},
			{name: "start.sh", mode: 0o755, data: "#!/bin/sh\nexec \"$LAMBDA_TASK_ROOT/function\"\n"}, {name: "function", mode: 0o755, data: string(function), stored: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrapped := wrap(t, pack(t, c.entries...), program, arch)
			dir := t.TempDir()
			unzip(t, wrapped, dir)
			h := start(t, dir, []string{"./bootstrap"}, map[string]string{"FIREDRILL_CONFIG": failsBad})
			if got := h.invoke(`{"sku":"good"}`); !strings.Contains(got, fmt.Sprintf("%q", c.runs)) {
				t.Errorf("%s does not run: %s", c.runs, got)
			}
			h.fires()
			off := start(t, dir, []string{"./bootstrap"}, map[string]string{"FIREDRILL_CONFIG": failsBad, "FIREDRILL_DISABLED": "true"})
			if got := off.invoke(`{"sku":"bad"}`); strings.Contains(got, "drilled") {
				t.Errorf("disabled: %s", got)
			}
		})
	}
}

func wrap(t *testing.T, content, program []byte, arch layer.Arch) []byte {
	t.Helper()
	pkg, err := layer.Open(reader(t, content))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := pkg.Wrap(&out, layer.Contents{Arch: arch, Proxy: program}); err != nil {
		t.Fatal(err)
	}
	again, err := layer.Open(reader(t, out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Wrap(io.Discard, layer.Contents{Arch: arch, Proxy: program}); !errors.Is(err, layer.ErrWrapped) {
		t.Errorf("wrapped again: %v", err)
	}
	return out.Bytes()
}
