package experiment

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files from what Parse says now")

// options are those of all files in testdata.
func options(file string) Options {
	return Options{File: filepath.Base(file), Vars: map[string]string{"api": "http://127.0.0.1:8080", "host": "many"}}
}

func problemText(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		if p.Warning {
			b.WriteString("warning: ")
		}
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./experiment -update writes it)", err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", file, diff)
	}
}

func each(t *testing.T, pattern string, f func(t *testing.T, file string, data []byte)) {
	files, err := filepath.Glob(filepath.FromSlash(pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f(t, file, data)
		})
	}
}

func TestBadFiles(t *testing.T) {
	each(t, "testdata/bad/*.yaml", func(t *testing.T, file string, data []byte) {
		x, problems := Parse(data, options(file))
		if x != nil || !anyFatal(problems) {
			t.Error("the file was accepted")
		}
		for _, p := range problems {
			if p.Line == 0 || p.Column == 0 || p.File == "" || p.Message == "" {
				t.Errorf("a problem without its place: %+v", p)
			}
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".err", problemText(problems))
	})
}

func TestGoodFiles(t *testing.T) {
	each(t, "testdata/good/*.yaml", func(t *testing.T, file string, data []byte) {
		x, problems := Parse(data, options(file))
		if x == nil {
			t.Fatalf("the file was refused:\n%s", problemText(problems))
		}
		text, err := json.MarshalIndent(x, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".yaml")+".json", string(text)+"\n"+problemText(problems))
	})
}
