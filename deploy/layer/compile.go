package layer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	modulePath   = "github.com/firedrill-dev/firedrill"
	proxyPackage = "./cmd/firedrill-proxy"
)

// ErrNoSource says that there is nothing to compile the proxy from.
var ErrNoSource = errors.New("there is no source of firedrill-proxy here")

// A Toolchain compiles the proxy with the go command.
type Toolchain struct {
	Go      string   // the go command's path
	Environ []string // as of os.Environ
}

// FindToolchain looks for the go command in PATH.
func FindToolchain(environ []string) (Toolchain, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return Toolchain{}, fmt.Errorf("compile firedrill-proxy: %w", err)
	}
	return Toolchain{Go: path, Environ: environ}, nil
}

// Source returns the folder of Firedrill's module: the checkout that dir is in, or that version from the module
// cache, downloaded if need be.
func (t Toolchain) Source(ctx context.Context, dir, version string) (string, error) {
	out, err := t.run(ctx, dir, nil, "list", "-m", "-f", "{{.Path}}\t{{.Dir}}")
	if path, folder, _ := strings.Cut(strings.TrimSpace(out), "\t"); err == nil && path == modulePath && folder != "" {
		return folder, nil
	}
	if !strings.HasPrefix(version, "v") || strings.Contains(version, "+") { // "+dirty": it was never published
		return "", fmt.Errorf("%w: this is no checkout of %s, and this firedrill is no release but %s", ErrNoSource, modulePath, version)
	}
	if out, err = t.run(ctx, os.TempDir(), []string{"GO111MODULE=on", "GOWORK=off"}, "mod", "download", "-json", modulePath+"@"+version); err != nil {
		return "", fmt.Errorf("download the source of firedrill-proxy %s: %w", version, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil || module.Dir == "" {
		return "", fmt.Errorf("download the source of firedrill-proxy %s: the go command answers %q", version, out)
	}
	return module.Dir, nil
}

// Compile makes the proxy for an architecture, as small as it ships, and returns the program. What it makes depends
// on nothing but the source and the go command.
func (t Toolchain) Compile(ctx context.Context, source string, arch Arch) ([]byte, error) {
	dir, err := os.MkdirTemp("", "firedrill-proxy")
	if err != nil {
		return nil, fmt.Errorf("compile firedrill-proxy: %w", err)
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, Wrapper)
	environ := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch.GoArch(), "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT="}
	if _, err := t.run(ctx, source, environ, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, proxyPackage); err != nil {
		return nil, fmt.Errorf("compile firedrill-proxy for %s: %w", arch, err)
	}
	return os.ReadFile(out)
}

// run is one go command and what it says on standard output. Its error ends with what it says on standard error.
func (t Toolchain) run(ctx context.Context, dir string, environ []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, t.Go, args...)
	cmd.Dir, cmd.Env = dir, slices.Concat(t.Environ, environ)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}
