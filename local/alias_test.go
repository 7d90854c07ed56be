package local

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func weighing(weights map[string]float64) *types.AliasRoutingConfiguration {
	return &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights}
}

func updateLive(t *testing.T, client *lambda.Client, in lambda.UpdateAliasInput) *lambda.UpdateAliasOutput {
	t.Helper()
	in.FunctionName, in.Name = aws.String("hello"), aws.String("live")
	out, err := client.UpdateAlias(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAliases(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	made, err := client.CreateAlias(t.Context(), &lambda.CreateAliasInput{
		FunctionName: aws.String("hello"), Name: aws.String("canary"), FunctionVersion: aws.String("2"), Description: aws.String("next"), RoutingConfig: weighing(map[string]float64{"1": 0}),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("hello"), Name: aws.String("canary")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(got.RevisionId) != aws.ToString(made.RevisionId) || aws.ToString(got.FunctionVersion) != "2" || aws.ToString(got.Description) != "next" ||
		aws.ToString(got.AliasArn) != h.arn("hello:canary") || got.RoutingConfig == nil {
		t.Errorf("got %+v", got)
	}
	_, err = client.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("hello"), Name: aws.String("canary"), FunctionVersion: aws.String("1")})
	wantException(t, err, "ResourceConflictException", http.StatusConflict)

	for of, want := range map[string]int{"": 2, "1": 1, "2": 1, "9": 0} {
		in := &lambda.ListAliasesInput{FunctionName: aws.String("hello")}
		if of != "" {
			in.FunctionVersion = &of
		}
		list, err := client.ListAliases(t.Context(), in)
		if err != nil || len(list.Aliases) != want {
			t.Errorf("%d aliases of version %q, want %d (%v)", len(list.Aliases), of, want, err)
		}
	}
	for range 2 { // deleting what is gone is no error
		if _, err := client.DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("hello"), Name: aws.String("canary")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("hello"), Name: aws.String("canary")})
	wantException(t, err, "ResourceNotFoundException", http.StatusNotFound)
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("hello:canary")})
	wantException(t, err, "ResourceNotFoundException", http.StatusNotFound)
}

// TestUpdateAlias: what is not said stays, and a revision guards against somebody else's change.
func TestUpdateAlias(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	first := updateLive(t, client, lambda.UpdateAliasInput{Description: aws.String("users"), RoutingConfig: weighing(map[string]float64{"2": 0.05})})
	second := updateLive(t, client, lambda.UpdateAliasInput{RevisionId: first.RevisionId, Description: aws.String("all users")})
	if !maps.Equal(second.RoutingConfig.AdditionalVersionWeights, map[string]float64{"2": 0.05}) || aws.ToString(second.FunctionVersion) != "1" {
		t.Errorf("a description changed the routing: %+v", second)
	}
	_, err := client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
		FunctionName: aws.String("hello"), Name: aws.String("live"), RevisionId: first.RevisionId, FunctionVersion: aws.String("2"), RoutingConfig: weighing(nil),
	})
	wantException(t, err, "PreconditionFailedException", http.StatusPreconditionFailed)
	done := updateLive(t, client, lambda.UpdateAliasInput{FunctionVersion: aws.String("2"), RoutingConfig: weighing(map[string]float64{})})
	if done.RoutingConfig != nil || aws.ToString(done.FunctionVersion) != "2" || aws.ToString(done.Description) != "all users" {
		t.Errorf("got %+v", done)
	}
	if executed, colour := colourOf(t, client, "hello:live"); executed != "2" || colour != "green" {
		t.Errorf("live is %s, %s", executed, colour)
	}
}

func TestVersionsInWords(t *testing.T) {
	cfg := versioned(t)
	cfg.Functions[0].Aliases = append(cfg.Functions[0].Aliases, Alias{Name: "canary", Version: "1", Weights: map[string]float64{"2": 0.05}})
	cfg.Functions = append(cfg.Functions, testFunction(t, "other", "noop"))
	h := startHost(t, cfg, nil)
	want := []string{"hello: versions 1, 2; canary leads to 1, 5 % of it to 2; live leads to 1"}
	if got := h.Versions(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTwoPipelinesOnOneAlias: of many that read one revision, one writes.
func TestTwoPipelinesOnOneAlias(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	read, err := client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("hello"), Name: aws.String("live")})
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := client.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{
				FunctionName: aws.String("hello"), Name: aws.String("live"), RevisionId: read.RevisionId, RoutingConfig: weighing(map[string]float64{"2": float64(i) / 16}),
			})
			var lost *types.PreconditionFailedException
			switch {
			case err == nil:
				won.Add(1)
			case !errors.As(err, &lost):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writes with one revision", won.Load())
	}
}

