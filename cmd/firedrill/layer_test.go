package main

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// checkout DIR makes a folder with as much of the repository as compiles the proxy, and lets go commands work.
func checkout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: checkout DIR")
	}
	const pkg = "github.com/firedrill-dev/firedrill/cmd/firedrill-proxy"
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{.Dir}}{{end}}", pkg).Output()
	ts.Check(err)
	root, err := filepath.Abs("../..")
	ts.Check(err)
	files := []string{filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum")}
	for dir := range strings.FieldsSeq(string(out)) {
		more, err := filepath.Glob(filepath.Join(dir, "*.go"))
		ts.Check(err)
		files = append(files, more...)
	}
	for _, file := range files {
		rel, err := filepath.Rel(root, file)
		ts.Check(err)
		content, err := os.ReadFile(file)
		ts.Check(err)
		to := filepath.Join(ts.MkAbs(args[0]), rel)
		ts.Check(os.MkdirAll(filepath.Dir(to), 0o755))
		ts.Check(os.WriteFile(to, content, 0o644))
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.Command("go", "env", name).Output()
		ts.Check(err)
		ts.Setenv(name, strings.TrimSpace(string(value)))
	}
}

// functionzip FILE KIND makes a package of a function: a bootstrap of that kind and one more file.
func functionZip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: functionzip FILE x86_64|arm64|script|none")
	}
	contents := map[string]string{"x86_64": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 11) + "\x3e\x00", "arm64": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 11) + "\xb7\x00",
		"script": "#!/bin/sh\n"}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := zip.NewWriter(f)
	if content, ok := contents[args[1]]; ok {
		header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
		header.SetMode(0o755)
		entry, err := w.CreateHeader(header)
		ts.Check(err)
		_, err = io.WriteString(entry, content)
		ts.Check(err)
	}
	entry, err := w.Create("config.json")
	ts.Check(err)
	_, err = io.WriteString(entry, "{}")
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(f.Close())
}
