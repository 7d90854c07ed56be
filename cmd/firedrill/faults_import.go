package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/reading"
)

func (a *app) faultsImportCommand() *cobra.Command {
	var write, target, faultType string
	var experiment bool
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Show how a document of another tool reads",
		Long: `Show how a fault document of failure-lambda (0.x and 1.x) or of Python's chaos-lambda reads: its format, what is wrong
with it, the same as a fault set of Firedrill, and what behaves differently. Functions read such documents as they are;
importing is for those who want to see, or to leave the old format behind. A "-" is standard input.`,
		Example: `  firedrill faults import failure.json
  aws ssm get-parameter --name failureLambdaConfig --query Parameter.Value --output text | firedrill faults import -
  firedrill faults import failure.json --experiment --lambda inventory`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := a.readDocument(args[0])
			if err != nil {
				return err
			}
			if faultType != "" {
				if text, err = reading.WithFaultType(text, faultType); err != nil {
					return usage("", "--fault-type %w", err)
				}
			}
			in := reading.Import(text)
			switch {
			case experiment:
				return a.importExperiment(text, in, target)
			case write != "":
				return a.importWrite(in, args[0], write)
			}
			if err := a.printImport(in); err != nil {
				return err
			}
			return importFailed(in, args[0], true)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&write, "write", "", "write the fault set to a new file")
	flags.BoolVar(&experiment, "experiment", false, "print the conditions of an experiment that does the same")
	flags.StringVar(&target, "lambda", "FUNCTION", "with --experiment: the function that the conditions name")
	flags.StringVar(&faultType, "fault-type", "", "for documents of chaos-lambda that do not say: latency, exception or status_code, as the decorator in the code did")
	_ = cmd.RegisterFlagCompletionFunc("fault-type", cobra.FixedCompletions([]string{"latency", "exception", "status_code"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagsMutuallyExclusive("write", "experiment")
	return cmd
}

// readDocument reads a file, or standard input.
func (a *app) readDocument(name string) ([]byte, error) {
	if name != "-" {
		return readFile(name)
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, maxFile+1))
	if err != nil {
		return nil, usage("", "read standard input: %w", err)
	}
	if len(text) > maxFile {
		return nil, usage("", "standard input is larger than %d bytes", maxFile)
	}
	return text, nil
}

// importFailed is the error of a document that is wrong somewhere; said is true where its problems have been told.
func importFailed(in reading.Imported, name string, said bool) error {
	if len(in.Problems) == 0 {
		return nil
	}
	var errs []error
	for _, p := range in.Problems {
		errs = append(errs, errors.New(p.String()))
	}
	return &failure{code: exitUsage, err: fmt.Errorf("%s: nothing was written\n%s", name, printable(errors.Join(errs...).Error())), silent: said}
}

func (a *app) printImport(in reading.Imported) error {
	if a.output == "json" {
		return a.printJSON(in)
	}
	w := &strings.Builder{}
	if in.Format == "" {
		fmt.Fprintln(w, "format: not a fault document")
	} else {
		fmt.Fprintf(w, "format: %s\n", in.Format)
	}
	for _, p := range in.Problems {
		fmt.Fprintf(w, "problem: %s\n", p)
	}
	for _, p := range in.Warnings {
		fmt.Fprintf(w, "warning: %s\n", p)
	}
	fmt.Fprintf(w, "\n%s\n", indented(in.Document))
	if len(in.Differences) > 0 {
		fmt.Fprintln(w, "\nwhat behaves differently:")
	}
	for _, d := range in.Differences {
		fmt.Fprintf(w, "- %s\n", d)
	}
	return a.printText(w)
}

// indented is a document as people read it.
func indented(document json.RawMessage) []byte {
	var text bytes.Buffer
	if err := json.Indent(&text, document, "", "  "); err != nil {
		return document
	}
	return text.Bytes()
}

func (a *app) importWrite(in reading.Imported, name, path string) error {
	if err := importFailed(in, name, false); err != nil {
		return err
	}
	if err := writeNew(path, append(indented(in.Document), '\n')); err != nil {
		return &failure{code: exitUsage, err: err, hint: "name a new file"}
	}
	if a.output == "json" {
		return a.printJSON(in)
	}
	fmt.Fprintf(a.stdout, "wrote %s (from %s)\n", path, in.Format)
	return nil
}

// importExperiment prints conditions.
func (a *app) importExperiment(text []byte, in reading.Imported, target string) error {
	if err := importFailed(in, "the document", false); err != nil {
		return err
	}
	if in.Conditions = reading.Conditions(text, target, time.Now()); in.Conditions == "" {
		return usage("switch on what the experiment should do", "no fault of the document is on")
	}
	if a.output == "json" {
		return a.printJSON(in)
	}
	_, err := io.WriteString(a.stdout, in.Conditions)
	return err
}
