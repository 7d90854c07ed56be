package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const ciFunctions = `version: 1
lambda: {listen: 127.0.0.1:0}
functions:
  hello: {command: ["${self}", demo, function, hello], timeout: 9s}
`

const ciBroken = `version: 1
title: Errors are not
objective: It answers without errors
load:
  greetings: {lambda: hello, body: '{}', rate: 20/s}
measures:
  - {name: errors, of: load.greetings, expect: error_rate < 50%}
conditions:
  - {name: broken, fault: exception, target: {lambda: hello}}
phases: {baseline: 2s, fault: 2s, recovery: 2s}
`

// A job is a machine of a CI system: a checkout, a folder for temporary files, and what the system sets in the environment.
type job struct {
	t         *testing.T
	workspace string
	temp      string
	path      []string
	env       map[string]string
}

// installed is the folder of a firedrill that deploy/ci/install.sh has built.
func installed(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the steps are for bash")
	}
	bin := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "../../deploy/ci/install.sh")
	cmd.Env = append(os.Environ(), "FIREDRILL_BIN="+bin, "GITHUB_PATH="+filepath.Join(bin, "path"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "firedrill ") {
		t.Fatalf("%v\n%s", err, out)
	}
	if line, err := os.ReadFile(filepath.Join(bin, "path")); err != nil || strings.TrimSpace(string(line)) != bin {
		t.Errorf("GITHUB_PATH holds %q (%v)", line, err)
	}
	return bin
}

