package local

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const versionedFile = `version: 1
http: {listen: 127.0.0.1:0, routes: {POST /: "shop:live", GET /: "shop:2", PUT /: "shop:$LATEST"}}
functions:
  shop:
    aliases: {live: {version: 1, weights: {2: 0.05}}, next: 2, dev: $LATEST}
    versions:
      2: {command: [./new], environment: {SLOW: yes}, timeout: 1s, memory: 256, description: new}
      1: {}
      10: {go: ./cmd/shop, handler: main}
    command: [./shop]
    environment: {TABLE: orders, SLOW: no}
    concurrency: 3
`

func TestParseVersions(t *testing.T) {
	got, err := ParseFile("functions.yaml", []byte(versionedFile))
	if err != nil {
		t.Fatal(err)
	}
	base := func(change func(*Function)) Function {
		three := 3
		f := Function{
			Name: "shop", Command: []string{"./shop"}, Handler: DefaultHandler, Timeout: DefaultTimeout, MemoryMB: DefaultMemoryMB, Concurrency: &three,
			Retries: DefaultRetries, RetryDelay: DefaultRetryDelay, Environment: map[string]string{"TABLE": "orders", "SLOW": "no"},
		}
		change(&f)
		return f
	}
	want := base(func(f *Function) {
		f.Versions = []Version{
			{1, base(func(*Function) {})},
			{2, base(func(v *Function) {
				v.Command, v.Timeout, v.MemoryMB, v.Description = []string{"./new"}, time.Second, 256, "new"
				v.Environment["SLOW"] = "yes"
			})},
			{10, base(func(v *Function) { v.Command, v.Go, v.Handler = nil, "./cmd/shop", "main" })},
		}
		f.Aliases = []Alias{{Name: "dev", Version: "$LATEST"}, {Name: "live", Version: "1", Weights: map[string]float64{"2": 0.05}}, {Name: "next", Version: "2"}}
	})
	if diff := cmp.Diff([]Function{want}, got.Functions); diff != "" {
		t.Error(diff)
	}
	routes := []Route{{"POST /", "shop", "live"}, {"GET /", "shop", "2"}, {"PUT /", "shop", "$LATEST"}}
	if diff := cmp.Diff(routes, got.HTTP.Routes); diff != "" {
		t.Error(diff)
	}
}

// A fileProblem is a functions file with a mistake, and what is said of it.
type fileProblem struct{ name, file, want string }

// versionProblems are mistakes after the four lines of head, in which there is a function f.
func versionProblems(head string) []fileProblem {
	versions := head + "    versions: {1: {}, 2: {}}\n"
	return []fileProblem{
		{"version's name", head + "    versions: {one: {}}\n", `f.yaml:5: functions.f.versions: not a version: "one" (a number from 1 on; $LATEST is the function itself)`},
		{"version 0", head + "    versions: {0: {}}\n", `not a version: "0"`},
		{"version twice", head + "    versions: {1: {}, 1: {}}\n", `this key is given twice: "1"`},
		{"version's key", head + "    versions: {1: {concurrency: 3}}\n", `functions.f.versions.1: unknown key: "concurrency"`},
		{"version's timeout", head + "    versions:\n      1: {timeout: 0s}\n", `f.yaml:6: functions.f.versions.1.timeout: must be from 1ms to 15m0s: "0s"`},
		{"version's variable", head + "    versions: {1: {environment: {_HANDLER: x}}}\n", `functions.f.versions.1.environment: reserved: the host sets it: "_HANDLER"`},
		{"version's two ways", head + "    versions: {1: {command: [a], go: ./b}}\n", `functions.f.versions.1: says both command and go`},
		{"version's no way", head + "    versions: {1: {command: []}}\n", `functions.f.versions.1: says neither command nor go`},
		{"alias is a number", versions + "    aliases: {7: 1}\n", `f.yaml:6: functions.f.aliases: not a name of an alias: "7"`},
		{"alias of nothing", versions + "    aliases: {live: 3}\n", `f.yaml:6: functions.f.aliases.live: no such version: "3" (known: 1, 2)`},
		{"alias without versions", head + "    aliases: {live: 1}\n", `functions.f.aliases.live: no such version: "1" (publish it: versions: {1: {}})`},
		{"alias says nothing", versions + "    aliases: {live: {weights: {2: 0.1}}}\n", `functions.f.aliases.live: says no version`},
		{"weight", versions + "    aliases: {live: {version: 1, weights: {2: 5%}}}\n", `functions.f.aliases.live.weights.2: must be from 0 to 1: "5%" (0.05 is one invocation in twenty)`},
		{"weight of nothing", versions + "    aliases: {live: {version: 1, weights: {3: 0.1}}}\n", `functions.f.aliases.live.weights: no such version: "3"`},
		{"weight of itself", versions + "    aliases: {live: {version: 1, weights: {1: 0.1}}}\n", `functions.f.aliases.live.weights: is where the alias leads already: "1"`},
		{"two weights", head + "    versions: {1: {}, 2: {}, 3: {}}\n    aliases: {live: {version: 1, weights: {2: 0.1, 3: 0.1}}}\n", `AWS Lambda routes to two versions at most`},
		{"weight beside latest", versions + "    aliases: {live: {version: $LATEST, weights: {2: 0.1}}}\n", `AWS Lambda takes no other version beside it: "$LATEST"`},
		{"alias's key", versions + "    aliases: {live: {version: 1, weight: {2: 0.1}}}\n", `unknown key: "weight" (did you mean "weights"?)`},
		{"route to no alias", versions + "http: {routes: {GET /: 'f:live'}}\n", `http.routes.GET /: no such version or alias: "f:live"`},
		{"route to an empty alias", versions + "http: {routes: {GET /: 'f:'}}\n", `no such version or alias: "f:"`},
	}
}
