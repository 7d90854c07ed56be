package local

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds of a file, kept before the YAML parser sees it: it recurses into nesting, and takes quadratic time for long
// sequences.
const (
	maxFileBytes = 128 << 10
	maxNesting   = 32
)

// functionName is what Lambda allows as a name.
var functionName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// variableName is what Lambda allows as the name of an environment variable.
var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// ParseFile decodes a functions file strictly. Its error is Problems: every mistake with its line and a hint. The
// name is used in messages and as the place that relative paths start from; nothing is read from disk.
func ParseFile(name string, data []byte) (*Config, error) {
	d := &decoder{file: name}
	root := d.parse(data)
	if root == nil {
		return nil, d.problems.sorted()
	}
	cfg := d.config(root)
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	cfg.Dir = filepath.Dir(name)
	return cfg, nil
}

// parse returns the document's root, or nil and a problem.
func (d *decoder) parse(data []byte) ast.Node {
	if len(data) > maxFileBytes {
		d.problem(nil, "", "", fmt.Sprintf("the file has %d bytes, more than %d", len(data), maxFileBytes), "is this the functions file?")
		return nil
	}
	if line := junk(data); line > 0 {
		d.problems = append(d.problems, &Problem{File: d.file, Line: line, Message: "not text", Hint: "is this the functions file?"})
		return nil
	}
	if line := tooNested(data); line > 0 {
		d.problems = append(d.problems, &Problem{File: d.file, Line: line, Message: fmt.Sprintf("more than %d levels of nesting", maxNesting)})
		return nil
	}
	file, err := parseYAML(data)
	if err != nil {
		d.problems = append(d.problems, syntaxProblem(d.file, err))
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) != 1 {
		d.problem(nil, "", "", fmt.Sprintf("expected one YAML document, found %d", len(bodies)), "start with version: 1")
		return nil
	}
	d.checkAliases(bodies[0])
	if len(d.problems) > 0 {
		return nil
	}
	return bodies[0]
}

// parseYAML parses YAML. A panic of the parser is a mistake in the file as far as users are concerned.
func parseYAML(data []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, errors.New("write it more plainly")
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // we find duplicates ourselves, all of them
}

// junk returns the first line with something that no text has, 0 if there is none.
func junk(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == '\n':
			line++
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\r' && r != '\t', r == 0x7F:
			return line
		}
		data = data[size:]
	}
	return 0
}

// tooNested returns the first line that opens more brackets, or is indented further, than any functions
// file needs; 0 if there is none.
func tooNested(data []byte) int {
	open, line := 0, 0
	for text := range strings.Lines(string(data)) {
		line++
		trimmed := strings.TrimLeft(text, " ")
		marks := len(trimmed) - len(strings.TrimLeft(trimmed, "- ?:&!*")) // "- - - -" nests too
		if marks > 2*maxNesting || len(text)-len(trimmed) > 8*maxNesting {
			return line
		}
		for _, r := range text {
			switch r {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
			if open > maxNesting {
				return line
			}
		}
	}
	return 0
}

func syntaxProblem(file string, err error) *Problem {
	p := &Problem{File: file, Message: "not valid YAML: " + err.Error()}
	var located yaml.Error
	if errors.As(err, &located) {
		p.Message = "not valid YAML: " + located.GetMessage()
		if tk := located.GetToken(); tk != nil && tk.Position != nil {
			p.Line, p.Value = tk.Position.Line, strings.TrimSpace(tk.Value)
		}
	}
	return p
}

func (d *decoder) config(root ast.Node) *Config {
	cfg := &Config{LambdaListen: DefaultLambdaListen, Region: DefaultRegion, MaxEnvironments: DefaultMaxEnvironments}
	version := 0
	var routes []entry
	d.object(root, "", map[string]func(ast.Node, string){
		"version":          d.int(&version, 1, 1),
		"region":           d.string(&cfg.Region),
		"max_environments": d.int(&cfg.MaxEnvironments, 1, 10_000),
		"lambda": func(n ast.Node, field string) {
			d.object(n, field, map[string]func(ast.Node, string){"listen": d.listen(&cfg.LambdaListen)})
		},
		"http":      func(n ast.Node, field string) { cfg.HTTP, routes = d.http(n, field) },
		"functions": func(n ast.Node, field string) { cfg.Functions = d.functions(n, field) },
	})
	if version == 0 && len(d.problems) == 0 {
		d.problem(root, "version", "", "missing", "start the file with version: 1")
	}
	if len(cfg.Functions) == 0 && len(d.problems) == 0 {
		d.problem(root, "functions", "", "there is no function", "functions: {hello: {command: [./hello]}}")
	}
	if cfg.HTTP != nil {
		cfg.HTTP.Routes = d.routes(routes, cfg.Functions)
	}
	return cfg
}

func (d *decoder) listen(dst *string) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		d.string(dst)(n, field)
		host, port, err := net.SplitHostPort(*dst)
		if err != nil {
			d.problem(n, field, *dst, "expected HOST:PORT", "like 127.0.0.1:8080; port 0 is any free one")
			return
		}
		if number, err := strconv.Atoi(port); err != nil || number < 0 || number > math.MaxUint16 {
			d.problem(n, field, *dst, "not a port", "0 to 65535; port 0 is any free one")
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			d.problem(n, field, *dst, "must be a loopback address", "the host asks for no credentials: listen on 127.0.0.1")
		}
	}
}

