package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/experiment"
)

// maxFile bounds what is read of any file that a user names.
const maxFile = 1 << 20

// inputs are the flags that say what an experiment file means here.
type inputs struct {
	vars     []string
	local    string
	endpoint string
	signing  signing
	labels   labels
	prices   prices
	guards   []experiment.Guards // of guards files
}

func (in *inputs) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&in.vars, "var", nil, "NAME=VALUE for ${NAME} in the file (repeatable; wins over the environment and vars:)")
	flags.StringVar(&in.local, "local", "", "functions file: run its functions on this machine for the experiment; sets ${api} and ${lambda}")
	flags.StringVar(&in.endpoint, "endpoint-url", "", "address of the Lambda API, such as a running \"firedrill local\" (default $AWS_ENDPOINT_URL_LAMBDA, then AWS)")
	_ = cmd.MarkFlagFilename("local", "yaml", "yml")
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	}
}

// values are the variables of --var.
func (in *inputs) values() (map[string]string, error) {
	vars := map[string]string{}
	for _, pair := range in.vars {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usage("write --var NAME=VALUE", "--var %q has no name and value", pair)
		}
		vars[name] = value
	}
	return vars, nil
}

// readFile reads a file that a user named, bounded.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, usage("", "read %s: %w", path, err)
	}
	if len(data) > maxFile {
		return nil, usage("experiment and functions files are text of a few kilobytes; is this the file you meant?", "%s is larger than %d bytes", path, maxFile)
	}
	return data, nil
}

// problems turns what is wrong with a file into one error, one problem a line.
func problems(file string, list []experiment.Problem) error {
	var errs []error
	for _, p := range list {
		if !p.Warning {
			errs = append(errs, errors.New(p.String()))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	noun := "problems"
	if len(errs) == 1 {
		noun = "problem"
	}
	return &failure{code: exitUsage, err: fmt.Errorf("%s: %d %s, nothing was done\n%w", file, len(errs), noun, errors.Join(errs...)), problems: list}
}

// parse reads and checks an experiment file.
func (a *app) parse(file string, vars map[string]string) (*experiment.Experiment, []byte, []experiment.Problem, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, nil, nil, err
	}
	x, found, err := a.parseText(file, data, vars, nil)
	return x, data, found, err
}

// parseText checks the text of an experiment file, with settings in place of what it says.
func (a *app) parseText(file string, data []byte, vars map[string]string, set []experiment.Setting) (*experiment.Experiment, []experiment.Problem, error) {
	x, found := experiment.Parse(data, experiment.Options{File: file, Vars: vars, Env: a.lookupEnv, Kinds: account.Kinds(), Set: set})
	return x, found, problems(file, found)
}

// warn prints the warnings among problems to standard error.
func (a *app) warn(list []experiment.Problem) {
	for _, p := range list {
		if p.Warning && a.output == "text" && !a.quiet {
			fmt.Fprintf(a.stderr, "firedrill: warning: %s\n", p.String())
		}
	}
}