func newJob(t *testing.T, bin string, files map[string]string) *job {
	t.Helper()
	j := &job{t: t, workspace: t.TempDir(), temp: t.TempDir(), path: []string{bin}, env: map[string]string{"HOME": t.TempDir()}}
	for name, text := range files {
		file := filepath.Join(j.workspace, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// command runs a script as CI systems do: a file for bash, which ends at the first error.
func (j *job) command(ctx context.Context, script string, env map[string]string) *exec.Cmd {
	j.t.Helper()
	f, err := os.CreateTemp(j.temp, "step*.sh")
	if err != nil {
		j.t.Fatal(err)
	}
	if _, err := f.WriteString(script); err != nil || f.Close() != nil {
		j.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", f.Name())
	cmd.Dir = j.workspace
	cmd.Env = []string{"PATH=" + strings.Join(append(j.path, os.Getenv("PATH")), string(os.PathListSeparator))}
	for _, vars := range []map[string]string{j.env, env} {
		for name, value := range vars {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

func (j *job) run(script string, env map[string]string) (output string, code int) {
	j.t.Helper()
	out, err := j.command(j.t.Context(), script, env).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		j.t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return string(out), code
}

func (j *job) holds(file, text string) {
	j.t.Helper()
	data, err := os.ReadFile(filepath.Join(j.workspace, file))
	if err != nil || !strings.Contains(string(data), text) {
		j.t.Errorf("%s does not hold %q (%v):\n%s", file, text, err, data)
	}
}

// A compositeAction is GitHub's description of a composite one.
type compositeAction struct {
	Inputs map[string]struct {
		Description string
		Default     string
	}
	Outputs map[string]struct{ Description, Value string }
	Runs    struct {
		Using string
		Steps []compositeStep
	}
}

type compositeStep struct {
	Name, ID, If, Shell, Run string
	Folder                   string `yaml:"working-directory"`
	Env                      map[string]string
}

// A github runs the steps of our composite action. It knows the expressions that the action has, and fails on any other.
type github struct {
	*job
	action   compositeAction
	inputs   map[string]string
	outputs  map[string]map[string]string
	outcomes map[string]string
	log      strings.Builder
}

func newGitHub(j *job, inputs map[string]string) *github {
	j.t.Helper()
	text, err := os.ReadFile("../../deploy/ci/github/action.yml")
	if err != nil {
		j.t.Fatal(err)
	}
	g := &github{job: j, inputs: map[string]string{}, outputs: map[string]map[string]string{}, outcomes: map[string]string{}}
	if err := yaml.UnmarshalWithOptions(text, &g.action); err != nil {
		j.t.Fatal(err)
	}
	for name, input := range g.action.Inputs {
		g.inputs[name] = input.Default
	}
	for name, value := range inputs {
		if _, ok := g.inputs[name]; !ok {
			j.t.Fatalf("the action has no input %s", name)
		}
		g.inputs[name] = value
	}
	path, err := filepath.Abs("../../deploy/ci/github")
	if err != nil {
		j.t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": j.workspace, "GITHUB_ACTION_PATH": path, "RUNNER_TEMP": j.temp,
		"GITHUB_STEP_SUMMARY": filepath.Join(j.temp, "summary"), "GITHUB_OUTPUT": filepath.Join(j.temp, "output"),
	} {
		j.env[name] = value
	}
	return g
}

var expression = regexp.MustCompile(`\$\{\{ (.*?) \}\}`)

// expand replaces the expressions of a text.
func (g *github) expand(text string) string {
	return expression.ReplaceAllStringFunc(text, func(found string) string {
		for term := range strings.SplitSeq(expression.FindStringSubmatch(found)[1], " || ") {
			if value := g.value(term); value != "" {
				return value
			}
		}
		return ""
	})
}

func (g *github) value(term string) string {
	words := strings.Split(term, ".")
	switch {
	case term == "runner.temp":
		return g.temp
	case len(words) == 2 && words[0] == "inputs":
		if value, ok := g.inputs[words[1]]; ok {
			return value
		}
	case len(words) == 2 && words[0] == "env":
		return g.env[words[1]]
	case len(words) == 4 && words[0] == "steps" && words[2] == "outputs":
		return g.outputs[words[1]][words[3]]
	}
	g.t.Fatalf("unknown expression %q", term)
	return ""
}

// wanted says whether a step runs after what came before it.
func (g *github) wanted(step compositeStep, failed bool) bool {
	if step.If == "" {
		return !failed
	}
	for term := range strings.SplitSeq(expression.FindStringSubmatch(step.If)[1], " && ") {
		name, isOutcome := strings.CutSuffix(term, ".outcome == 'success'")
		switch {
		case term == "always()":
		case isOutcome:
			if g.outcomes[strings.TrimPrefix(name, "steps.")] != "success" {
				return false
			}
		default:
			g.t.Fatalf("unknown condition %q", term)
		}
	}
	return true
}

// steps runs them all but those of skip, by their ids. meet may end a step that goes on.
func (g *github) steps(skip []string, meet func(*exec.Cmd)) (code int) {
	g.t.Helper()
	for _, id := range skip {
		g.outcomes[id] = "success"
	}
	for _, step := range g.action.Runs.Steps {
		if slices.Contains(skip, step.ID) || !g.wanted(step, code != 0) {
			continue
		}
		env := map[string]string{}
		for name, text := range step.Env {
			env[name] = g.expand(text)
		}
		cmd := g.command(g.t.Context(), step.Run, env)
		cmd.Dir = filepath.Join(g.workspace, g.expand(step.Folder))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			g.t.Fatal(err)
		}
		if meet != nil && step.ID == "drill" {
			meet(cmd)
		}
		err := cmd.Wait()
		g.outcomes[step.ID] = "success"
		fmt.Fprintf(&g.log, "== %s: %v\n%s", step.Name, err, out.String())
		if err != nil {
			g.outcomes[step.ID] = "failure"
			if code == 0 {
				code = cmd.ProcessState.ExitCode()
			}
		}
		g.outputs[step.ID] = g.takeOutputs()
	}
	return code
}

// takeOutputs reads what a step has told, one NAME=VALUE a line.
func (g *github) takeOutputs() map[string]string {
	out := map[string]string{}
	file := g.env["GITHUB_OUTPUT"]
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return out
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		out[name] = value
	}
	_ = os.Remove(file)
	return out
}

func (g *github) output(name string) string { return g.expand(g.action.Outputs[name].Value) }

// TestPipelineSteps runs what deploy/ci has for CI systems, with a firedrill that its own script has built.
func TestPipelineSteps(t *testing.T) {
	t.Parallel()
	bin := installed(t)
	for name, test := range map[string]func(*testing.T, string){
		"GitHub's action": gitHubAction, "a cancelled job": cancelledJob, "GitLab's template": gitLabTemplate, "a build specification": buildSpec,
	} {
		t.Run(name, func(t *testing.T) { test(t, bin) })
	}
}

func gitHubAction(t *testing.T, bin string) {
	files := map[string]string{"sub/functions.yaml": ciFunctions, "sub/experiments/broken.yaml": ciBroken}
	t.Run("no text of an input is a shell's", func(t *testing.T) {
		for _, step := range newGitHub(newJob(t, bin, nil), nil).action.Runs.Steps {
			if step.Shell != "bash" || strings.Contains(step.Run, "${{") {
				t.Errorf("step %s: inputs must come through the environment", step.Name)
			}
		}
	})
	t.Run("disproved", func(t *testing.T) {
		g := newGitHub(newJob(t, bin, files), map[string]string{
			"working-directory": "sub", "args": "--local=functions.yaml\r\n\n  --retries=1  \n", "reports": "what came",
		})
		if code := g.steps([]string{"install"}, nil); code != exitDisproved || g.output("verdict") != "disproved" || g.output("exit-code") != "3" {
			t.Fatalf("exit code %d, outputs %q and %q\n%s", code, g.output("verdict"), g.output("exit-code"), g.log.String())
		}
		g.holds("sub/what came/junit.xml", `<failure message="error_rate is`)
		g.holds("sub/what came/results.sarif", `"uri": "sub/experiments/broken.yaml"`)
		g.holds("sub/what came/codequality.json", `"check_name": "disproved"`)
		g.holds("sub/what came/summary.md", "disproved: Errors are not")
		for _, text := range []string{"::error file=sub/experiments/broken.yaml,line=7,", "== Put back what is left: <nil>"} {
			if !strings.Contains(g.log.String(), text) {
				t.Errorf("the log does not hold %q:\n%s", text, g.log.String())
			}
		}
	})
	t.Run("hostile inputs", func(t *testing.T) {
		g := newGitHub(newJob(t, bin, files), map[string]string{
			"paths": "$(touch pwned)\n`touch pwned`\n; touch pwned\n--junit=pwned\n\"; touch pwned; \"", "args": "--only=$(touch pwned)\n--only=;touch pwned",
			"state": "$(touch pwned)", "reports": "re $(touch pwned)",
		})
		if code := g.steps([]string{"install"}, nil); code != exitUsage {
			t.Errorf("exit code %d\n%s", code, g.log.String())
		}
		if found, _ := filepath.Glob(filepath.Join(g.workspace, "pwned")); len(found) > 0 {
			t.Error("an input was run, or was taken for an option")
		}
		g.inputs["command"] = "recover; touch pwned"
		if code := g.steps([]string{"install"}, nil); code != exitUsage {
			t.Errorf("exit code %d\n%s", code, g.log.String())
		}
	})
}

// cancelledJob: GitHub sends SIGINT to a step's process alone, and kills it if that does not end it.
func cancelledJob(t *testing.T, bin string) {
	server := httptest.NewServer(http.HandlerFunc(serve))
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		signal syscall.Signal
		code   int
		junit  bool
	}{"asked to end": {syscall.SIGINT, exitInterrupted, true}, "killed": {syscall.SIGKILL, -1, false}} {
		t.Run(name, func(t *testing.T) {
			g := newGitHub(newJob(t, bin, map[string]string{"experiments/slow.yaml": steadyExperiment}), map[string]string{
				"args": "--var=server=" + server.URL + "\n--var=fault=300s",
			})
			faults := filepath.Join(g.workspace, "faults.json")
			code := g.steps([]string{"install"}, func(cmd *exec.Cmd) {
				await(t, faults)
				if err := cmd.Process.Signal(test.signal); err != nil {
					t.Error(err)
				}
			})
			if code != test.code {
				t.Errorf("exit code %d\n%s", code, g.log.String())
			}
			if left, err := os.ReadFile(faults); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("left behind: %s (%v)\n%s", left, err, g.log.String())
			}
			if !strings.Contains(g.log.String(), "== Put back what is left: <nil>") {
				t.Errorf("nothing was put back:\n%s", g.log.String())
			}
			if test.junit {
				g.holds("firedrill-reports/junit.xml", "interrupted")
			}
		})
	}
}

func await(t *testing.T, file string) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s never came to be", file)
		case <-tick.C:
		}
	}
}

