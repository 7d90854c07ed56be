package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
)

// The parts of SARIF 2.1.0 that a drill needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool            `json:"tool"`
		Invocations []sarifInvocation    `json:"invocations"`
		Bases       map[string]sarifBase `json:"originalUriBaseIds"`
		ColumnKind  string               `json:"columnKind"`
		Results     []sarifResult        `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID       string             `json:"id"`
		Name     string             `json:"name"`
		Short    sarifText          `json:"shortDescription"`
		Full     sarifText          `json:"fullDescription"`
		Help     sarifText          `json:"help"`
		Defaults sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifInvocation struct {
		Successful bool   `json:"executionSuccessful"`
		Start      string `json:"startTimeUtc,omitempty"`
		End        string `json:"endTimeUtc,omitempty"`
	}
	sarifBase struct {
		Description sarifText `json:"description"`
	}
	sarifResult struct {
		Rule         string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Properties   map[string]string `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sourceRoot  = "%SRCROOT%"
)

// SARIF writes what a drill has to say in the Static Analysis Results Interchange Format 2.1.0: a rule for each outcome that does not
// hold, a result for each line that it points at. version is that of the program, and may be empty.
func SARIF(w io.Writer, d Drill, version string) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "Firedrill", Version: version, Rules: sarifRules()}},
		Invocations: []sarifInvocation{sarifInvocationOf(d)},
		Bases:       map[string]sarifBase{sourceRoot: {sarifText{"The root of the repository."}}},
		ColumnKind:  "unicodeCodePoints",
		Results:     []sarifResult{},
	}
	all, of := remarksOf(d)
	for i, m := range all {
		run.Results = append(run.Results, sarifResultOf(m, of[i]))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

func sarifRules() []sarifRule {
	var out []sarifRule
	for _, r := range rules {
		out = append(out, sarifRule{
			ID: r.id, Name: strings.ReplaceAll(r.name, " ", ""), Short: sarifText{r.name + "."}, Full: sarifText{r.means}, Help: sarifText{r.todo},
			Defaults: sarifConfiguration{r.level()},
		})
	}
	return out
}

func (r rule) level() string {
	if r.loud {
		return "error"
	}
	return "warning"
}

func sarifResultOf(m remark, of Drilled) sarifResult {
	properties := map[string]string{"experiment": of.title()}
	if m.subject != "" {
		properties["subject"] = m.subject
	}
	if m.run != "" {
		properties["run"] = m.run
	}
	return sarifResult{
		Rule: m.rule.id, RuleIndex: ruleIndex(m.rule.id), Level: m.rule.level(), Message: sarifText{m.title(of) + ": " + m.message},
		Locations:    []sarifLocation{{sarifPhysical{artifact(m.path), sarifRegion{max(m.line, 1)}}}},
		Fingerprints: map[string]string{"firedrill/v1": m.fingerprint()},
		Properties:   properties,
	}
}

// artifact is where a file is: below the root of the repository, unless its path is absolute.
func artifact(path string) sarifArtifact {
	if strings.HasPrefix(path, "/") {
		return sarifArtifact{URI: (&url.URL{Scheme: "file", Path: path}).String()}
	}
	return sarifArtifact{URI: (&url.URL{Path: path}).String(), Base: sourceRoot}
}

func sarifInvocationOf(d Drill) sarifInvocation {
	i := sarifInvocation{Successful: true}
	var from, to time.Time
	for _, x := range d {
		i.Successful = i.Successful && (x.Result != nil && x.Result.Verdict != "error" && len(x.Result.Residue) == 0)
		for _, r := range append([]*engine.Result{x.Result}, x.Earlier...) {
			if r == nil {
				continue
			}
			if from.IsZero() || r.Started.Before(from) {
				from = r.Started
			}
			if r.Ended.After(to) {
				to = r.Ended
			}
		}
	}
	if !from.IsZero() {
		i.Start, i.End = from.UTC().Format(sarifTime), to.UTC().Format(sarifTime)
	}
	return i
}

const sarifTime = "2006-01-02T15:04:05.000Z"
