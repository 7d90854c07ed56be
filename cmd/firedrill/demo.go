package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/demo"
	"github.com/firedrill-dev/firedrill/demo/kinds"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

func (a *app) demoCommand() *cobra.Command {
	var logs string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole loop on this machine: nothing to install, no account",
		Long: `Start a small shop as real Lambda functions on this machine, break it three times, and say each
time what its customers felt. Takes about a minute and a quarter; Ctrl-C ends it and puts everything back.

Exit code 0 when each experiment came out as the story says.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logw, closeLogs, err := openLogs(logs)
			if err != nil {
				return err
			}
			defer closeLogs()
			dir, err := a.unpackDemo()
			if err != nil {
				return &failure{code: exitError, err: err}
			}
			return a.demo(cmd.Context(), dir, func(ctx context.Context, file string) (*engine.Result, error) {
				return a.runFile(ctx, file, inputs{local: filepath.Join(dir, demo.FunctionsFile)}, logw)
			})
		},
	}
	cmd.Flags().StringVar(&logs, "logs", "", "write the functions' logs to this file, or - for standard error")
	cmd.AddCommand(a.demoFunctionCommand())
	return cmd
}

// demoFunctionCommand is one function of the demo: what the local host starts.
func (a *app) demoFunctionCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "function NAME",
		Short:  "Be a Lambda function of the demo",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			handler, err := demoFunction(args[0])
			if err != nil {
				return err
			}
			lambda.StartWithOptions(handler, lambda.WithContext(cmd.Context()))
			return nil
		},
	}
}

// demoFunction finds the handler of a function, as its owners would pass it to lambda.Start.
func demoFunction(name string) (any, error) {
	if handler, ok := demo.Function(name, os.Getenv); ok {
		if demo.WithSDK(name) {
			handler = firedrill.Wrap(handler)
		}
		return handler, nil
	}
	handler, err := kinds.Function(name, os.Getenv)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	return firedrill.Wrap(handler), nil
}

// unpackDemo writes the demo's files into the state folder, where they can be read, changed and run again.
func (a *app) unpackDemo() (string, error) {
	dir := filepath.Join(a.localFolder(), "demo")
	err := fs.WalkDir(demo.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := fs.ReadFile(demo.Files, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		return "", fmt.Errorf("unpack the demo: %w", err)
	}
	return dir, nil
}

// An act is one experiment of the story as it came out.
type act struct {
	Title    string `json:"title"`
	Run      string `json:"run"`
	Expected string `json:"expected"`
	Verdict  string `json:"verdict"`
	Reason   string `json:"reason"`
	Report   string `json:"report"`
	AsTold   bool   `json:"as_told"`
}

// demo plays the story with run, act by act.
func (a *app) demo(ctx context.Context, dir string, run func(context.Context, string) (*engine.Result, error)) error {
	var acts []act
	for i, part := range demo.Story() {
		a.tell("\n%d. %s\n", i+1, strings.TrimSpace(paragraph(part.Before, "   ")))
		result, err := run(ctx, filepath.Join(dir, filepath.FromSlash(part.File)))
		if err != nil {
			return err
		}
		if a.output == "text" {
			a.tell("\n")
			if err := report.Text(a.stdout, result, a.style()); err != nil {
				return &failure{code: exitError, err: err}
			}
		}
		played := act{
			Title: result.Experiment.Title, Run: result.Run, Expected: part.Expect, Verdict: string(result.Verdict),
			Reason: result.Reason, Report: a.whereReport(result.Run), AsTold: part.Expect == string(result.Verdict),
		}
		acts = append(acts, played)
		if code := exitCode(result); code == exitUndo || code == exitInterrupted || code == exitStopped {
			return &failure{code: code, err: fmt.Errorf("%s: %s", result.Experiment.Title, result.Reason), hint: "firedrill status"}
		}
		if played.AsTold {
			a.tell("\n%s\n", paragraph(part.Lesson, "   "))
		} else {
			a.tell("\n   The story expected %q here. A machine under load can do that: look at the report.\n", part.Expect)
		}
	}
	return a.curtain(acts)
}

// tell narrates, on standard output, to people.
func (a *app) tell(format string, args ...any) {
	if a.output == "text" {
		fmt.Fprintf(a.stdout, format, args...)
	}
}

// paragraph breaks a text into indented lines that fit a terminal.
func paragraph(text, indent string) string {
	const width = 96
	line, lines := indent, []string{}
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = indent
		}
		line += word + " "
	}
	return strings.Join(append(lines, strings.TrimRight(line, " ")), "\n")
}

// curtain ends the demo: the reports, and what to try next.
func (a *app) curtain(acts []act) error {
	var surprises []string
	for _, played := range acts {
		if !played.AsTold {
			surprises = append(surprises, fmt.Sprintf("%s: %s instead of %s", played.Title, played.Verdict, played.Expected))
		}
	}
	if a.output == "json" {
		if err := a.printJSON(map[string]any{"as_told": len(surprises) == 0, "experiments": acts}); err != nil {
			return err
		}
	}
	a.tell("\nThe reports, with charts:\n")
	for _, played := range acts {
		a.tell("  %-13s %s\n", played.Verdict, played.Report)
	}
	a.tell("\nNext: an experiment of your own, on a function of your own:\n  firedrill init drills\n")
	if len(surprises) > 0 {
		return &failure{code: exitError, err: errors.New("not every experiment came out as the story says: " + strings.Join(surprises, "; "))}
	}
	return nil
}
