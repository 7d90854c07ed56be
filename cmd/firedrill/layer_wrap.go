package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/deploy/layer"
)

// wrapping is one run of "firedrill layer wrap".
type wrapping struct {
	programs programs
	to, arch string
	unwrap   bool
}

// wrapped is what is said about it.
type wrapped struct {
	File         string     `json:"file"`
	Architecture layer.Arch `json:"architecture,omitempty"`
	Bytes        int64      `json:"bytes"`
}

func (a *app) layerWrapCommand() *cobra.Command {
	var w wrapping
	cmd := &cobra.Command{
		Use:   "wrap FUNCTION.zip",
		Short: "Put the proxy in front of a function's own bootstrap",
		Long: `Go, Rust and other functions whose runtime is provided.al2023 or provided.al2 have no wrapper: Lambda starts
the bootstrap in their package. This writes a package whose bootstrap is the proxy, which starts the function's own,
kept beside it as bootstrap.firedrill-original. If that can load libraries, it gets the one that denylist needs as well;
programs of Go cannot. Every other entry is copied as it is stored. --unwrap is the way back.

The package that is given is only read.`,
		Example: "  firedrill layer wrap function.zip\n  firedrill layer wrap function.zip --to wrapped.zip --arch arm64",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"zip"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			done, err := w.run(cmd, args[0])
			if err != nil {
				return err
			}
			return a.sayWrapped(done, w.unwrap)
		},
	}
	cmd.Flags().StringVar(&w.to, "to", "", "the package to write; without it FUNCTION-firedrill.zip, or FUNCTION-unwrapped.zip")
	cmd.Flags().StringVar(&w.arch, "arch", "", "x86_64 (amd64) or arm64, where the bootstrap is a script and does not say")
	_ = cmd.RegisterFlagCompletionFunc("arch", completeArch)
	cmd.Flags().BoolVar(&w.unwrap, "unwrap", false, "give the original back")
	w.programs.flags(cmd)
	return cmd
}

func (w *wrapping) run(cmd *cobra.Command, path string) (done wrapped, err error) {
	in, err := openZip(path)
	if err != nil {
		return done, err
	}
	defer in.Close()
	pkg, err := layer.Open(&in.Reader)
	if err != nil {
		return done, usage("", "%s: %w", path, err)
	}
	done = wrapped{File: w.to}
	if w.unwrap {
		if done.File == "" {
			done.File = beside(path, "-unwrapped")
		}
		done.Bytes, err = writeOther(path, done.File, pkg.Unwrap)
		return done, err
	}
	if done.File == "" {
		done.File = beside(path, "-firedrill")
	}
	if done.Architecture, err = w.archOf(path, pkg); err != nil {
		return done, err
	}
	if pkg.Wrapped() {
		return done, usage("nothing is left to do; --unwrap gives the original back", "%s: %w", path, layer.ErrWrapped)
	}
	w.programs.noPreload = w.programs.noPreload || pkg.Static
	contents, err := w.programs.contents(cmd.Context(), done.Architecture)
	if err != nil {
		return done, err
	}
	done.Bytes, err = writeOther(path, done.File, func(out io.Writer) error { return pkg.Wrap(out, contents) })
	return done, err
}

// archOf is what the package says, what the user says, or both if they agree.
func (w *wrapping) archOf(path string, pkg *layer.Package) (layer.Arch, error) {
	if w.arch == "" {
		if pkg.Arch == "" {
			return "", usage("--arch x86_64 or --arch arm64, as the function is configured", "%s: its bootstrap does not say for which architecture it is", path)
		}
		return pkg.Arch, nil
	}
	arch, err := layer.ParseArch(w.arch)
	if err != nil {
		return "", &failure{code: exitUsage, err: err}
	}
	if pkg.Arch != "" && pkg.Arch != arch {
		return "", usage("leave --arch out", "%s: its bootstrap is for %s, not for %s", path, pkg.Arch, arch)
	}
	return arch, nil
}

// writeOther writes a file made from another one, whole or not at all, and never in place of that.
func writeOther(from, to string, write func(io.Writer) error) (size int64, err error) {
	if a, err := os.Stat(from); err == nil {
		if b, err := os.Stat(to); err == nil && os.SameFile(a, b) {
			return 0, usage("name another file: --to FILE", "%s would be overwritten", from)
		}
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".firedrill-*")
	if err != nil {
		return 0, &failure{code: exitError, err: err}
	}
	defer func() {
		_ = out.Close()
		_ = os.Remove(out.Name()) // gone, if it was renamed
	}()
	if err := write(out); err != nil {
		return 0, usage("", "%s: %w", from, err)
	}
	info, err := out.Stat()
	if err != nil {
		return 0, &failure{code: exitError, err: err}
	}
	if err := errors.Join(out.Chmod(0o644), out.Close(), os.Rename(out.Name(), to)); err != nil {
		return 0, &failure{code: exitError, err: err}
	}
	return info.Size(), nil
}

func (a *app) sayWrapped(done wrapped, unwrapped bool) error {
	if a.output == "json" {
		return a.printJSON(done)
	}
	fmt.Fprintf(a.stdout, "wrote %s: %.1f MB\n", done.File, float64(done.Bytes)/1e6)
	if done.Bytes > layer.MaxDirect {
		fmt.Fprintf(a.stdout, "more than %d MB: upload it through S3\n", layer.MaxDirect>>20)
	}
	if !unwrapped {
		fmt.Fprintln(a.stdout, "set on the function: FIREDRILL_CONFIG, where its fault set is")
	}
	return nil
}
