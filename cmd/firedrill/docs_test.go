package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notRun are documented commands that no test runs, each with its reason.
var notRun = map[string]string{
	"cd drills":             "the scripts do it",
	"cp -r demo/flags shop": "the script has a command of its own for it",
	"cp demo/flags/flags.json shop/flags.json":                                                               "likewise",
	"go run ./cmd/firedrill canary demo/canary --local demo/versions.yaml --alias purchase:live --version 4": "its limits want a calm machine: TestDemoCanary plans it",
	"go run ./cmd/firedrill local demo/functions.yaml":                                                       "runs until Ctrl-C: TestLocal does it",
	`curl -d '{"sku":"A1"}' http://127.0.0.1:PORT/purchase`:                                                  "TestLocal asks with Go's client",
}

// TestDocumentedCommandsAreRun keeps the docs honest: each command line of a console block is a line of a script
// or of .ci/run, and each command that is named in passing exists.
func TestDocumentedCommandsAreRun(t *testing.T) {
	run := scripted(t)
	inline := regexp.MustCompile("`firedrill ([a-z][^`]*)`")
	count := 0
	for _, doc := range documents(t) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range consoleLines(string(text)) {
			count++
			if _, exempt := notRun[line]; !exempt && !run[line] {
				t.Errorf("%s: nothing runs %q", doc, line)
			}
		}
		for _, match := range inline.FindAllStringSubmatch(string(text), -1) {
			checkNamed(t, doc, match[1])
		}
	}
	if count < 5 {
		t.Errorf("only %d documented commands found", count)
	}
}

func documents(t *testing.T) []string {
	t.Helper()
	docs := []string{"../../README.md"}
	for _, folder := range []string{"../../docs/*.md", "../../docs/kinds/*.md", "../../docs/account/*.md"} {
		found, err := filepath.Glob(folder)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, found...)
	}
	return docs
}

// scripted collects the command lines that are run.
func scripted(t *testing.T) map[string]bool {
	t.Helper()
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	onAWS, err := filepath.Glob("testdata/aws/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	run := map[string]bool{}
	for _, script := range append(slices.Concat(scripts, onAWS), "../../.ci/run") {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			command, _, _ := strings.Cut(line, " || ") // what .ci/run does about exit codes
			run[strings.TrimPrefix(strings.TrimSpace(command), "! ")] = true
		}
	}
	for _, shown := range shownRuns(t) { // by TestEachKind
		run["firedrill "+strings.Join(shown.args, " ")] = true
	}
	return run
}

// consoleLines are the commands of a document's console blocks, without prompts and redirections.
func consoleLines(text string) []string {
	var lines []string
	for i, block := range strings.Split(text, "```") {
		language, body, _ := strings.Cut(block, "\n")
		if i%2 == 0 || (language != "console" && language != "sh") {
			continue
		}
		prompts := strings.Contains(body, "$ ")
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			command, prompted := strings.CutPrefix(line, "$ ")
			if command == "" || (prompts && !prompted) || strings.HasPrefix(command, "export ") {
				continue
			}
			command, _, _ = strings.Cut(command, " > ")
			command, _, _ = strings.Cut(command, "  #")
			lines = append(lines, strings.TrimSpace(command))
		}
	}
	return lines
}

// checkNamed fails if there is no such command, or it has no such flags.
func checkNamed(t *testing.T, doc, line string) {
	t.Helper()
	root := (&app{lookupEnv: os.LookupEnv}).rootCommand()
	args := strings.Fields(line)
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root {
		t.Errorf("%s: there is no command %q", doc, "firedrill "+line)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: %q: %v", doc, "firedrill "+line, err)
	}
}
