package drill

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/engine"
)

const anExperiment = "version: 1\nobjective: O\n"

// TestFiles: what is an experiment among what lies in folders, and in which order.
func TestFiles(t *testing.T) {
	for _, test := range []struct {
		name    string
		files   map[string]string // text; "-> x" is a link, "/" a folder
		paths   []string
		only    []string
		want    string
		passed  string
		refused string
	}{
		{name: "by name, and folders below", files: map[string]string{"d/b.yaml": anExperiment, "d/a.yml": anExperiment, "d/sub/c.yaml": anExperiment, "d/x.txt": "-"}, paths: []string{"d"}, want: "d/a.yml d/b.yaml d/sub/c.yaml"},
		{name: "each once, in the order of the paths", files: map[string]string{"d/a.yaml": anExperiment, "d/b.yaml": anExperiment}, paths: []string{"d/b.yaml", "d", "./d/a.yaml"}, want: "d/b.yaml d/a.yaml"},
		{name: "a folder whose files were all named", files: map[string]string{"d/a.yaml": anExperiment}, paths: []string{"d/a.yaml", "d"}, want: "d/a.yaml"},
		{name: "a link to a file is the file", files: map[string]string{"d/a.yaml": anExperiment, "d/b.yaml": "-> a.yaml"}, paths: []string{"d"}, want: "d/a.yaml"},
		{name: "a link to a folder is not followed, unless it is named", files: map[string]string{"d/a.yaml": anExperiment, "e/b.yaml": anExperiment, "d/l.yaml": "-> ../e", "d/m": "-> ../e"}, paths: []string{"d", "d/m"}, want: "d/a.yaml d/m/b.yaml"},
		{name: "a link to nowhere", files: map[string]string{"d/a.yaml": "-> b.yaml"}, paths: []string{"d"}, refused: "no such file"},
		{name: "a device is no file", files: map[string]string{"d/a.yaml": anExperiment, "d/b.yaml": "-> /dev/null"}, paths: []string{"d"}, want: "d/a.yaml"},
		{name: "names with a dot are hidden", files: map[string]string{"d/a.yaml": anExperiment, "d/.b.yaml": anExperiment, "d/.git/c.yaml": anExperiment}, paths: []string{"d"}, want: "d/a.yaml"},
		{name: "other files are passed over", files: map[string]string{"d/a.yaml": anExperiment, "d/functions.yaml": "version: 1\nfunctions: {}\n", "d/guards.yaml": "guards: {}"}, paths: []string{"d"}, want: "d/a.yaml", passed: "d/functions.yaml d/guards.yaml"},
		{name: "but not if they are named", files: map[string]string{"functions.yaml": "functions: {}"}, paths: []string{"functions.yaml"}, want: "functions.yaml"},
		{name: "nor if nobody can read them", files: map[string]string{"d/a.yaml": "{", "d/b.yaml": "", "d/c.yaml": "phases:"}, paths: []string{"d"}, want: "d/a.yaml d/b.yaml d/c.yaml"},
		{name: "only", files: map[string]string{"d/slow-a.yaml": anExperiment, "d/b.yaml": anExperiment, "d/slow-c.yml": anExperiment}, paths: []string{"d"}, only: []string{"slow-*", "z"}, want: "d/slow-a.yaml d/slow-c.yml"},
		{name: "only nothing", files: map[string]string{"d/b.yaml": anExperiment}, paths: []string{"d"}, only: []string{"z*"}, refused: "no experiment in d matches --only z*"},
		{name: "no pattern", files: map[string]string{"d/b.yaml": anExperiment}, paths: []string{"d"}, only: []string{"["}, refused: `--only "[" is no pattern`},
		{name: "nothing there", files: map[string]string{"d/": "/", "d/b.yaml": "x: 1"}, paths: []string{"d"}, refused: "no experiment in d"},
		{name: "one of two is empty", files: map[string]string{"d/": "/", "e/a.yaml": anExperiment}, paths: []string{"e", "d"}, refused: "no experiment in d"},
		{name: "not there", paths: []string{"nowhere"}, refused: "nowhere"},
		{name: "signs in a folder's name", files: map[string]string{"d[1]*/a.yaml": anExperiment}, paths: []string{"d[1]*"}, want: "d[1]*/a.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				t.Skip("links and signs in names are different there")
			}
			t.Chdir(t.TempDir())
			for name, text := range test.files {
				lay(t, name, text)
			}
			search := Search{Only: test.only, Read: os.ReadFile}
			found, passed, err := search.Files(test.paths)
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("got %v", err)
				}
				return
			}
			slices.Sort(passed)
			if err != nil || strings.Join(found, " ") != test.want || strings.Join(passed, " ") != test.passed {
				t.Errorf("found %q, passed %q, %v", found, passed, err)
			}
		})
	}
}

// TestUnreadableFolder: what nobody can look into is no empty folder.
func TestUnreadableFolder(t *testing.T) {
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("there are no folders that this user cannot read")
	}
	t.Chdir(t.TempDir())
	lay(t, "d/a.yaml", anExperiment)
	lay(t, "d/sub/b.yaml", anExperiment)
	if err := os.Chmod("d/sub", 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod("d/sub", 0o700)
	search := Search{Read: os.ReadFile}
	if _, _, err := search.Files([]string{"d"}); err == nil || !strings.Contains(err.Error(), "d/sub") || engine.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
}

func lay(t *testing.T, name, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o700)
	if link, ok := strings.CutPrefix(text, "-> "); ok && err == nil {
		err = os.Symlink(link, name)
	} else if err == nil && text != "/" {
		err = os.WriteFile(name, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
