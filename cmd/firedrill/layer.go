package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/deploy/layer"
	"github.com/firedrill-dev/firedrill/deploy/layer/preload"
)

const hintProxy = "install Go, or name a firedrill-proxy that has been built: --proxy FILE"

func (a *app) layerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "layer",
		Short: "Build and publish the Lambda layer, and wrap function packages",
		Long: `The layer puts faults into functions in any language without touching their code.

  build     a zip for each architecture
  publish   a version of the layer from each zip
  wrap      for Go, Rust and others whose runtime is provided.al2023: a function's own package,
            with the proxy in front of its bootstrap`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.layerBuildCommand(), a.layerPublishCommand(), a.layerWrapCommand())
	return cmd
}

// builtLayer is what is said about a zip.
type builtLayer struct {
	Architecture layer.Arch `json:"architecture"`
	File         string     `json:"file"`
	Bytes        int        `json:"bytes"`
	ProxyBytes   int        `json:"proxy_bytes"`
	PreloadBytes int        `json:"preload_bytes"` // 0: there is no preload library in it
}

// layerBuild is one run of "firedrill layer build".
type layerBuild struct {
	programs programs
	to       string
}

func (a *app) layerBuildCommand() *cobra.Command {
	var arches []string
	var b layerBuild
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the zip of the layer, one for each architecture",
		Long: `Build firedrill-layer-x86_64.zip and firedrill-layer-arm64.zip. The proxy in them is compiled by the go
command: in a checkout of Firedrill from that, elsewhere from this release. The same source and the same go command
make the same zip, byte for byte.`,
		Example: "  firedrill layer build\n  firedrill layer build --arch arm64 --to dist",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := parseArches(arches)
			if err != nil {
				return err
			}
			if b.programs.file != "" && len(list) != 1 {
				return usage("name its architecture: --arch x86_64 or --arch arm64", "one proxy cannot be for several architectures")
			}
			if err := os.MkdirAll(b.to, 0o755); err != nil {
				return &failure{code: exitError, err: err}
			}
			var built []builtLayer
			for _, arch := range list {
				one, err := b.one(cmd.Context(), arch)
				if err != nil {
					return err
				}
				built = append(built, one)
			}
			return a.sayBuilt(built)
		},
	}
	cmd.Flags().StringSliceVar(&arches, "arch", []string{string(layer.X86), string(layer.ARM64)}, "x86_64 (amd64), arm64")
	_ = cmd.RegisterFlagCompletionFunc("arch", completeArch)
	cmd.Flags().StringVar(&b.to, "to", ".", "folder for the zips")
	b.programs.flags(cmd)
	return cmd
}

func parseArches(names []string) (list []layer.Arch, err error) {
	for _, name := range names {
		arch, err := layer.ParseArch(name)
		if err != nil {
			return nil, &failure{code: exitUsage, err: err}
		}
		list = append(list, arch)
	}
	return list, nil
}

func (b *layerBuild) one(ctx context.Context, arch layer.Arch) (builtLayer, error) {
	contents, err := b.programs.contents(ctx, arch)
	if err != nil {
		return builtLayer{}, err
	}
	var content bytes.Buffer
	if err := contents.Write(&content); err != nil {
		return builtLayer{}, &failure{code: exitUsage, err: err}
	}
	path := filepath.Join(b.to, layer.FileName(arch))
	if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil {
		return builtLayer{}, &failure{code: exitError, err: err}
	}
	return builtLayer{arch, path, content.Len(), len(contents.Proxy), len(contents.Preload)}, nil
}

func (a *app) sayBuilt(built []builtLayer) error {
	if a.output == "json" {
		return a.printJSON(built)
	}
	for _, b := range built {
		with := "no preload library"
		if b.PreloadBytes > 0 {
			with = fmt.Sprintf("preload library %.0f kB", float64(b.PreloadBytes)/1e3)
		}
		fmt.Fprintf(a.stdout, "%s: %.1f MB (proxy %.1f MB, %s)\n", b.File, float64(b.Bytes)/1e6, float64(b.ProxyBytes)/1e6, with)
	}
	next := "next: firedrill layer publish"
	for _, b := range built {
		if filepath.Dir(b.File) != "." { // publish looks in this folder
			next += " " + b.File
		}
	}
	fmt.Fprintln(a.stdout, next)
	return nil
}

