package demo

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firedrill-dev/firedrill/local"
)

// versions are the handlers of purchase that versions.yaml describes, by number.
func versions(t *testing.T, invoke invoker) map[int]handler {
	t.Helper()
	data, err := fs.ReadFile(Files, VersionsFile)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := local.ParseFile(VersionsFile, data)
	if err != nil {
		t.Fatal(err)
	}
	if to := cfg.HTTP.Routes[0]; to.Function != Purchase || to.Qualifier != "live" {
		t.Errorf("users are led to %s:%s", to.Function, to.Qualifier)
	}
	out := map[int]handler{}
	for _, f := range cfg.Functions {
		for _, a := range f.Aliases {
			if a.Version != "1" || a.Weights != nil {
				t.Errorf("alias %s of %s leads to %s, %v", a.Name, f.Name, a.Version, a.Weights)
			}
		}
		for _, v := range f.Versions {
			if f.Name == Purchase {
				out[v.Number] = release(invoke, func(name string) string { return v.Environment[name] })
			}
		}
	}
	return out
}

// TestVersions: 2 is as good as 1, 3 takes a fifth longer whatever happens, 4 is good until inventory is slow.
func TestVersions(t *testing.T) {
	stock, paid := stockLevel{SKU: "A1", Available: 5}, authorization{Approved: true}
	calm := behind{Inventory: late(50*time.Millisecond, stock), Payment: late(50*time.Millisecond, paid)}
	slow := behind{Inventory: late(time.Second, stock), Payment: late(50*time.Millisecond, paid)}
	for _, tt := range []struct {
		name   string
		behind behind
		status map[int]int
		took   map[int]time.Duration
	}{
		{
			"without a fault", calm,
			map[int]int{1: 200, 2: 200, 3: 200, 4: 200},
			map[int]time.Duration{1: 100 * time.Millisecond, 2: 100 * time.Millisecond, 3: 120 * time.Millisecond, 4: 100 * time.Millisecond},
		},
		{
			"with a slow inventory", slow,
			map[int]int{1: 200, 2: 200, 3: 200, 4: http.StatusServiceUnavailable},
			map[int]time.Duration{1: 350 * time.Millisecond, 2: 350 * time.Millisecond, 3: 420 * time.Millisecond, 4: inventoryTimeout},
		},
	} {
		all := versions(t, tt.behind.invoke)
		if len(all) != len(tt.status) {
			t.Fatalf("%d versions", len(all))
		}
		for number, handle := range all {
			t.Run(tt.name+", version "+strconv.Itoa(number), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{Body: `{"sku":"A1"}`})
					if err != nil || !json.Valid([]byte(resp.Body)) {
						t.Fatalf("%v, %s", err, resp.Body)
					}
					if took := time.Since(began); resp.StatusCode != tt.status[number] || took != tt.took[number] {
						t.Errorf("status %d after %s, want %d after %s", resp.StatusCode, took, tt.status[number], tt.took[number])
					}
				})
			})
		}
	}
}
