package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/report"
)

// The variables in which GitHub names the files of a step's summary and of its outputs, and what the summary takes.
const (
	stepOutput       = "GITHUB_OUTPUT"
	stepSummary      = "GITHUB_STEP_SUMMARY"
	stepSummaryMost  = 1 << 20
	betweenSummaries = "\n\n"
)

// outputs are what a pipeline reads of runs: files, and annotations of the experiment files.
type outputs struct {
	junit, markdown, sarif, quality, html string
	annotations                           string
	silenced                              string // the word that ends the silence of workflow commands
}

func (o *outputs) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.junit, "junit", "", "also write the outcome as JUnit XML to this file")
	flags.StringVar(&o.markdown, "markdown", "", "also add a summary as Markdown to this file")
	flags.StringVar(&o.sarif, "sarif", "", "also write what did not hold as SARIF 2.1.0 to this file")
	flags.StringVar(&o.quality, "codequality", "", "also write what did not hold as a GitLab code quality report to this file")
	flags.StringVar(&o.html, "html", "", "also write a page that leads to the reports to this file")
	flags.StringVar(&o.annotations, "annotations", "auto", "mark the lines that did not hold: github, none, or auto, which looks for GITHUB_ACTIONS")
	_ = cmd.RegisterFlagCompletionFunc("annotations", cobra.FixedCompletions([]string{"auto", "github", "none"}, cobra.ShellCompDirectiveNoFileComp))
}

// begin finds out what cannot be written before anything is run, and empties the files, so that none of a drill that is killed tells of
// the one before. On GitHub it also sees to it that nothing that is printed from now
// on, by a function or out of an experiment's texts, is taken for a command to the runner.
func (o *outputs) begin(a *app) error {
	for name, file := range map[string]string{"--junit": o.junit, "--markdown": o.markdown, "--sarif": o.sarif, "--codequality": o.quality, "--html": o.html} {
		if file == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return usage("make the folder first", "%s %s: there is no folder %s", name, file, filepath.Dir(file))
		}
		open := writeWith
		if name == "--markdown" {
			open = appendWith
		}
		if err := open(file, func(io.Writer) error { return nil }); err != nil {
			return usage("name a file that can be written", "%s: %w", name, err)
		}
	}
	switch o.annotations {
	case "none":
		return nil
	case "auto":
		if a.getenv("GITHUB_ACTIONS") != "true" {
			return nil
		}
	case "github":
	default:
		return usage("use github, none or auto", "unknown annotations %q", o.annotations)
	}
	word := make([]byte, 16)
	_, _ = rand.Read(word) // which never fails
	o.silenced = hex.EncodeToString(word)
	fmt.Fprintf(a.stderr, "::stop-commands::%s\n", o.silenced)
	return nil
}