// programs says where those of a layer, or of a wrapped package, come from.
type programs struct {
	file      string // --proxy
	noPreload bool
	compilers map[string]string // of C, where the usual ones will not do
	source    string            // found once
}

func (p *programs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "proxy", "", "take this firedrill-proxy instead of compiling one")
	cmd.Flags().BoolVar(&p.noPreload, "no-preload", false, "leave out the library that denylist needs")
	cmd.Flags().StringToStringVar(&p.compilers, "cc", nil, "C compiler for the library that denylist needs, ARCH=COMPILER; without it cc and GCC's cross compilers")
}

// completeArch offers the architectures of Lambda.
func completeArch(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{string(layer.X86), string(layer.ARM64)}, cobra.ShellCompDirectiveNoFileComp
}

// contents are the programs for an architecture.
func (p *programs) contents(ctx context.Context, arch layer.Arch) (c layer.Contents, err error) {
	c.Arch = arch
	if c.Proxy, err = p.proxy(ctx, arch); err != nil || p.noPreload {
		return c, err
	}
	c.Preload, err = p.library(ctx, arch)
	return c, err
}

// proxy returns the proxy's program for an architecture.
func (p *programs) proxy(ctx context.Context, arch layer.Arch) ([]byte, error) {
	if p.file != "" {
		program, err := os.ReadFile(p.file)
		if err != nil {
			return nil, &failure{code: exitUsage, err: err}
		}
		return program, nil
	}
	tools, err := layer.FindToolchain(os.Environ())
	if err != nil {
		return nil, &failure{code: exitError, err: err, hint: hintProxy}
	}
	if p.source == "" {
		if p.source, err = tools.Source(ctx, ".", buildVersion()); err != nil {
			hint := hintProxy
			if errors.Is(err, layer.ErrNoSource) {
				hint = "run it in a checkout, or name a firedrill-proxy that has been built: --proxy FILE"
			}
			return nil, &failure{code: exitError, err: err, hint: hint}
		}
	}
	program, err := tools.Compile(ctx, p.source, arch)
	if err != nil {
		return nil, &failure{code: exitError, err: err, hint: hintProxy}
	}
	return program, nil
}

// library compiles what denylist needs.
func (p *programs) library(ctx context.Context, arch layer.Arch) ([]byte, error) {
	compiler := preload.Compiler(runtime.GOARCH, arch.GoArch())
	for name, cc := range p.compilers {
		named, err := layer.ParseArch(name)
		if err != nil {
			return nil, usage("--cc arm64=aarch64-linux-gnu-gcc", "--cc: %w", err)
		}
		if named == arch {
			compiler = cc
		}
	}
	dir, err := os.MkdirTemp("", "firedrill-preload")
	if err != nil {
		return nil, &failure{code: exitError, err: err}
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, layer.Preload)
	if err := preload.Build(ctx, compiler, arch.GoArch(), out); err != nil {
		return nil, &failure{code: exitError, err: err, hint: "name a C compiler for it: --cc " + string(arch) + "=COMPILER; or leave out what denylist needs: --no-preload"}
	}
	library, err := os.ReadFile(out)
	if err != nil {
		return nil, &failure{code: exitError, err: err}
	}
	return library, nil
}

// openZip reads a zip file.
func openZip(path string) (*zip.ReadCloser, error) {
	in, err := zip.OpenReader(path)
	if err != nil {
		return nil, usage("", "%s: %w", path, cause(err))
	}
	return in, nil
}

// cause is an error without the name of the file that it is about.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// beside is a file's name with something between its stem and its extension.
func beside(path, what string) string {
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + what + ext
}
