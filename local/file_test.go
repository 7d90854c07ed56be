package local

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wholeFile = `version: 1
region: eu-west-1
max_environments: 20
http:
  listen: 127.0.0.1:0
  timeout: 10s
  routes:
    POST /purchase: purchase
    "GET /items/{id}": inventory
lambda: {listen: "127.0.0.1:0"}
functions:
  purchase:
    description: sells
    command: [./bin/purchase, "-v", 010]
    dir: shop
    handler: main
    layer: true
    timeout: 1500ms
    memory: 256
    concurrency: 0
    retries: 1
    retry_delay: 2s
    environment: &env {INVENTORY: inventory, LIMIT: 1.10}
  inventory:
    go: ./cmd/inventory
    environment: *env
`

func TestParseFile(t *testing.T) {
	got, err := ParseFile("shop/functions.yaml", []byte(wholeFile))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"INVENTORY": "inventory", "LIMIT": "1.10"}
	want := &Config{
		Dir: "shop", Region: "eu-west-1", MaxEnvironments: 20, LambdaListen: "127.0.0.1:0",
		HTTP: &HTTP{Listen: "127.0.0.1:0", Timeout: 10 * time.Second, Routes: []Route{
			{Key: "POST /purchase", Function: "purchase"}, {Key: "GET /items/{id}", Function: "inventory"},
		}},
		Functions: []Function{
			{
				Name: "inventory", Go: "./cmd/inventory", Handler: "bootstrap", Timeout: 3 * time.Second, MemoryMB: 128,
				Retries: 2, RetryDelay: time.Second, Environment: env,
			},
			{
				Name: "purchase", Description: "sells", Command: []string{"./bin/purchase", "-v", "010"}, Dir: "shop", Handler: "main",
				Layer: true, Timeout: 1500 * time.Millisecond, MemoryMB: 256, Concurrency: new(int), Retries: 1, RetryDelay: 2 * time.Second,
				Environment: env,
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseFileProblems(t *testing.T) {
	head := "version: 1\nfunctions:\n  f:\n    command: [./f]\n"
	tests := []fileProblem{
		{"unknown key", head + "    timout: 3s\n", `f.yaml:5: functions.f: unknown key: "timout" (did you mean "timeout"?)`},
		{"unit", head + "    timeout: 3\n", `f.yaml:5: functions.f.timeout: expected a duration with its unit: "3" (like 500ms, 3s or 2m)`},
		{"range", head + "    timeout: 16m\n", `f.yaml:5: functions.f.timeout: must be from 1ms to 15m0s: "16m"`},
		{"memory", head + "    memory: 12\n", `f.yaml:5: functions.f.memory: must be from 128 to 10240: "12"`},
		{"not a number", head + "    memory: 128MB\n", `expected a whole number: "128MB"`},
		{"not a truth", head + "    layer: yes please\n", `f.yaml:5: functions.f.layer: expected true or false: "yes please"`},
		{"duplicate", head + "    layer: true\n    layer: true\n", `f.yaml:6: functions.f: this key is given twice: "layer"`},
		{"reserved", head + "    environment: {_HANDLER: x}\n", `reserved: the host sets it`},
		{"variable name", head + "    environment: {1x: x}\n", `not a variable name`},
		{"two ways", head + "    go: ./f\n", `f.yaml:3: functions.f: says both command and go`},
		{"no way", "version: 1\nfunctions:\n  f: {}\n", `f.yaml:3: functions.f: says neither command nor go`},
		{"flag as package", "version: 1\nfunctions:\n  f: {go: -toolexec=x}\n", `not a package: "-toolexec=x"`},
		{"command is text", "version: 1\nfunctions:\n  f: {command: ./f}\n", `functions.f.command: expected a list: "./f"`},
		{"function name", "version: 1\nfunctions:\n  a.b: {command: [x]}\n", `not a function name: "a.b"`},
		{"no functions", "version: 1\n", `functions: there is no function`},
		{"no version", "functions: {f: {command: [x]}}\n", `start the file with version: 1`},
		{"version", "version: 2\nfunctions: {f: {command: [x]}}\n", `f.yaml:1: version: must be from 1 to 1: "2"`},
		{"public address", head + "lambda: {listen: 0.0.0.0:9001}\n", `must be a loopback address: "0.0.0.0:9001"`},
		{"no port", head + "lambda: {listen: 127.0.0.1}\n", `expected HOST:PORT`},
		{"bad port", head + "lambda: {listen: 127.0.0.1:99999}\n", `not a port`},
		{"route", head + "http: {routes: {/x: f}}\n", `not a route: "/x"`},
		{"method", head + "http: {routes: {get /x: f}}\n", `unknown method`},
		{"route to nobody", head + "http: {routes: {GET /x: g}}\n", `http.routes.GET /x: no such function: "g"`},
		{"same routes", head + "http: {routes: {'GET /{a}': f, 'GET /{b}': f}}\n", `matches the same requests as "GET /{a}"`},
		{"no routes", head + "http: {listen: 127.0.0.1:0}\n", `an HTTP API needs a route`},
		{"syntax", "version: 1\nfunctions: [\n", `f.yaml:2: not valid YAML`},
		{"empty", "", `expected one YAML document, found 0`},
		{"two documents", head + "---\nversion: 1\n", `expected one YAML document, found 2`},
		{"a list", "- a\n", `expected a mapping`},
		{"merge key", "version: 1\nfunctions:\n  f: &f {command: [x]}\n  g: {<<: *f}\n", `merge keys are not supported`},
		{"anchor", head + "    environment: *nowhere\n", `nowhere`},
		{"bomb", "a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", `an alias inside an anchored value`},
		{"nesting", "version: " + strings.Repeat("[", 1000), `more than 32 levels of nesting`},
		{"huge", strings.Repeat("# comment\n", 30_000), `more than 131072`},
		{"binary", "\x00\x01\xff", `f.yaml`},
	}
	for _, tt := range append(tests, versionProblems(head)...) {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseFile("f.yaml", []byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v\nwant %s", err, tt.want)
			}
			var p *Problem
			if !errors.As(err, &p) {
				t.Errorf("%T holds no *Problem", err)
			}
		})
	}
}

func TestAllProblemsAreFound(t *testing.T) {
	_, err := ParseFile("f.yaml", []byte("version: x\nfoo: 1\nfunctions:\n  f:\n    command: 1\n    timeout: 3\n"))
	var all Problems
	if !errors.As(err, &all) || len(all) != 4 {
		t.Fatalf("got %v", err)
	}
	for i, line := range []int{1, 2, 5, 6} {
		if all[i].Line != line {
			t.Errorf("problem %d is on line %d, want %d: %v", i, all[i].Line, line, all[i])
		}
	}
}

func TestHostileFilesAreRefusedSoon(t *testing.T) {
	for name, data := range map[string]string{
		"too large":          "version: 1 #" + strings.Repeat("x", maxFileBytes),
		"brackets":           strings.Repeat("[", 1000),
		"brackets of a line": strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + "\n",
		"dashes":             strings.Repeat("- ", 1000),
		"stairs":             "a:\n" + strings.Repeat(" ", 300) + "a: b",
		"zero":               "version: 1\x00",
		"no UTF-8":           "version: \xff",
	} {
		t.Run(name, func(t *testing.T) {
			var first *Problem
			if _, err := ParseFile("f.yaml", []byte(data)); !errors.As(err, &first) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(first.Message, "bytes") && !strings.Contains(first.Message, "nesting") && first.Message != "not text" {
				t.Errorf("got as far as %v", first)
			}
		})
	}
}

func TestFirstHundredProblems(t *testing.T) {
	_, err := ParseFile("f.yaml", []byte("version: 1\n"+strings.Repeat("a: b\n", 250)))
	var all Problems
	if !errors.As(err, &all) || len(all) != maxProblems+1 || all[0].Line != 2 || all[maxProblems].Message != "150 more problems" {
		t.Errorf("got %v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(wholeFile))
	f.Add([]byte(versionedFile))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("version: 1\nfunctions: {f: {command: [x], environment: {A: 1, A: 2}}}"))
	f.Add([]byte("? [a]\n: !!str b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip("the parser is quadratic, and the bound is another test's")
		}
		watchdog := time.AfterFunc(patience, func() { panic(fmt.Sprintf("hangs on %q", data)) })
		defer watchdog.Stop()
		cfg, err := ParseFile("f.yaml", data)
		if (cfg == nil) == (err == nil) {
			t.Errorf("%v with %v", cfg, err)
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

func FuzzRoute(f *testing.F) {
	f.Add("GET /items/{id}", "/items/7")
	f.Add("ANY /{proxy+}", "/a//b%2")
	f.Fuzz(func(_ *testing.T, key, path string) {
		if p, err := parseRoute(key); err == nil {
			newRouter([]pattern{p}).find("GET", path)
			_ = p.shape()
		}
	})
}

func FuzzWriteAnswer(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":1},"cookies":["x"],"body":"","isBase64Encoded":true}`))
	f.Add([]byte(`"text"`))
	f.Fuzz(func(_ *testing.T, payload []byte) {
		_ = writeAnswer(discard{}, payload) // must not panic
	})
}

func TestExpand(t *testing.T) {
	vars := map[string]string{"self": "/bin/firedrill", "empty": ""}
	for in, want := range map[string]string{
		"${self} demo": "/bin/firedrill demo", "a${empty}b": "ab", "$$x$": "$x$", "$HOME": "$HOME", "": "", "$${self}": "${self}",
	} {
		if got, err := expand(in, vars); err != nil || got != want {
			t.Errorf("%q: got %q %v", in, got, err)
		}
	}
	for _, bad := range []string{"${nope}", "${self", "${}"} {
		if got, err := expand(bad, vars); err == nil {
			t.Errorf("%q: got %q", bad, got)
		}
	}
}

// A file is parsed without touching the disk; Start, later, looks for the programs.
func ExampleParseFile() {
	_, err := ParseFile("functions.yaml", []byte("version: 1\nfunctions:\n  hello:\n    comand: [./hello]\n"))
	fmt.Fprintln(os.Stdout, err)
	// Output: functions.yaml:4: functions.hello: unknown key: "comand" (did you mean "command"?)
}

// discard is a response that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
