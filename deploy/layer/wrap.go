package layer

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/proxy"
)

// Lambda's limits for a function's package.
const (
	// MaxUnpacked is what a package may have unpacked, its layers included, in bytes.
	MaxUnpacked = 250 << 20
	// MaxDirect is what may be uploaded as it is, in bytes; a larger zip goes through S3.
	MaxDirect = 50 << 20
)

// mark is the zip comment of what Wrap has written.
const mark = "firedrill"

// ErrWrapped says that a package is wrapped already.
var ErrWrapped = errors.New("is wrapped already")

// A Package is the zip of a function for a runtime that has only an operating system, read and found sound.
type Package struct {
	// Arch is what its bootstrap is made for; empty if that is a script or a link.
	Arch Arch
	// Static says that its bootstrap loads no libraries: the preload library is of no use to it.
	Static bool
	// Unpacked is the size of all its entries, in bytes.
	Unpacked uint64

	zip                 *zip.Reader
	bootstrap, original *zip.File
	preload             *zip.File
}

// Open reads a package's directory. It refuses what Lambda could not run, and names that lead out of the package.
func Open(in *zip.Reader) (*Package, error) {
	p := &Package{zip: in}
	for _, f := range in.File {
		if !safe(f.Name) {
			return nil, fmt.Errorf("entry %q would be unpacked outside of the package", f.Name)
		}
		p.Unpacked += f.UncompressedSize64
		var place **zip.File
		switch path.Clean(f.Name) {
		case proxy.Bootstrap:
			place = &p.bootstrap
		case proxy.Original:
			place = &p.original
		case Preload:
			place = &p.preload
		default:
			continue
		}
		if *place != nil {
			return nil, fmt.Errorf("entry %q is in it twice", f.Name)
		}
		*place = f
	}
	if p.bootstrap == nil {
		return nil, fmt.Errorf("there is no %s at its root: this is for the runtimes provided.al2 and provided.al2023; others take the layer", proxy.Bootstrap)
	}
	if p.Unpacked > MaxUnpacked {
		return nil, fmt.Errorf("it has %d MB unpacked, and Lambda takes %d MB, layers included", p.Unpacked>>20, MaxUnpacked>>20)
	}
	return p, p.inspect()
}

// safe reports whether an entry is unpacked inside of the folder that is meant.
func safe(name string) bool {
	return name != "" && !strings.ContainsAny(name, "\\\x00") && !path.IsAbs(name) && !slices.Contains(strings.Split(name, "/"), "..")
}

// inspect looks at the function's own bootstrap.
func (p *Package) inspect() error {
	own := p.bootstrap
	if p.original != nil {
		own = p.original
	}
	switch mode := own.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return nil
	case !mode.IsRegular():
		return fmt.Errorf("%s is not a file", own.Name)
	case mode&0o111 == 0:
		return fmt.Errorf("%s is not executable: Lambda could not start it either; zip it where files have modes, after chmod 755", own.Name)
	}
	content, err := own.Open()
	if err != nil {
		return fmt.Errorf("read %s: %w", own.Name, err)
	}
	defer content.Close()
	beginning, err := io.ReadAll(io.LimitReader(content, 64<<10))
	if err != nil {
		return fmt.Errorf("read %s: %w", own.Name, err)
	}
	if bytes.HasPrefix(beginning, []byte("#!")) {
		return nil
	}
	if p.Arch, err = programArch(bytes.NewReader(beginning)); err != nil {
		return fmt.Errorf("%s %w, and no script", own.Name, err)
	}
	p.Static = static(beginning)
	return nil
}

// Wrapped reports whether the proxy is in front of the package's own bootstrap already.
func (p *Package) Wrapped() bool { return p.original != nil }

// Wrap writes the package with the proxy as its bootstrap, its own bootstrap beside that under another name, and the
// preload library, if there is one. Every other entry is copied as it is stored.
func (p *Package) Wrap(out io.Writer, c Contents) error {
	if p.original != nil {
		return ErrWrapped
	}
	if p.Arch != "" && p.Arch != c.Arch {
		return fmt.Errorf("%s is for %s, not for %s", p.bootstrap.Name, p.Arch, c.Arch)
	}
	if p.preload != nil && c.Preload != nil {
		return fmt.Errorf("there is a %s in it already", p.preload.Name)
	}
	if err := c.check(); err != nil {
		return err
	}
	if size := p.Unpacked + uint64(len(c.Proxy)+len(c.Preload)); size > MaxUnpacked {
		return fmt.Errorf("with the proxy it would have %d MB unpacked, and Lambda takes %d MB, layers included", size>>20, MaxUnpacked>>20)
	}
	return p.rewrite(out, func(w *zip.Writer, f *zip.File) error {
		if f != p.bootstrap {
			return w.Copy(f)
		}
		folder := strings.TrimSuffix(f.Name, proxy.Bootstrap) // "" or "./"
		if err := add(w, &zip.FileHeader{Name: f.Name, Modified: f.Modified, Comment: mark}, 0o755, c.Proxy); err != nil {
			return err
		}
		if c.Preload != nil {
			if err := add(w, &zip.FileHeader{Name: folder + Preload, Modified: f.Modified, Comment: mark}, 0o755, c.Preload); err != nil {
				return err
			}
		}
		return copyAs(w, f, folder+proxy.Original)
	})
}

// Unwrap writes the package as it was before Wrap.
func (p *Package) Unwrap(out io.Writer) error {
	if p.original == nil {
		return errors.New("is not wrapped")
	}
	if p.bootstrap.Comment != mark {
		return fmt.Errorf("%s in it is not the one that wrapping has put there: somebody has changed the package since", p.bootstrap.Name)
	}
	return p.rewrite(out, func(w *zip.Writer, f *zip.File) error {
		switch {
		case f == p.bootstrap, f == p.preload && f.Comment == mark:
			return nil
		case f == p.original:
			return copyAs(w, f, p.bootstrap.Name)
		}
		return w.Copy(f)
	})
}

// rewrite writes a zip of what each makes of each entry.
func (p *Package) rewrite(out io.Writer, each func(w *zip.Writer, f *zip.File) error) error {
	w := zip.NewWriter(out)
	if err := w.SetComment(p.zip.Comment); err != nil {
		return err
	}
	for _, f := range p.zip.File {
		if err := each(w, f); err != nil {
			return fmt.Errorf("write %s: %w", f.Name, err)
		}
	}
	return w.Close()
}

// copyAs is zip.Writer.Copy under another name.
func copyAs(w *zip.Writer, f *zip.File, name string) error {
	in, err := f.OpenRaw()
	if err != nil {
		return err
	}
	header := f.FileHeader
	header.Name = name
	entry, err := w.CreateRaw(&header)
	if err != nil {
		return err
	}
	_, err = io.Copy(entry, in)
	return err
}
