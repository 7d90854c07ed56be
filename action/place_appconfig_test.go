package action

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"

	"github.com/firedrill-dev/firedrill/experiment"
)

// fakeAppConfig is the control side of AppConfig, as its API reference describes it, with one application, one
// environment and two profiles. It answers the real client's requests, without a network between.
type fakeAppConfig struct {
	strategies  []map[string]any
	kind        string // of the profile "faults"
	where       string // its location
	versions    map[int]version
	next        int
	deployments []*fakeDeployment // by number, from 1
	slowness    int               // looks until a deployment is over
	calls       *faults
	interfere   func() // once, before the next deployment starts
}

type version struct{ text, description, kind string }

type fakeDeployment struct {
	ConfigurationProfileId, ConfigurationName, ConfigurationVersion, State string
	DeploymentNumber                                                       int
	left                                                                   int
}

func newFakeAppConfig() *fakeAppConfig {
	return &fakeAppConfig{
		strategies: []map[string]any{
			{"Id": "AppConfig.AllAtOnce", "Name": "AppConfig.AllAtOnce", "DeploymentDurationInMinutes": 0, "FinalBakeTimeInMinutes": 10, "GrowthFactor": 100},
			{"Id": "s1", "Name": "instant", "DeploymentDurationInMinutes": 0, "FinalBakeTimeInMinutes": 0, "GrowthFactor": 100},
		},
		kind: "AWS.Freeform", where: "hosted", versions: map[int]version{}, slowness: 2, calls: &faults{},
	}
}

func (f *fakeAppConfig) create(v version) int {
	f.next++
	f.versions[f.next] = v
	return f.next
}

func (f *fakeAppConfig) deploy(profile string, version int, looks int) *fakeDeployment {
	d := &fakeDeployment{ConfigurationProfileId: profile, ConfigurationName: "faults", ConfigurationVersion: strconv.Itoa(version), State: "DEPLOYING", DeploymentNumber: len(f.deployments) + 1, left: looks}
	f.deployments = append(f.deployments, d)
	f.look(d)
	return d
}

func (f *fakeAppConfig) look(d *fakeDeployment) {
	if d.left--; d.left < 0 && d.State == "DEPLOYING" {
		d.State = "COMPLETE"
	}
}

// edit is a deployment of somebody else.
func (f *fakeAppConfig) edit(text string) {
	f.deploy("p1", f.create(version{text, "the owner's", "application/json"}), 0)
}

// live is the version that the environment runs.
func (f *fakeAppConfig) live() int {
	for _, d := range slices.Backward(f.deployments) {
		if d.ConfigurationProfileId == "p1" && d.State == "COMPLETE" {
			n, _ := strconv.Atoi(d.ConfigurationVersion)
			return n
		}
	}
	return 0
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
	f.serve(w, r)
	return w.Result(), after
}

func (f *fakeAppConfig) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := path[len(path)-1]
	number, _ := strconv.Atoi(last)
	list := func(items ...any) { answer(w, http.StatusOK, map[string]any{"Items": items}) }
	if !strings.HasPrefix(r.URL.Path, "/deploymentstrategies") && len(path) > 1 && path[1] != "a1" {
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
		return
	}
	switch {
	case last == "applications":
		list(map[string]any{"Id": "a0", "Name": "other"}, map[string]any{"Id": "a1", "Name": "shop"})
	case last == "environments":
		list(map[string]any{"Id": "e1", "Name": "live"})
	case last == "configurationprofiles":
		list(map[string]any{"Id": "p0", "Name": "twice", "LocationUri": "hosted"}, map[string]any{"Id": "p2", "Name": "twice", "LocationUri": "hosted"},
			map[string]any{"Id": "p1", "Name": "faults", "LocationUri": f.where, "Type": f.kind})
	case last == "deploymentstrategies":
		answer(w, http.StatusOK, map[string]any{"Items": f.strategies})
	case last == "deployments" && r.Method == http.MethodPost:
		f.start(w, r)
	case last == "deployments":
		var items []any
		for _, d := range slices.Backward(f.deployments) {
			items = append(items, d)
		}
		list(items...)
	case path[len(path)-2] == "deployments":
		if number < 1 || number > len(f.deployments) {
			fail(w, http.StatusNotFound, "ResourceNotFoundException")
			return
		}
		f.look(f.deployments[number-1])
		answer(w, http.StatusOK, f.deployments[number-1])
	case last == "hostedconfigurationversions":
		text, _ := io.ReadAll(r.Body)
		f.version(w, http.StatusCreated, f.create(version{string(text), r.Header.Get("Description"), r.Header.Get("Content-Type")}))
	case r.Method == http.MethodDelete:
		if number == f.live() {
			fail(w, http.StatusConflict, "ConflictException")
			return
		}
		delete(f.versions, number)
		w.WriteHeader(http.StatusNoContent)
	default:
		f.version(w, http.StatusOK, number)
	}
}