// TestAliasRefusals are AWS's, and change nothing.
func TestAliasRefusals(t *testing.T) {
	h := startHost(t, versioned(t), nil)
	client := sdk(h)
	before := updateLive(t, client, lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"2": 0.5})})
	for name, tt := range map[string]struct {
		in     lambda.UpdateAliasInput
		want   string
		status int
	}{
		"no such version":        {lambda.UpdateAliasInput{FunctionVersion: aws.String("9")}, "ResourceNotFoundException", 404},
		"no such second version": {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"9": 0.1})}, "ResourceNotFoundException", 404},
		"two more":               {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"2": 0.1, "1": 0.1})}, "InvalidParameterValueException", 400},
		"more than all":          {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"2": 1.1})}, "InvalidParameterValueException", 400},
		"less than none":         {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"2": -0.1})}, "InvalidParameterValueException", 400},
		"to itself":              {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"1": 0.1})}, "InvalidParameterValueException", 400},
		"to where it shifts":     {lambda.UpdateAliasInput{FunctionVersion: aws.String("2")}, "InvalidParameterValueException", 400},
		"latest beside":          {lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"$LATEST": 0.1})}, "InvalidParameterValueException", 400},
		"latest with a shift":    {lambda.UpdateAliasInput{FunctionVersion: aws.String("$LATEST")}, "InvalidParameterValueException", 400},
		"an old revision":        {lambda.UpdateAliasInput{RevisionId: aws.String("x"), Description: aws.String("x")}, "PreconditionFailedException", 412},
	} {
		t.Run(name, func(t *testing.T) {
			tt.in.FunctionName, tt.in.Name = aws.String("hello"), aws.String("live")
			_, err := client.UpdateAlias(t.Context(), &tt.in)
			wantException(t, err, tt.want, tt.status)
		})
	}
	after, err := client.GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("hello"), Name: aws.String("live")})
	if err != nil || aws.ToString(after.RevisionId) != aws.ToString(before.RevisionId) {
		t.Errorf("something was changed: %+v, %v", after, err)
	}
	for _, name := range []string{"7", "", "a b", "a.b"} {
		_, err := client.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("hello"), Name: &name, FunctionVersion: aws.String("1")})
		wantException(t, err, "InvalidParameterValueException", http.StatusBadRequest)
	}
}

// TestWeights: the lots are as fair as the weight says, and the same for the same seed.
func TestWeights(t *testing.T) {
	draw := func(seed uint64, weight float64) (hits int, first string) {
		h := startHost(t, versioned(t), func(o *Options) { o.Seed = seed })
		updateLive(t, sdk(h), lambda.UpdateAliasInput{RoutingConfig: weighing(map[string]float64{"2": weight})})
		for i := range 10_000 {
			v, err := h.choose(target{h.functions["hello"], "live"})
			if err != nil {
				t.Fatal(err)
			}
			if v.name == "2" {
				hits++
			}
			if i < 64 {
				first += v.name
			}
		}
		return hits, first
	}
	for _, tt := range []struct {
		weight      float64
		least, most int // four standard deviations around the mean
	}{{0, 0, 0}, {0.05, 413, 587}, {0.5, 4800, 5200}, {1, 10_000, 10_000}} {
		t.Run(fmt.Sprint(tt.weight), func(t *testing.T) {
			if hits, _ := draw(7, tt.weight); hits < tt.least || hits > tt.most {
				t.Errorf("%d of 10000 hits", hits)
			}
		})
	}
	_, one := draw(7, 0.5)
	_, same := draw(7, 0.5)
	_, other := draw(8, 0.5)
	_, unseeded := draw(0, 0.5)
	_, again := draw(0, 0.5)
	if one != same || one == other || unseeded == again {
		t.Error("a seed does not decide, or none does")
	}
}

// TestGatewayLeadsToAnAlias: each answer tells which version it came from.
func TestGatewayLeadsToAnAlias(t *testing.T) {
	cfg := versioned(t)
	cfg.Functions[0].Aliases[0].Weights = map[string]float64{"2": 0.5}
	cfg.HTTP = &HTTP{Listen: "127.0.0.1:0", Timeout: DefaultHTTPTimeout, Routes: []Route{{"GET /live", "hello", "live"}, {"GET /latest", "hello", ""}, {"GET /two", "hello", "2"}}}
	h := startHost(t, cfg, func(o *Options) { o.Seed = 1 })
	seen := map[string]int{}
	for range 40 {
		status, header, _ := do(t, h, http.MethodGet, "/live", "")
		if status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		seen[header.Get("X-Amz-Executed-Version")]++
	}
	if seen["1"] < 5 || seen["2"] < 5 || len(seen) != 2 { // decided by the seed
		t.Errorf("versions %v", seen)
	}
	for path, want := range map[string]string{"/latest": "$LATEST", "/two": "2"} {
		if _, header, _ := do(t, h, http.MethodGet, path, ""); header.Get("X-Amz-Executed-Version") != want {
			t.Errorf("%s: version %q", path, header.Get("X-Amz-Executed-Version"))
		}
	}
	if _, err := sdk(h).DeleteAlias(t.Context(), &lambda.DeleteAliasInput{FunctionName: aws.String("hello"), Name: aws.String("live")}); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := do(t, h, http.MethodGet, "/live", ""); status != http.StatusInternalServerError {
		t.Errorf("a route to an alias that is gone answers %d", status)
	}
}