// end writes everything. What cannot be written is an error of its own where the outcome is none; the outcome's exit code counts.
func (o *outputs) end(a *app, d report.Drill, outcome error) error {
	late := make(chan os.Signal, 1) // never read: a signal that comes now keeps nothing from being written
	signal.Notify(late, os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	defer signal.Stop(late)
	for i := range d {
		x := &d[i]
		if x.Result != nil && x.Result.Experiment != nil {
			x.File = x.Result.Experiment.File
		}
		if x.Path == "" {
			x.Path = a.inRepository(x.File)
		}
		if x.Result != nil && x.Report == "" {
			x.Report = a.whereReport(x.Result.Run)
			x.Link = o.link(a.runDir(x.Result.Run))
		}
	}
	err := o.write(a, d)
	if o.silenced != "" {
		if outcome != nil { // it may quote a hostile file
			outcome = &failure{code: a.report(outcome), err: outcome, silent: true}
		}
		fmt.Fprintf(a.stderr, "::%s::\n", o.silenced)
		err = errors.Join(err, report.Annotations(a.stderr, d))
	}
	if err != nil && outcome == nil {
		outcome, err = &failure{code: exitError, err: err}, nil
	}
	if err = errors.Join(err, a.stepOutputs(outcome)); err != nil {
		a.report(&failure{code: exitError, err: err})
	}
	return outcome
}

// link leads from the page of the drill to the report in a folder; empty where there is none.
func (o *outputs) link(dir string) string {
	page, err := filepath.Abs(o.html)
	if dir == "" || err != nil {
		return ""
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return ""
	}
	to, err := filepath.Rel(filepath.Dir(page), filepath.Join(dir, "report.html"))
	if err != nil {
		return ""
	}
	return (&url.URL{Path: filepath.ToSlash(to)}).String()
}

func (o *outputs) write(a *app, d report.Drill) error {
	var all error
	write := func(file string, render func(io.Writer) error) {
		if file != "" {
			all = errors.Join(all, writeWith(file, render))
		}
	}
	write(o.junit, func(w io.Writer) error { return report.JUnit(w, d) })
	write(o.sarif, func(w io.Writer) error { return report.SARIF(w, d, buildVersion()) })
	write(o.html, func(w io.Writer) error { return report.DrillHTML(w, d) })
	write(o.quality, func(w io.Writer) error { return report.CodeQuality(w, d) })
	if o.markdown != "" {
		all = errors.Join(all, addMarkdown(o.markdown, d, 0))
	}
	if file := a.getenv(stepSummary); file != "" && file != o.markdown {
		all = errors.Join(all, addMarkdown(file, d, roomIn(file)))
	}
	return all
}

// stepOutputs tells GitHub's workflow what came of a step, in words that are ours alone.
func (a *app) stepOutputs(outcome error) error {
	file := a.getenv(stepOutput)
	if file == "" {
		return nil
	}
	code := exitHeld
	switch f := (*failure)(nil); {
	case errors.As(outcome, &f):
		code = f.code
	case outcome != nil:
		code = exitUsage // as report has it
	}
	words := map[int]string{
		exitHeld: "held", exitError: "error", exitUsage: "invalid", exitDisproved: "disproved", exitUnsettled: "unsettled", exitStopped: "stopped",
		exitUndo: "undo-incomplete", exitInterrupted: "interrupted",
	}
	return appendWith(file, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "verdict=%s\nexit-code=%d\n", words[code], code)
		return err
	})
}

// roomIn is how many bytes a step's summary still takes.
func roomIn(file string) int {
	info, err := os.Stat(file)
	if err != nil {
		return stepSummaryMost
	}
	return max(stepSummaryMost-len(betweenSummaries)-int(min(info.Size(), stepSummaryMost)), 1)
}

// addMarkdown adds a summary to a file, with an empty line before it if there is anything: else a table would go on.
func addMarkdown(file string, d report.Drill, limit int) error {
	info, err := os.Stat(file)
	return appendWith(file, func(w io.Writer) error {
		if err == nil && info.Size() > 0 {
			if _, err := io.WriteString(w, betweenSummaries); err != nil {
				return err
			}
		}
		return report.Markdown(w, d, limit)
	})
}

// appendWith adds to a file, which may hold others' words.
func appendWith(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// unbegun is an experiment that has no result, and the error that says why.
func unbegun(file string, err error) report.Drilled {
	x := report.Drilled{File: file}
	f := (*failure)(nil)
	switch {
	case err == nil:
	case errors.As(err, &f) && f.code == exitInterrupted:
		x.NotRun = "interrupted"
	case errors.As(err, &f) && len(f.problems) > 0:
		x.Problems = f.problems
	default:
		x.Refused = err.Error()
		if f != nil {
			x.Hint = f.hint
		}
	}
	return x
}

// checkouts are the variables in which CI systems name the folder of the repository.
var checkouts = []string{"GITHUB_WORKSPACE", "CI_PROJECT_DIR", "CODEBUILD_SRC_DIR"}

// inRepository is a file's path relative to the root of its repository, with slashes; the path as it is where there is none.
func (a *app) inRepository(file string) string {
	real, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	real = resolved(real)
	for _, name := range checkouts {
		root := a.getenv(name)
		if root == "" {
			continue
		}
		if inside, ok := below(resolved(root), real); ok {
			return inside
		}
	}
	for root := filepath.Dir(real); ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
			inside, _ := below(root, real)
			return inside
		}
		if root == filepath.Dir(root) {
			return filepath.ToSlash(file)
		}
	}
}

func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// below is a path relative to a folder, if it is in it.
func below(folder, path string) (string, bool) {
	inside, err := filepath.Rel(folder, path)
	if err != nil || inside == ".." || strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(inside), true
}
