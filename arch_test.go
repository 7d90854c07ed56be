package firedrill_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/firedrill-dev/firedrill"

// importRules say which packages of ours a package may use, directly. A package that is not listed is a
// mistake: say where it stands before it is born.
var importRules = []struct {
	pkg    string // relative to the module; "" is the root
	may    []string
	reason string
}{
	{"fault", nil, "ships inside every function: standard library only"},
	{"runtimeapi", nil, "ships inside every function: standard library only"},
	{"verdict", nil, "pure arithmetic that anybody can check: standard library only"},
	{"envelope", nil, "ships inside every function: standard library only"},
	{"denylist", nil, "ships in the layer: standard library only"},
	{"deploy/layer/preload", []string{"denylist"}, "the source of a library, and how to build it"},
	{"source", []string{"fault", "envelope"}, "ships inside functions"},
	{"pressure", []string{"fault"}, "ships inside functions"},
	{"source/remote", []string{"fault", "source"}, "ships inside functions that ask for it, and in the layer"},
	{"", []string{"fault", "source", "pressure"}, "the SDK must not pull the control side into a function"},
	{"awsfault", []string{"", "fault"}, "ships inside functions that use the AWS SDK anyway"},
	{"runtimeapi/wire", []string{"runtimeapi"}, "ships in the layer"},
	{"proxy", []string{"fault", "source", "pressure", "denylist", "runtimeapi", "runtimeapi/wire"}, "the layer must stay small and must not touch the control side"},
	{"proxy/bench", []string{"source", "proxy"}, "measures the proxy against a bare relay"},
	{"conformance", []string{"fault", "envelope"}, "for tests of whatever reads fault sets"},
	{"local", []string{"fault", "runtimeapi"}, "the laptop's Lambda knows functions, not experiments"},
	{"runtimes", nil, "tests only: every kind on real runtimes"},
	{"calendar", nil, "arithmetic on instants that are handed in: no clock, no I/O"},
	{"verdict/calibrate", []string{"verdict"}, "measures the judge by its public face"},
	{"experiment", []string{"calendar", "fault", "verdict"}, "the file is data: no I/O, no engine"},
	{"reading", []string{"fault", "envelope"}, "says what a document means, without any I/O"},
	{"action", []string{"action/group", "experiment", "fault", "envelope"}, "an action must work without the engine that calls it"},
	{"action/group", []string{"experiment"}, "finds resources, changes none"},
	{"action/account", []string{"action", "action/group", "experiment", "fault"}, "an action must work without the engine that calls it"},
	{"action/pace", nil, "slows down AWS's clients and knows nothing of what they are for"},
	{"action/pace/bench", []string{"action", "action/account", "action/pace", "engine", "experiment", "fault", "verdict"}, "measures the real engine against a server that throttles"},
	{"action/bench", []string{"fault", "internal/moto"}, "measures a stop from outside, with the commands that users have"},
	{"flag", nil, "the flags of whoever has some: the stores of their documents are handed in"},
	{"sweep", []string{"experiment", "fault", "verdict"}, "says what to try next, and tries nothing itself"},
	{"probe", []string{"experiment", "fault", "verdict"}, "a probe must work without the engine that calls it"},
	{"load", []string{"experiment", "fault", "verdict"}, "a generator must work without the engine that calls it"},
	{"history", []string{"verdict"}, "arithmetic on runs that are handed in: no clock, no I/O"},
	{"engine", []string{"calendar", "experiment", "fault", "history", "verdict"}, "no concrete action, probe or load: main hands it a registry"},
	{"engine/dynamostate", []string{"engine"}, "keeps what the engine gives it, without knowing what it means"},
	{"drill", []string{"engine", "experiment", "verdict"}, "decides what runs when, and prints nothing"},
	{"report", []string{"engine", "experiment", "history", "sweep", "verdict"}, "renders a finished run, changes nothing"},
	{"delivery", []string{"engine", "experiment", "verdict"}, "decides how far a new version goes, whatever leads traffic to it"},
	{"delivery/codedeploy", nil, "answers CodeDeploy: what verifies is handed in"},
	{"internal/codedeploy", nil, "a stand-in for CodeDeploy in tests, no part of the product"},
	{"demo", []string{"flag"}, "a user's application: it stands on the public SDK and AWS's libraries only, and asks for its flags"},
	{"internal/moto", nil, "a stand-in for AWS in tests, no part of the product"},
	{"internal/appconfig", nil, "a stand-in for AppConfig in tests, no part of the product"},
	{"internal/cloudwatch", nil, "a stand-in for CloudWatch in tests, no part of the product"},
	{"demo/twoaccounts", []string{"internal/moto", "internal/cloudwatch"}, "a user's accounts, played on this machine"},
	{"demo/kinds", []string{"", "awsfault"}, "a user's functions: they stand on the public SDK and AWS's libraries only"},
	{"demo/delivery", []string{"local"}, "a user's pipeline, played on this machine"},
	{"delivery/bench", []string{"experiment", "load", "local", "verdict"}, "measures the judge on a real shop"},
	{"deploy/layer", []string{"deploy/layer/preload", "proxy"}, "packs what ships, knows no experiment"},
	{"cmd/firedrill", []string{"*"}, "wiring"},
	{"cmd/firedrill-proxy", []string{"proxy", "source/remote"}, "wiring of the small binary"},
}

