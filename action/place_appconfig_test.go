package action

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"

	"github.com/firedrill-dev/firedrill/experiment"
	standin "github.com/firedrill-dev/firedrill/internal/appconfig"
)

// fakeAppConfig is AppConfig without a network between, some of whose calls fail.
type fakeAppConfig struct {
	*standin.Server
	calls *faults
}

// Do implements the client's transport.
func (f *fakeAppConfig) Do(r *http.Request) (*http.Response, error) {
	before, after := f.calls.count()
	if f.calls.seen != nil {
		(*f.calls.seen)[len(*f.calls.seen)-1] = middleware.GetOperationName(r.Context())
	}
	if before != nil {
		return nil, before
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), after
}

func appConfigPlace(t *testing.T, name, text string) place {
	p, _ := appConfigFake(t, name, text)
	return p
}

func appConfigFake(t *testing.T, name, text string) (place, *fakeAppConfig) {
	f := &fakeAppConfig{standin.New(), &faults{}}
	api := appconfig.New(appconfig.Options{Region: "eu-west-1", BaseEndpoint: aws.String("http://appconfig.invalid"), HTTPClient: f,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: aws.NopRetryer{}})
	deps := Deps{Lambda: shop("appconfig:shop/live/faults"), Remote: true, AppConfig: func(_ context.Context, at Service) (AppConfigAPI, error) {
		if at != (Service{"eu-west-1", "123456789012", ""}) {
			t.Errorf("asked at %+v", at)
		}
		return api, nil
	}}
	f.Edit(text)
	f.Deploy("p0", f.Create(standin.Version{Text: "{}", Kind: "application/json"}), 0) // of another profile
	p := place{name: name, target: experiment.Target{Lambda: "shop"}, deps: deps, calls: f.calls, set: f.Edit}
	p.get = func() (string, bool) {
		v := f.Versions[f.Live()]
		if v.Kind != "application/json" {
			t.Errorf("the content type was changed: %q", v.Kind)
		}
		return v.Text, true
	}
	return p, f
}

// TestProfileVersions: the version that was deployed before is deployed again, and ours are deleted.
func TestProfileVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := appConfigFake(t, "profile", ownerText)
		original, before := f.Live(), maps.Clone(f.Versions)
		a, undo := p.applied(t, p.factory(), p.latency())
		if err := a.Renew(t.Context(), undo, 50); err != nil {
			t.Fatal(err)
		}
		if err := p.elsewhere(t, undo); err != nil {
			t.Fatal(err)
		}
		if f.Live() != original || !maps.Equal(f.Versions, before) {
			t.Errorf("version %d, want %d; versions %v", f.Live(), original, f.Versions)
		}
	})
}

// TestCoveredDeployment: what somebody else deploys between our look and our deployment is merged.
func TestCoveredDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := appConfigFake(t, "profile", ownerText)
		a, undo := p.prepared(t, p.factory(), p.latency())
		theirs := strings.Replace(ownerText, "{", `{"cpu":{"enabled":false},`, 1)
		f.Interfere = func() {
			f.Edit(theirs)
			f.Deploy("p0", f.Next, 0)
		}
		if err := a.Apply(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		if text, _ := p.get(); !strings.Contains(text, "cpu") || p.faults(t).Run() != "RUN" {
			t.Errorf("not merged: %s", text)
		}
		edited := `{"latency":{"enabled":true,"min_latency":9}}`
		f.Interfere = func() { f.Edit(edited) }
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("got %v", err)
		}
		p.is(t, edited, true)
		for n, v := range f.Versions {
			if v.Description == appConfigMark {
				t.Errorf("version %d is left: %s", n, v.Text)
			}
		}
	})
}

// TestProfilesThatCannotBeWritten: each is refused when the target is looked up or prepared, before anything is changed.
func TestProfilesThatCannotBeWritten(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(f *fakeAppConfig)
		config string
		want   string
	}{
		{"feature flags", func(f *fakeAppConfig) { f.Kind = typeFeatureFlags }, "", "feature flags"},
		{"kept elsewhere", func(f *fakeAppConfig) { f.Where = "ssm-parameter://x" }, "", "ssm-parameter://x"},
		{"no instant strategy", func(f *fakeAppConfig) { f.Strategies = f.Strategies[:1] }, "", "bake time"},
		{"never deployed", func(f *fakeAppConfig) { f.Deployments = nil }, "", "never been deployed"},
		{"under way", func(f *fakeAppConfig) { f.Deploy("p1", 1, 1000) }, "", "under way"},
		{"no such application", nil, "appconfig:none/live/faults", `no application "none"`},
		{"no such environment", nil, "appconfig:shop/none/faults", `no environment "none"`},
		{"no such profile", nil, "appconfig:shop/live/none", `no profile "none"`},
		{"two of a name", nil, "appconfig:shop/live/twice", "name it by its id"},
		{"half a name", nil, "appconfig:shop/live", "is not an AppConfig profile"},
	} {
		p, f := appConfigFake(t, "profile", "{}")
		if test.change != nil {
			test.change(f)
		}
		if test.config != "" {
			p.deps.Lambda = shop(test.config)
		}
		a, _, err := one(p.factory().FaultSets(t.Context(), p.latency(), params("RUN")))
		if err == nil {
			_, err = a.Prepare(t.Context())
		}
		if hint(err) == "" || !strings.Contains(err.Error()+hint(err), test.want) {
			t.Errorf("%s: %v (hint %q)", test.name, err, hint(err))
		}
	}
}

// TestProfileByOtherTool: failure-lambda's variables, and ids instead of names, mean the same place.
func TestProfileByOtherTool(t *testing.T) {
	p, _ := appConfigFake(t, "profile", "{}")
	l := shop("")
	l.variables = map[string]string{variableFailureApplication: "a1", variableFailureEnvironment: "live", variableFailureProfile: "p1", variableFailureParam: "x"}
	p.deps.Lambda = l
	a := p.action(t, p.factory(), p.latency())
	if want := "appconfig:eu-west-1:123456789012:a1/e1/p1"; a.Key() != want || a.place.String() != "AppConfig profile a1/live/p1" {
		t.Errorf("%s (%s), want %s", a.Key(), a.place, want)
	}
	if names := a.Names(); !slices.Contains(names, "a1/live/p1") || !slices.Contains(names, "a1/e1/p1") {
		t.Errorf("a guard may protect %q only", names)
	}
}
