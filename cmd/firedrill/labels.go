package main

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/history"
)

// labels are the flags that say what is under test, and where: what runs are compared by.
type labels struct {
	pairs       []string
	release     string
	environment string
}

func (l *labels) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&l.pairs, "label", nil, "NAME=VALUE that the run's history keeps (repeatable); the names version and environment are those of --release and --environment")
	flags.StringVar(&l.release, "release", "", "the version under test (default: what the CI system says)")
	flags.StringVar(&l.environment, "environment", "", "where it is tested, such as staging (default $FIREDRILL_ENVIRONMENT, then what the CI system says)")
}

// Limits of labels, which every report repeats.
const (
	maxLabels     = 20
	maxLabelValue = 200
)

var labelName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,40}$`)

// ciVersions and ciEnvironments are the variables in which CI systems say what they test, the best first.
var (
	ciVersions     = []string{"FIREDRILL_RELEASE", "CI_COMMIT_TAG", "GITHUB_SHA", "CI_COMMIT_SHA", "CODEBUILD_RESOLVED_SOURCE_VERSION"}
	ciEnvironments = []string{"FIREDRILL_ENVIRONMENT", "CI_ENVIRONMENT_NAME"}
	ciBranches     = []string{"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"}
)

// all are the labels of a run. What is said by flag counts more than what the environment says; here tells that the functions are on this machine.
func (l *labels) all(getenv func(string) string, here bool) (map[string]string, error) {
	out := map[string]string{}
	set := func(name, value string) {
		if value = strings.TrimSpace(value); value != "" {
			out[name] = value
		}
	}
	found := func(name, value string) { // names of branches and tags may be longer than a label
		if fitsLabel(value) {
			set(name, value)
		}
	}
	found("branch", first(getenv, ciBranches))
	set(history.LabelVersion, first(getenv, ciVersions))
	if getenv("GITHUB_REF_TYPE") == "tag" && getenv("FIREDRILL_RELEASE") == "" {
		found(history.LabelVersion, getenv("GITHUB_REF_NAME"))
	}
	if here {
		set(history.LabelEnvironment, "local")
	}
	set(history.LabelEnvironment, first(getenv, ciEnvironments))
	for _, pair := range l.pairs {
		name, value, err := parseLabel(pair)
		if err != nil {
			return nil, err
		}
		set(name, value)
	}
	set(history.LabelVersion, l.release)
	set(history.LabelEnvironment, l.environment)
	for name, value := range out {
		if !fitsLabel(value) {
			return nil, usage("a version, a name", "label %s: %.40q is longer than %d bytes, or has more than one line", name, value, maxLabelValue)
		}
	}
	if len(out) > maxLabels {
		return nil, usage("every report repeats them", "%d labels are more than %d", len(out), maxLabels)
	}
	return out, nil
}

func fitsLabel(value string) bool {
	return len(value) <= maxLabelValue && !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// parseLabel reads one --label.
func parseLabel(pair string) (name, value string, err error) {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || strings.TrimSpace(value) == "" {
		return "", "", usage("write --label NAME=VALUE", "--label %q has no name and value", pair)
	}
	if !labelName.MatchString(name) {
		return "", "", usage("small letters, digits and . _ - after a letter", "--label %q: %q is no name for a label", pair, name)
	}
	if name == "env" {
		name = history.LabelEnvironment
	}
	return name, value, nil
}

// first is the first of some variables that is set.
func first(getenv func(string) string, names []string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// identity is where an experiment's file is in its repository, or from the working folder where there is none: its history goes by it, on
// whatever machine the repository is.
func identity(file string) string {
	full, err := filepath.Abs(file)
	if err != nil || file == "" {
		return file
	}
	root, _ := os.Getwd()
	for dir := filepath.Dir(full); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			root = dir
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if inside, err := filepath.Rel(cmp.Or(root, "."), full); err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		full = inside
	}
	return filepath.ToSlash(full)
}