// standardLibraryOnly lists the packages that may import nothing but the standard library and ours.
var standardLibraryOnly = map[string]string{
	"fault":               "ships inside every function",
	"envelope":            "ships inside every function",
	"runtimeapi":          "ships inside every function",
	"runtimeapi/wire":     "ships in the layer: every dependency costs cold start",
	"verdict":             "formulas stand alone",
	"history":             "formulas stand alone",
	"source":              "ships inside every function",
	"pressure":            "ships inside functions",
	"denylist":            "ships in the layer: every dependency costs cold start",
	"source/remote":       "ships in the layer: every dependency costs cold start",
	"proxy":               "ships in the layer: every dependency costs cold start",
	"cmd/firedrill-proxy": "ships in the layer: every dependency costs cold start",
}

// forbiddenDeps are packages that must not be linked, however indirectly.
var forbiddenDeps = []struct{ pkg, dep, reason string }{
	{".", "github.com/aws/aws-sdk-go-v2", "wrapping a handler must not cost an AWS SDK"},
	{"./engine", "github.com/aws/aws-sdk-go-v2", "the engine knows no cloud"},
	{"./source", "net/http", "a function that reads a file must not pay for an HTTP client: that is source/remote's"},
	{"./source", "crypto/x509", "reading a public key of 32 bytes takes no ASN.1"},
	{"./proxy", "net/http", "exchanges are moved by runtimeapi/wire; only the binary links a client, through source/remote"},
	{"./source/remote", "github.com/aws/aws-sdk-go-v2", "the layer must stay small"},
}

var bannedNames = regexp.MustCompile(`^(utils?|common|helpers?|types|models?|pkg|lib|misc)$`)

// sourceFile is one parsed Go file of the module.
type sourceFile struct {
	path string // slash-separated, relative
	pkg  string // its folder, "" for the root
	test bool
	text []byte
	ast  *ast.File
	fset *token.FileSet
}

func sources(t *testing.T) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(path)
		dir := filepath.ToSlash(filepath.Dir(path))
		if dir == "." {
			dir = ""
		}
		files = append(files, sourceFile{rel, dir, strings.HasSuffix(rel, "_test.go"), text, parsed, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found: the test does not run at the module's root", len(files))
	}
	return files
}

func TestImports(t *testing.T) {
	rules := map[string][]string{}
	reasons := map[string]string{}
	for _, r := range importRules {
		rules[r.pkg], reasons[r.pkg] = r.may, r.reason
	}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		may, known := rules[f.pkg]
		if !known {
			t.Errorf("%s: package %q has no import rule in arch_test.go", f.path, f.pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			own, isOwn := strings.CutPrefix(path, module)
			if !isOwn {
				if why := standardLibraryOnly[f.pkg]; why != "" && strings.Contains(strings.SplitN(path, "/", 2)[0], ".") && path != "golang.org/x/sys/unix" {
					t.Errorf("%s imports %s: standard library only, because it %s", f.path, path, why)
				}
				continue
			}
			if !allowed(may, strings.TrimPrefix(own, "/")) {
				t.Errorf("%s imports %s, but %q %s", f.path, path, f.pkg, reasons[f.pkg])
			}
		}
	}
}