func (f *fakeAppConfig) start(w http.ResponseWriter, r *http.Request) {
	if interfere := f.interfere; interfere != nil {
		f.interfere = nil
		interfere()
	}
	var in struct{ ConfigurationProfileId, ConfigurationVersion, DeploymentStrategyId string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.DeploymentStrategyId != "s1" {
		fail(w, http.StatusBadRequest, "BadRequestException")
		return
	}
	if n := len(f.deployments); n > 0 && f.deployments[n-1].State == "DEPLOYING" {
		f.look(f.deployments[n-1])
		fail(w, http.StatusConflict, "ConflictException")
		return
	}
	n, _ := strconv.Atoi(in.ConfigurationVersion)
	answer(w, http.StatusCreated, f.deploy(in.ConfigurationProfileId, n, f.slowness))
}

func (f *fakeAppConfig) version(w http.ResponseWriter, status, number int) {
	v, ok := f.versions[number]
	if !ok {
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
		return
	}
	w.Header().Set("Version-Number", strconv.Itoa(number))
	w.Header().Set("Description", v.description)
	w.Header().Set("Content-Type", v.kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, v.text)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amzn-Errortype", code)
	answer(w, status, map[string]string{"Message": code})
}

func appConfigPlace(t *testing.T, name, text string) place {
	p, _ := appConfigFake(t, name, text)
	return p
}

func appConfigFake(t *testing.T, name, text string) (place, *fakeAppConfig) {
	f := newFakeAppConfig()
	api := appconfig.New(appconfig.Options{Region: "eu-west-1", BaseEndpoint: aws.String("http://appconfig.invalid"), HTTPClient: f,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: aws.NopRetryer{}})
	deps := Deps{Lambda: shop("appconfig:shop/live/faults"), Remote: true, AppConfig: func(_ context.Context, at Service) (AppConfigAPI, error) {
		if at != (Service{"eu-west-1", "123456789012", ""}) {
			t.Errorf("asked at %+v", at)
		}
		return api, nil
	}}
	f.edit(text)
	f.deploy("p0", f.create(version{"{}", "", "application/json"}), 0) // of another profile
	p := place{name: name, target: experiment.Target{Lambda: "shop"}, deps: deps, calls: f.calls, set: f.edit}
	p.get = func() (string, bool) {
		v := f.versions[f.live()]
		if v.kind != "application/json" {
			t.Errorf("the content type was changed: %q", v.kind)
		}
		return v.text, true
	}
	return p, f
}

// TestProfileVersions: the version that was deployed before is deployed again, and ours are deleted.
func TestProfileVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := appConfigFake(t, "profile", ownerText)
		original, before := f.live(), maps.Clone(f.versions)
		a, undo := p.applied(t, p.factory(), p.latency())
		if err := a.Renew(t.Context(), undo, 50); err != nil {
			t.Fatal(err)
		}
		if err := p.elsewhere(t, undo); err != nil {
			t.Fatal(err)
		}
		if f.live() != original || !maps.Equal(f.versions, before) {
			t.Errorf("version %d, want %d; versions %v", f.live(), original, f.versions)
		}
	})
}

// TestCoveredDeployment: what somebody else deploys between our look and our deployment is merged.
func TestCoveredDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, f := appConfigFake(t, "profile", ownerText)
		a, undo := p.prepared(t, p.factory(), p.latency())
		theirs := strings.Replace(ownerText, "{", `{"cpu":{"enabled":false},`, 1)
		f.interfere = func() {
			f.edit(theirs)
			f.deploy("p0", f.next, 0)
		}
		if err := a.Apply(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		if text, _ := p.get(); !strings.Contains(text, "cpu") || p.faults(t).Run() != "RUN" {
			t.Errorf("not merged: %s", text)
		}
		edited := `{"latency":{"enabled":true,"min_latency":9}}`
		f.interfere = func() { f.edit(edited) }
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("got %v", err)
		}
		p.is(t, edited, true)
		for n, v := range f.versions {
			if v.description == appConfigMark {
				t.Errorf("version %d is left: %s", n, v.text)
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
		{"feature flags", func(f *fakeAppConfig) { f.kind = typeFeatureFlags }, "", "feature flags"},
		{"kept elsewhere", func(f *fakeAppConfig) { f.where = "ssm-parameter://x" }, "", "ssm-parameter://x"},
		{"no instant strategy", func(f *fakeAppConfig) { f.strategies = f.strategies[:1] }, "", "bake time"},
		{"never deployed", func(f *fakeAppConfig) { f.deployments = nil }, "", "never been deployed"},
		{"under way", func(f *fakeAppConfig) { f.deploy("p1", 1, 1000) }, "", "under way"},
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
