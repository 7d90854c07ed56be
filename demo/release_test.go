package demo

import (
	"context"
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

// TestVersions: 2 is as good as 1, 3 takes a fifth longer whatever happens, 4 is good until inventory is in trouble.
func TestVersions(t *testing.T) {
	const ms = time.Millisecond
	stock := stockLevel{SKU: "A1", Available: 5}
	paid := late(50*ms, authorization{Approved: true})
	for name, tt := range map[string]struct {
		inventory func(context.Context) (any, error)
		took      [4]time.Duration
		fails     int // the version that does
	}{
		"without a fault": {late(50*ms, stock), [4]time.Duration{100 * ms, 100 * ms, 120 * ms, 100 * ms}, 0},
		"slow":            {late(time.Second, stock), [4]time.Duration{350 * ms, 350 * ms, 420 * ms, 1050 * ms}, 0},
		"hanging":         {hangs, [4]time.Duration{350 * ms, 350 * ms, 420 * ms, paymentTimeout}, 4},
		"failing":         {fails, [4]time.Duration{50 * ms, 50 * ms, 60 * ms, 0}, 4},
	} {
		all := versions(t, behind{Inventory: tt.inventory, Payment: paid}.invoke)
		if len(all) != len(tt.took) {
			t.Fatalf("%d versions", len(all))
		}
		for number, handle := range all {
			t.Run(name+", version "+strconv.Itoa(number), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{Body: `{"sku":"A1"}`})
					if took, want := time.Since(began), tt.took[number-1]; took != want {
						t.Errorf("took %s, want %s", took, want)
					}
					if sold := err == nil && resp.StatusCode == http.StatusOK; sold == (number == tt.fails) {
						t.Errorf("status %d, %v", resp.StatusCode, err)
					}
				})
			})
		}
	}
}
