package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/demo/kinds"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// functionsTemplate is the functions file beside the first experiment. ${self} is the running firedrill, which
// has a small function called hello inside.
const functionsTemplate = `# Lambda functions on this machine: firedrill local functions.yaml
version: 1

http:
  listen: 127.0.0.1:0          # 0: any free port; firedrill says which
  routes:
    GET /hello: hello

lambda:
  listen: 127.0.0.1:0

functions:
  hello:
    # Any executable that speaks the Lambda Runtime API. "${self}" is firedrill itself, which brings a small
    # function along so that this file works as it is. For your own: command: [./bin/myfunction], or go: ./cmd/myfunction
    command: ["${self}", demo, function, hello]
    timeout: 3s
    # layer: true              # for your functions: Firedrill's layer, faults for any runtime, no code change.
    #                          # (hello has the SDK, which stands aside behind the layer)
`

func (a *app) initCommand() *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a commented experiment to start from",
		Long: `Write experiment.yaml, commented line by line, and functions.yaml, a function to try it on.
With --kind, the experiment is the one that the documentation of that kind of fault shows, with its
functions. Existing files are never overwritten.`,
		Example: `  firedrill init
  firedrill init --kind latency drill
  firedrill run experiment.yaml --local functions.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			files, err := starters(kind)
			if err != nil {
				return err
			}
			return a.initialise(dir, files)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "kind of fault: "+strings.Join(kindNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func kindNames() (names []string) {
	for _, info := range fault.Kinds() {
		names = append(names, string(info.Kind))
	}
	return names
}

// A starter is a file to start from.
type starter struct {
	name string
	text []byte
}

// starters are the files to start from: the experiment first, then what it runs on.
func starters(kind string) ([]starter, error) {
	if kind == "" {
		return []starter{{"experiment.yaml", experiment.Template()}, {kinds.FunctionsFile, []byte(functionsTemplate)}}, nil
	}
	if !slices.Contains(kindNames(), kind) {
		return nil, usage("one of "+strings.Join(kindNames(), ", "), "%q is not a kind of fault", kind)
	}
	var files []starter
	for _, name := range []string{kind + ".yaml", kinds.FunctionsFile, kinds.LetterFile} {
		text, err := kinds.Files.ReadFile(name)
		if err != nil {
			return nil, &failure{code: exitError, err: err}
		}
		files = append(files, starter{name, text})
	}
	files[0].name = "experiment.yaml"
	return files, nil
}

// initialise writes the files, the experiment and its functions first, unless one of them is there.
func (a *app) initialise(dir string, files []starter) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &failure{code: exitError, err: err}
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.name)); err == nil {
			return usage("remove it first, or name another folder: firedrill init DIR", "%s exists already", filepath.Join(dir, f.name))
		}
	}
	var written []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := writeNew(path, f.text); err != nil {
			return &failure{code: exitError, err: err}
		}
		written = append(written, path)
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"written": written})
	}
	for _, path := range written {
		fmt.Fprintf(a.stdout, "wrote %s\n", path)
	}
	fmt.Fprintf(a.stdout, "next: firedrill run %s --local %s\n", written[0], written[1])
	return nil
}

// writeNew creates a file and fails if there is one already, even one that came a moment ago.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists already", path)
		}
		return err
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