// TestInstallByURL: what comes over the network is installed only if it is what somebody has said it is.
func TestInstallByURL(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the steps are for bash")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl in the PATH")
	}
	program := "#!/bin/sh\necho firedrill of the network\n"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, program) }))
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(authority, block, 0o600); err != nil {
		t.Fatal(err)
	}
	right := sha256.Sum256([]byte(program))
	for name, test := range map[string]struct{ url, sum, says string }{
		"the right one":      {server.URL, hex.EncodeToString(right[:]), "firedrill of the network"},
		"another one":        {server.URL, strings.Repeat("0", 64), "not installed"},
		"nobody knows which": {server.URL, "", "needs its SHA-256"},
		"not encrypted":      {strings.Replace(server.URL, "https", "http", 1), hex.EncodeToString(right[:]), "http"},
		"an option of curl":  {"--output=/dev/null", hex.EncodeToString(right[:]), "curl"},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			cmd := exec.CommandContext(t.Context(), "bash", "../../deploy/ci/install.sh")
			cmd.Env = append(os.Environ(), "FIREDRILL_BIN="+bin, "FIREDRILL_URL="+test.url, "FIREDRILL_SHA256="+test.sum, "CURL_CA_BUNDLE="+authority, "GITHUB_PATH=")
			out, err := cmd.CombinedOutput()
			if good := name == "the right one"; (err == nil) != good || !strings.Contains(string(out), test.says) {
				t.Errorf("%v\n%s", err, out)
			}
			if left, _ := filepath.Glob(filepath.Join(bin, "*")); len(left) > 0 != (err == nil) {
				t.Errorf("there is %q", left)
			}
		})
	}
}

