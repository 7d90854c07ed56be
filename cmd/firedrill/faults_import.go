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

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// An imported document, for programs.
type imported struct {
	Format      string          `json:"format"`
	Problems    []fault.Problem `json:"problems"`
	Warnings    []fault.Problem `json:"warnings"`
	Document    json.RawMessage `json:"document"`
	Differences []string        `json:"differences"`
	Conditions  string          `json:"conditions,omitempty"` // of an experiment, in YAML
}

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
				if text, err = withFaultType(text, faultType); err != nil {
					return err
				}
			}
			in := importDocument(text)
			switch {
			case experiment:
				return a.importExperiment(text, in, target)
			case write != "":
				return a.importWrite(in, args[0], write)
			}
			if err := a.printImport(in); err != nil {
				return err
			}
			return in.failed(args[0], true)
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

// withFaultType makes an older document of chaos-lambda a newer one, which says what the decorator said.
func withFaultType(text []byte, faultType string) ([]byte, error) {
	var members map[string]json.RawMessage
	if fault.Translate(text).Format != fault.FormatChaosOlder || json.Unmarshal(text, &members) != nil {
		return nil, usage("", "--fault-type is for documents that have isEnabled and no fault_type")
	}
	kind, err := json.Marshal(faultType)
	if err != nil {
		return nil, err
	}
	if on, there := members["isEnabled"]; there {
		members["is_enabled"] = on
		delete(members, "isEnabled")
	}
	members["fault_type"] = kind
	return json.Marshal(members)
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

// formatFlags is a feature-flag profile of AppConfig as it is stored. Functions never see that form: AppConfig's
// extension hands out the values alone.
const formatFlags = "AppConfig feature flags"

// flagValues are the values of a stored feature-flag profile; ok is false if the document is something else.
func flagValues(text []byte) (values []byte, ok bool) {
	var stored struct {
		Flags, Values map[string]json.RawMessage
		Version       string
	}
	if json.Unmarshal(text, &stored) != nil || stored.Flags == nil || stored.Values == nil || stored.Version == "" {
		return nil, false
	}
	values, err := json.Marshal(stored.Values)
	return values, err == nil
}

// importDocument reads a document of any format.
func importDocument(text []byte) imported {
	if values, ok := flagValues(text); ok {
		in := importDocument(values)
		in.Format = formatFlags + " in " + in.Format
		return in
	}
	in := imported{Problems: []fault.Problem{}, Warnings: []fault.Problem{}, Document: json.RawMessage("{}"), Differences: []string{}}
	if envelope.Is(text) {
		in.Problems = append(in.Problems, fault.Problem{Field: "signatures", Message: "this is a signed fault set, not another tool's document", Hint: "firedrill faults verify FILE shows what is in it"})
		return in
	}
	_, problems := fault.Parse(text)
	for _, p := range problems {
		if p.Warning {
			in.Warnings = append(in.Warnings, p)
		} else {
			in.Problems = append(in.Problems, p)
		}
	}
	t := fault.Translate(text)
	in.Format = t.Format
	if document, err := t.Document(); err == nil {
		in.Document = document
	}
	in.Differences = orEmpty(behavesDifferently(t))
	return in
}

// failed is the error of a document that is wrong somewhere; said is true where its problems have been told.
func (in imported) failed(name string, said bool) error {
	if len(in.Problems) == 0 {
		return nil
	}
	var errs []error
	for _, p := range in.Problems {
		errs = append(errs, errors.New(p.String()))
	}
	return &failure{code: exitUsage, err: fmt.Errorf("%s: nothing was written\n%s", name, printable(errors.Join(errs...).Error())), silent: said}
}

func (a *app) printImport(in imported) error {
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

func (a *app) importWrite(in imported, name, path string) error {
	if err := in.failed(name, false); err != nil {
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

// importExperiment prints conditions. The set's own seed and sample_by become each condition's.
func (a *app) importExperiment(text []byte, in imported, target string) error {
	if err := in.failed("the document", false); err != nil {
		return err
	}
	if values, ok := flagValues(text); ok {
		text = values
	}
	t := fault.Translate(text)
	status := statusOf("", action.Content{Text: text, Exists: true}, time.Now())
	var on []faultStatus
	for _, f := range status.Faults {
		if f.Enabled && f.Percentage > 0 {
			on = append(on, f)
		}
	}
	if len(on) == 0 {
		return usage("switch on what the experiment should do", "no fault of the document is on")
	}
	in.Conditions = conditions(on, target, drillOf(t))
	if a.output == "json" {
		return a.printJSON(in)
	}
	_, err := io.WriteString(a.stdout, in.Conditions)
	return err
}
