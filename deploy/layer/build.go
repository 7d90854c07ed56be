package layer

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/firedrill-dev/firedrill/deploy/layer/preload"
)

// Names in a layer zip, which Lambda unpacks to /opt.
const (
	// Wrapper is the proxy: AWS_LAMBDA_EXEC_WRAPPER=/opt/firedrill-proxy.
	Wrapper = "firedrill-proxy"
	// Preload is the library that makes lookups of denied hosts fail. The proxy finds it beside itself.
	Preload = preload.Name
	// WrapperPath is where functions with the layer find the wrapper.
	WrapperPath = "/opt/" + Wrapper
)

//go:embed LICENSE
var license []byte

// Contents are the programs of a layer, or of a wrapped package.
type Contents struct {
	Arch    Arch
	Proxy   []byte
	Preload []byte // nil: there is none
}

// check refuses programs of another architecture.
func (c Contents) check() error {
	if err := checkArch(c.Proxy, c.Arch); err != nil {
		return fmt.Errorf("%s %w", Wrapper, err)
	}
	if c.Preload == nil {
		return nil
	}
	if err := checkArch(c.Preload, c.Arch); err != nil {
		return fmt.Errorf("%s %w", Preload, err)
	}
	return nil
}

// FileName is what the zip of an architecture's layer is called.
func FileName(arch Arch) string { return "firedrill-layer-" + string(arch) + ".zip" }

// Write writes the layer's zip. It refuses programs of another architecture.
func (c Contents) Write(out io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	w := zip.NewWriter(out)
	for _, e := range []struct {
		name string
		mode fs.FileMode
		data []byte
	}{{Wrapper, 0o755, c.Proxy}, {Preload, 0o755, c.Preload}, {"LICENSE", 0o644, license}} {
		if e.data == nil {
			continue
		}
		if err := add(w, &zip.FileHeader{Name: e.name, Modified: epoch()}, e.mode, e.data); err != nil {
			return fmt.Errorf("write %s: %w", e.name, err)
		}
	}
	return w.Close()
}

// checkArch fails if a program is none, or one for another architecture.
func checkArch(program []byte, want Arch) error {
	got, err := programArch(bytes.NewReader(program))
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("is for %s, not for %s", got, want)
	}
	return nil
}

// epoch is the time that every entry of a layer has: the earliest that a zip can say.
func epoch() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

func add(w *zip.Writer, header *zip.FileHeader, mode fs.FileMode, data []byte) error {
	header.Method = zip.Deflate
	header.SetMode(mode)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = entry.Write(data)
	return err
}

// ArchOf reads from a layer zip for which architecture it is.
func ArchOf(in *zip.Reader) (Arch, error) {
	program, err := in.Open(Wrapper)
	if err != nil {
		return "", fmt.Errorf("is not a layer of Firedrill's: %w", err)
	}
	defer program.Close()
	arch, err := programArch(program)
	if err != nil {
		return "", fmt.Errorf("%s in it %w", Wrapper, err)
	}
	return arch, nil
}
