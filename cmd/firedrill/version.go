package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/experiment"
)

// version is set by release builds with -ldflags "-X main.version=v1.2.3".
var version string

// buildVersion is the release, the module version that "go install" used, or "development".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.output == "json" {
				return a.printJSON(map[string]string{"version": buildVersion(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.stdout, "firedrill %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

func (a *app) schemaCommand() *cobra.Command {
	guards := false
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of experiment files, for editors",
		Long: `Print the JSON Schema of experiment files or, with --guards, of guards files.

Editors that speak the YAML language server's convention use it with a first line of
  # yaml-language-server: $schema=./experiment.schema.json
after: firedrill schema > experiment.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text := experiment.Schema(account.Kinds())
			if guards {
				text = experiment.GuardsSchema()
			}
			_, err := a.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().BoolVar(&guards, "guards", false, "of guards files instead")
	return cmd
}
