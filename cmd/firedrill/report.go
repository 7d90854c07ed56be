package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

// formats are what "report" can render.
var reportFormats = []string{"text", "json", "html", "junit", "markdown"}

// style says how text may look on standard output.
func (a *app) style() report.Style {
	style := report.Style{Width: 100}
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		style.Color = a.colors()
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 40 {
			style.Width = width
		}
	}
	return style
}

func (a *app) reportCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Show a finished run again",
		Long: `Show a finished run: RUN is its id, the beginning of it, or "latest" (the default).
The HTML report is a file of its own where the state is in a folder; this command says where, or renders it anew.`,
		Example: `  firedrill report
  firedrill report latest --format html > report.html`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := "latest"
			if len(args) == 1 {
				ref = args[0]
			}
			state, err := a.openState(cmd.Context())
			if err != nil {
				return err
			}
			run, err := state.Find(cmd.Context(), ref)
			if err != nil {
				return refused(exitUsage, err)
			}
			result, err := state.Report(cmd.Context(), run)
			if err != nil {
				return refused(exitUsage, err)
			}
			if a.output == "json" && !cmd.Flags().Changed("format") {
				format = "json"
			}
			if err := a.render(result, format); err != nil {
				return err
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&format, "format", "f", "text", "text, json, html, junit or markdown")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(reportFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) render(result *engine.Result, format string) error {
	render := map[string]func(io.Writer) error{
		"text": func(w io.Writer) error {
			if err := report.Text(w, result, a.style()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "\nreport: %s\n", a.whereReport(result.Run))
			return err
		},
		"json":     func(w io.Writer) error { return report.JSON(w, result) },
		"html":     func(w io.Writer) error { return report.HTML(w, result) },
		"junit":    func(w io.Writer) error { return report.JUnit(w, report.Of(result)) },
		"markdown": func(w io.Writer) error { return report.Markdown(w, report.Of(result), 0) },
	}[format]
	if render == nil {
		return usage("use text, json, html, junit or markdown", "unknown format %q", format)
	}
	if err := render(a.stdout); err != nil {
		return &failure{code: exitError, err: err}
	}
	return nil
}