// gitLabTemplate runs the job of the template, its variables set as a project would.
func gitLabTemplate(t *testing.T, bin string) {
	var file map[string]struct {
		Variables map[string]string
		Before    []string `yaml:"before_script"`
		Script    []string
		After     []string `yaml:"after_script"`
		Artifacts struct{ Reports map[string]string }
	}
	readTemplate(t, "../../deploy/ci/gitlab.yml", &file)
	template := file[".firedrill"]
	j := newJob(t, bin, map[string]string{"functions.yaml": ciFunctions, "experiments/broken.yaml": ciBroken})
	for name, value := range template.Variables {
		j.env[name] = value
	}
	j.env["CI_PROJECT_DIR"], j.env["FIREDRILL_ARGS"] = j.workspace, "--local functions.yaml --retries=1"
	out, code := j.run(strings.Join(append(template.Before, template.Script...), "\n"), nil)
	if code != exitDisproved {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := j.run(strings.Join(template.After, "\n"), nil); code != exitHeld {
		t.Errorf("after the job: exit code %d\n%s", code, out)
	}
	j.holds(template.Artifacts.Reports["junit"], `<failure message="error_rate is`)
	j.holds(template.Artifacts.Reports["codequality"], `"path": "experiments/broken.yaml"`)
}

// buildSpec runs the phases of the build specification.
func buildSpec(t *testing.T, bin string) {
	var spec struct {
		Version float64
		Env     struct{ Variables map[string]string }
		Phases  map[string]struct{ Commands, Finally []string }
		Reports map[string]struct {
			Files  []string
			Folder string `yaml:"base-directory"`
			Format string `yaml:"file-format"`
		}
	}
	readTemplate(t, "../../deploy/ci/buildspec.yml", &spec)
	j := newJob(t, bin, map[string]string{"functions.yaml": ciFunctions, "experiments/broken.yaml": ciBroken})
	for name, value := range spec.Env.Variables {
		j.env[name] = value
	}
	j.env["CODEBUILD_SRC_DIR"], j.env["FIREDRILL_ARGS"] = j.workspace, "--local functions.yaml"
	if out, code := j.run(strings.Join(spec.Phases["install"].Commands, "\n"), nil); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	if out, code := j.run(strings.Join(spec.Phases["build"].Commands, "\n"), nil); code != exitDisproved {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := j.run(strings.Join(spec.Phases["build"].Finally, "\n"), nil); code != exitHeld {
		t.Errorf("at the end: exit code %d\n%s", code, out)
	}
	report := spec.Reports["firedrill"]
	if spec.Version != 0.2 || report.Format != "JUNITXML" {
		t.Errorf("version %v, format %s", spec.Version, report.Format)
	}
	j.holds(filepath.Join(report.Folder, report.Files[0]), `<failure message="error_rate is`)
}

func readTemplate(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}