// http decodes the HTTP API; its routes are checked when the functions are known.
func (d *decoder) http(n ast.Node, field string) (*HTTP, []entry) {
	h := &HTTP{Listen: DefaultHTTPListen, Timeout: DefaultHTTPTimeout}
	var routes []entry
	d.object(n, field, map[string]func(ast.Node, string){
		"listen":  d.listen(&h.Listen),
		"timeout": d.duration(&h.Timeout, time.Millisecond, DefaultHTTPTimeout),
		"routes":  func(n ast.Node, field string) { routes = d.entries(n, field) },
	})
	if len(routes) == 0 && len(d.problems) == 0 {
		d.problem(n, join(field, "routes"), "", "an HTTP API needs a route", `routes: {"GET /hello": hello}`)
	}
	return h, routes
}

func (d *decoder) routes(entries []entry, functions []Function) []Route {
	names := make([]string, len(functions))
	byName := map[string]Function{}
	for i, f := range functions {
		names[i] = f.Name
		byName[f.Name] = f
	}
	seen := map[string]string{}
	var routes []Route
	for _, e := range entries {
		field := "http.routes." + e.key
		r := Route{Key: e.key}
		var to string
		d.string(&to)(e.value, field)
		r.Function, r.Qualifier, _ = strings.Cut(to, ":")
		p, err := parseRoute(e.key)
		if err != nil {
			d.problem(e.node, "http.routes", e.key, err.Error(), `like "GET /items/{id}", "ANY /files/{path+}" or "$default"`)
			continue
		}
		if other, ok := seen[p.shape()]; ok {
			d.problem(e.node, "http.routes", e.key, fmt.Sprintf("matches the same requests as %q", other), "")
		}
		seen[p.shape()] = e.key
		if r.Function != "" && len(names) > 0 && !slices.Contains(names, r.Function) {
			d.problem(e.value, field, r.Function, "no such function", closest(r.Function, names))
		} else if strings.Contains(to, ":") && len(names) > 0 && !byName[r.Function].has(r.Qualifier) {
			d.problem(e.value, field, to, "no such version or alias", "versions: {1: {}}, aliases: {live: 1}")
		}
		routes = append(routes, r)
	}
	return routes
}