// What docs/architecture.md leaves out, nobody finds.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range importRules {
		if !regexp.MustCompile(`(^|[^\w/-])` + regexp.QuoteMeta(rule.pkg) + `($|[^\w/-])`).Match(text) {
			t.Errorf("docs/architecture.md does not say what %s is", rule.pkg)
		}
	}
}

func allowed(may []string, pkg string) bool {
	for _, m := range may {
		if m == "*" || m == pkg {
			return true
		}
	}
	return false
}

func TestLinkedPackages(t *testing.T) {
	for _, rule := range forbiddenDeps {
		out, err := exec.Command("go", "list", "-deps", rule.pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("go list -deps %s: %v\n%s", rule.pkg, err, out)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if dep == rule.dep || strings.HasPrefix(dep, rule.dep+"/") {
				t.Errorf("%s links %s: %s", rule.pkg, dep, rule.reason)
			}
		}
	}
}

// onlyInCmd are things that decide about the whole process; a library must leave them to main.
var onlyInCmd = []struct {
	re     *regexp.Regexp
	reason string
}{
	{regexp.MustCompile(`\bcontext\.(Background|TODO)\(\)`), "take the caller's context"},
	{regexp.MustCompile(`\bos\.(Exit\(|Args\b)`), "only main reads args and exits"},
	{regexp.MustCompile(`\bsignal\.Notify`), "only main installs signal handlers"},
	{regexp.MustCompile(`(?m)^func init\(\)`), "no registration behind the reader's back"},
	{regexp.MustCompile(`\bconfig\.LoadDefaultConfig\(`), "only main loads AWS configuration"},
	{regexp.MustCompile(`"(?:/bin/)?(?:ba)?sh", *"-c"`), "no shell"},
}

func TestOnlyCommandsDecideAboutTheProcess(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.pkg, "cmd/") || f.ast.Name.Name == "main" {
			continue
		}
		for _, rule := range onlyInCmd {
			if loc := rule.re.FindIndex(f.text); loc != nil {
				line := 1 + bytes.Count(f.text[:loc[0]], []byte("\n"))
				t.Errorf("%s:%d: %s: %s", f.path, line, rule.re.FindString(string(f.text)), rule.reason)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	const maxFile, maxFunc = 500, 80
	for _, f := range sources(t) {
		if lines := bytes.Count(f.text, []byte("\n")); lines > maxFile && !f.test {
			t.Errorf("%s has %d lines, more than %d: split it along its nouns", f.path, lines, maxFile)
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || f.test {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > maxFunc {
				t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, n, maxFunc)
			}
		}
	}
}

func TestEveryPackageAndNameIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range sources(t) {
		if bannedNames.MatchString(f.ast.Name.Name) {
			t.Errorf("%s: a package named %q says nothing about what is in it", f.path, f.ast.Name.Name)
		}
		if f.test {
			continue
		}
		documented[f.pkg] = documented[f.pkg] || f.ast.Doc != nil
		if f.ast.Name.Name != "main" {
			checkDocs(t, f)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("package %q has no package comment", pkg)
		}
	}
}

func checkDocs(t *testing.T, f sourceFile) {
	need := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if !id.IsExported() {
			return
		}
		for _, doc := range docs {
			if doc != nil {
				return
			}
		}
		t.Errorf("%s:%d: exported %s has no comment", f.path, f.fset.Position(id.Pos()).Line, id.Name)
	}
	for _, decl := range f.ast.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			need(decl.Name, decl.Doc)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					need(spec.Name, spec.Doc, decl.Doc)
				case *ast.ValueSpec:
					for _, id := range spec.Names {
						need(id, spec.Doc, decl.Doc, spec.Comment)
					}
				}
			}
		}
	}
}