func (d *decoder) functions(n ast.Node, field string) []Function {
	var out []Function
	for _, e := range d.entries(n, field) {
		if !functionName.MatchString(e.key) {
			d.problem(e.node, field, e.key, "not a function name", "up to 64 letters, digits, hyphens and underscores")
		}
		out = append(out, d.function(e, join(field, e.key)))
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *decoder) function(e entry, field string) Function {
	f := Function{
		Name: e.key, Handler: DefaultHandler, Timeout: DefaultTimeout, MemoryMB: DefaultMemoryMB,
		Retries: DefaultRetries, RetryDelay: DefaultRetryDelay, Environment: map[string]string{},
	}
	before := len(d.problems)
	versions := func() {} // what follows from the whole of the function
	aliases := func() {}
	d.object(e.value, field, map[string]func(ast.Node, string){
		"description": d.string(&f.Description),
		"command":     d.strings(&f.Command),
		"go":          d.string(&f.Go),
		"dir":         d.string(&f.Dir),
		"handler":     d.string(&f.Handler),
		"layer":       d.bool(&f.Layer),
		"timeout":     d.timeout(&f.Timeout),
		"memory":      d.memory(&f.MemoryMB),
		"concurrency": func(n ast.Node, field string) {
			f.Concurrency = new(int)
			d.int(f.Concurrency, 0, 10_000)(n, field)
		},
		"retries":     d.int(&f.Retries, 0, 2),
		"retry_delay": d.duration(&f.RetryDelay, 0, time.Hour),
		"environment": func(n ast.Node, field string) { d.variables(n, field, f.Environment) },
		"versions": func(n ast.Node, field string) {
			versions = func() { f.Versions = d.versions(n, field, f) }
		},
		"aliases": func(n ast.Node, field string) {
			aliases = func() { f.Aliases = d.aliases(n, field, f.Versions) }
		},
	})
	if len(d.problems) == before {
		d.checkProgram(e, field, f)
	}
	versions()
	aliases()
	return f
}

func (d *decoder) timeout(dst *time.Duration) func(ast.Node, string) {
	return d.duration(dst, time.Millisecond, maxTimeout)
}

func (d *decoder) memory(dst *int) func(ast.Node, string) {
	return d.int(dst, minMemoryMB, maxMemoryMB)
}

// checkProgram wants one way to start the function.
func (d *decoder) checkProgram(e entry, field string, f Function) {
	switch {
	case f.Go == "" && len(f.Command) == 0:
		d.problem(e.node, field, "", "says neither command nor go", "command: [./bin/hello], or go: ./cmd/hello")
	case f.Go != "" && len(f.Command) > 0:
		d.problem(e.node, field, "", "says both command and go", "keep one of the two")
	case f.Go == "" && f.Command[0] == "":
		d.problem(e.node, field+".command", "", "the program is empty", "")
	case strings.HasPrefix(f.Go, "-"):
		d.problem(e.node, field+".go", f.Go, "not a package", "like ./cmd/hello")
	}
}

func (d *decoder) variables(n ast.Node, field string, dst map[string]string) {
	for _, e := range d.entries(n, field) {
		value := ""
		d.string(&value)(e.value, join(field, e.key))
		if why := badVariable(e.key, value); why != "" {
			d.problem(e.node, field, e.key, why, "")
		}
		dst[e.key] = value
	}
}

// badVariable says why a function may not be given the variable; "" if it may.
func badVariable(name, value string) string {
	switch {
	case slices.Contains(reservedVariables(), name):
		return "reserved: the host sets it"
	case !variableName.MatchString(name):
		return "not a variable name: letters, digits and underscores, a letter first"
	case strings.ContainsRune(value, 0):
		return "the value holds a zero byte"
	}
	return ""
}

// clone keeps a caller's configuration apart from what the Lambda API changes.
func (f Function) clone() Function {
	f.Environment = maps.Clone(f.Environment)
	f.Command = slices.Clone(f.Command)
	if f.Concurrency != nil {
		n := *f.Concurrency
		f.Concurrency = &n
	}
	f.Versions = slices.Clone(f.Versions)
	for i, v := range f.Versions {
		f.Versions[i].Function = v.Function.clone()
	}
	return f
}

// has says whether the function has a version or alias of that name.
func (f Function) has(qualifier string) bool {
	return qualifier == latest ||
		slices.ContainsFunc(f.Versions, func(v Version) bool { return strconv.Itoa(v.Number) == qualifier }) ||
		slices.ContainsFunc(f.Aliases, func(a Alias) bool { return a.Name == qualifier })
}
