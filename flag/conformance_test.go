package flag_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/appconfig"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/flag"
	"github.com/firedrill-dev/firedrill/internal/appconfig"
)

// The conformance suite: what every Switch of a flag in a document owes the engine.

// A place is where flags are kept, seen from outside.
type place struct {
	name    string
	format  flag.Format
	open    func(t *testing.T) flag.Store // as a new process does
	get     func() string
	set     func(text string) // somebody else's edit; "": the document is removed
	kept    func(t *testing.T)
	failing *failing
	order   flag.Order
}

// failing lets one call to the world fail: its work is done before, or not.
type failing struct {
	n, at int
	after bool
}

func (f *failing) count() (before, after error) {
	if f.n++; f.n != f.at {
		return nil, nil
	}
	if f.after {
		return nil, errors.New("connection lost")
	}
	return errors.New("connection refused"), nil
}

const (
	plainFlagd    = "{\"flags\": {\n \"old\": {\"state\":\"ENABLED\",\"variants\":{\"a\":1,\"b\":2},\"defaultVariant\":\"a\"},\n \"new-pricing\" : {\"defaultVariant\":\"off\", \"variants\":{\"off\":false,\"on\":true},\"state\":\"ENABLED\"}}, \"$evaluators\": {}}\n"
	targetedFlagd = `{"flags":{"new-pricing":{"state":"ENABLED","variants":{"off":false,"on":true},"defaultVariant":"off","targeting":{"if":[{"in":["@example.com",{"var":"email"}]},"on"]}}, "old":{}}}`
	plainFlags    = `{"version":"1","flags":{"new-pricing":{"name":"New pricing","attributes":{"rate":{"constraints":{"type":"number"}}}},"old":{"name":"Old"}},"values":{"new-pricing":{"enabled":false,"rate":3},"old":{"enabled":true}}}`
	variantFlags  = `{"version":"1","flags":{"new-pricing":{"name":"New pricing"},"old":{"name":"Old"}},"values":{"new-pricing":{"_variants":[{"name":"QA","enabled":true,"rule":"(ends_with $email \"@example.com\")"},{"name":"Default","enabled":false}]},"old":{"enabled":true}}}`
)

var order = flag.Order{Flag: "new-pricing", Cohort: flag.Cohort{Attribute: "cohort", Value: "beta"}, Run: "01J00000000000000000000000"}

func places(t *testing.T) []place {
	return []place{
		filePlace(t, "flagd", plainFlagd), filePlace(t, "flagd with rules", targetedFlagd), filePlace(t, "flagd with no rules", strings.Replace(plainFlagd, `"state":"ENABLED"}}`, `"state":"ENABLED", "targeting": { }}}`, 1)),
		profilePlace(t, "AppConfig", plainFlags), profilePlace(t, "AppConfig with variants", variantFlags),
	}
}

func everywhere(t *testing.T, f func(t *testing.T, p place)) {
	for i, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, places(t)[i]) })
		})
	}
}

// failingStore counts the calls of a store that makes no calls of its own to count.
type failingStore struct {
	flag.Store
	calls *failing
}

func (s failingStore) Update(ctx context.Context, change func([]byte) ([]byte, string, error)) error {
	before, after := s.calls.count()
	if before != nil {
		return before
	}
	return errors.Join(s.Store.Update(ctx, change), after)
}

func filePlace(t *testing.T, name, text string) place {
	path := filepath.Join(t.TempDir(), "flags.json")
	p := place{name: name, format: flag.Flagd(), order: order, failing: &failing{}}
	p.get = func() string {
		data, _ := os.ReadFile(path)
		return string(data)
	}
	p.set = func(text string) {
		err := os.WriteFile(path, []byte(text), 0o600)
		if text == "" {
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p.set(text)
	p.kept = func(t *testing.T) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file's mode is not kept: %v, %v", info, err)
		}
		if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
			t.Errorf("something is left beside it: %v", list)
		}
	}
	p.open = func(t *testing.T) flag.Store {
		s, err := action.NewFactory(action.Deps{}).Flags(t.Context(), "file:"+path, order.Run)
		if err != nil {
			t.Fatal(err)
		}
		return failingStore{s, p.failing}
	}
	return p
}

// transport answers AppConfig's client without a network between.
type transport struct {
	*appconfig.Server
	calls *failing
}

func (f transport) Do(r *http.Request) (*http.Response, error) {
	before, after := f.calls.count()
	if before != nil {
		return nil, before
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result(), after
}

func profilePlace(t *testing.T, name, text string) place {
	s := appconfig.New()
	s.Kind = appconfig.FeatureFlags
	s.Edit(text)
	p := place{name: name, format: flag.AppConfig(), order: order, failing: &failing{}}
	p.get = func() string { return s.Versions[s.Live()].Text }
	p.set = s.Edit
	before, live := maps.Clone(s.Versions), s.Live()
	p.kept = func(t *testing.T) {
		if s.Live() != live || !maps.Equal(s.Versions, before) {
			t.Errorf("version %d, want %d; versions %v", s.Live(), live, s.Versions)
		}
	}
	p.open = func(t *testing.T) flag.Store { return profile(t, s, p.failing) }
	return p
}

func profile(t *testing.T, s *appconfig.Server, calls *failing) flag.Store {
	d, err := profileFactory(s, calls).Flags(t.Context(), "shop/live/faults", order.Run)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func profileFactory(s *appconfig.Server, calls *failing) *action.Factory {
	api := sdk.New(sdk.Options{Region: "eu-west-1", BaseEndpoint: aws.String("http://appconfig.invalid"), HTTPClient: transport{s, calls},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: aws.NopRetryer{}})
	return action.NewFactory(action.Deps{
		Home:      func(context.Context, string) (action.Service, error) { return action.Service{Region: "eu-west-1"}, nil },
		AppConfig: func(context.Context, action.Service) (action.AppConfigAPI, error) { return api, nil },
	})
}

func (p place) provider(t *testing.T) *flag.Document {
	return &flag.Document{Store: p.open(t), Format: p.format}
}

func (p place) prepared(t *testing.T) (flag.Switch, json.RawMessage) {
	t.Helper()
	s := p.provider(t).Switch(p.order)
	undo, err := s.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, undo
}

func (p place) applied(t *testing.T) (flag.Switch, json.RawMessage) {
	t.Helper()
	s, undo := p.prepared(t)
	if err := s.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	return s, undo
}

// elsewhere takes it back in a new process, which knows the undo as it was read back from a journal.
func (p place) elsewhere(t *testing.T, undo json.RawMessage) error {
	t.Helper()
	line, err := json.Marshal(undo)
	var copied json.RawMessage
	if err = errors.Join(err, json.Unmarshal(line, &copied)); err != nil {
		t.Fatal(err)
	}
	return flag.Restore(t.Context(), copied, func(at json.RawMessage, run string) (flag.Store, error) {
		own, err := p.open(t).Place()
		if err != nil || string(own) != string(at) || run != order.Run {
			t.Errorf("the place is %s of run %s, want %s (%v)", at, run, own, err)
		}
		return p.open(t), nil
	})
}

func (p place) is(t *testing.T, text string) {
	t.Helper()
	if now := p.get(); now != text {
		t.Errorf("the document is\n%s\nwant\n%s", now, text)
	}
}

// on fails unless the flag is on for the cohort, or off, and off for everybody else.
func (p place) on(t *testing.T, want bool) {
	t.Helper()
	for value, on := range map[string]bool{"beta": want, "control": false} {
		e, err := p.provider(t).Evaluate(t.Context(), "new-pricing", flag.Attributes{"cohort": value, "email": "someone@example.org"})
		if err != nil || strings.Contains(string(e.Value), "true") != on {
			t.Errorf("for %s it is %s (%v)", value, e, err)
		}
	}
}

func TestExactRestore(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text := p.get()
		p.on(t, false)
		s, undo := p.prepared(t)
		p.is(t, text)
		if err := s.Apply(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		p.on(t, true)
		if err := s.Apply(t.Context(), undo); err != nil { // the first answer was lost
			t.Errorf("twice: %v", err)
		}
		for range 2 {
			if err := s.Revert(t.Context(), undo); err != nil {
				t.Error(err)
			}
			p.is(t, text)
		}
		p.kept(t)
	})
}

func TestRevertWithoutApply(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text := p.get()
		_, undo := p.prepared(t)
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
		p.is(t, text)
		p.kept(t)
	})
}

func TestAnotherProcess(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text := p.get()
		_, undo := p.applied(t)
		for range 2 {
			if err := p.elsewhere(t, undo); err != nil {
				t.Error(err)
			}
			p.is(t, text)
		}
		p.kept(t)
	})
}

// TestEveryCallFails lets each call to the world fail once, before and after its work.
func TestEveryCallFails(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text := p.get()
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				s, undo := p.prepared(t)
				p.failing.n, p.failing.at, p.failing.after = 0, at, after
				steps := errors.Join(s.Apply(t.Context(), undo), s.Revert(t.Context(), undo))
				finished := p.failing.n < at
				p.failing.at = 0
				if err := p.elsewhere(t, undo); err != nil {
					t.Errorf("call %d: %v after %v", at, err, steps)
				}
				p.on(t, false)
				if finished {
					break
				}
			}
		}
		p.is(t, text)
	})
}

func TestCancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text := p.get()
		s, undo := p.applied(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = s.Revert(ctx, undo)
		if err := s.Revert(t.Context(), undo); err != nil {
			t.Error(err)
		}
		p.is(t, text)
	})
}

// TestOthersEdits: what somebody else does meanwhile survives. What they do to the flag is told.
func TestOthersEdits(t *testing.T) {
	for _, edit := range []struct {
		name     string
		from, to string // in the document, spaces left out
		drift    string // what is told; empty: nothing
	}{
		{"another flag", `"old":{"defaultVariant":"a"`, `"old":{"defaultVariant":"b"`, ""},
		{"another flag of AppConfig", `,"enabled":true}},"version"`, `,"enabled":false}},"version"`, ""},
		{"a flag more", `"old":{}`, `"old":{},"older":{"state":"DISABLED"}`, ""},
		{"the cohort is another one", `beta`, `gamma`, "edited|not in it"},
		{"our rule has another end", `"beta"]},"on"`, `"beta"]},"off"`, "edited"},
		{"our variant is off", `"enabled":true,"name":"Firedrill`, `"enabled":false,"name":"Firedrill`, "edited"},
		{"a rule before ours", `"targeting":{"if":[`, `"targeting":{"if":[{"==":[{"var":"x"},1]},"off",{"if":[`, "is out of it"},
		{"the flag beside our rule", `{"off":false`, `{"half":0.5,"off":false`, "is out of it"},
		{"the flag beside our variant", `"name":"Default"`, `"name":"Rest"`, "is out of it"},
		{"the flag is gone", `"new-pricing"`, `"newer-pricing"`, "no flag"},
	} {
		t.Run(edit.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, p place) {
				_, undo := p.applied(t)
				compact := compacted(t, p.get())
				edited := strings.ReplaceAll(compact, edit.from, edit.to)
				if edit.name == "a rule before ours" && edited != compact {
					edited = strings.Replace(edited, `},"variants":{"off"`, `}]},"variants":{"off"`, 1)
				}
				if edited == compact {
					return // there is nothing like that in this format
				}
				p.set(edited)
				edited = p.get()
				err := p.elsewhere(t, undo)
				var drift *flag.Drift
				if (edit.drift != "") != errors.As(err, &drift) || err != nil && drift == nil {
					t.Fatalf("told: %v", err)
				}
				if drift != nil && !matches(drift.What, edit.drift) {
					t.Errorf("told: %s", drift.What)
				}
				if now := p.get(); strings.HasPrefix(edit.drift, "edited") || edit.drift == "no flag" {
					p.is(t, edited)
				} else if theirs, _, _ := strings.Cut(edit.to, ",{\"if"); !strings.Contains(compacted(t, now), theirs) {
					t.Errorf("their edit is gone: %s", now)
				}
				after := p.get()
				if again := p.elsewhere(t, undo); again != nil && !errors.As(again, &drift) {
					t.Errorf("the second time: %v", again)
				}
				p.is(t, after)
				if edit.drift == "" {
					p.on(t, false)
				}
			})
		})
	}
}

func matches(text, any string) bool {
	for part := range strings.SplitSeq(any, "|") {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func compacted(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestRemoved: a document that is no more has no flag that could be on.
func TestRemoved(t *testing.T) {
	p := filePlace(t, "flagd", plainFlagd)
	s, undo := p.applied(t)
	p.set("")
	var drift *flag.Drift
	if err := s.Revert(t.Context(), undo); !errors.As(err, &drift) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("Revert: %v", err)
	}
	if err := s.Apply(t.Context(), undo); err == nil {
		t.Error("Apply has found a document")
	}
}

// TestChangedBeforeApply: what was edited after it was read is not overwritten.
func TestChangedBeforeApply(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		s, undo := p.prepared(t)
		edited := strings.NewReplacer(`"off":false`, `"off":0`, `"off": false`, `"off":0`, `"enabled":false`, `"enabled":true`).Replace(p.get())
		p.set(edited)
		edited = p.get()
		var refused *flag.Refused
		if err := s.Apply(t.Context(), undo); !errors.As(err, &refused) || !strings.Contains(err.Error(), "somebody else") || refused.Hint() == "" {
			t.Errorf("Apply: %v", err)
		}
		p.is(t, edited)
		var drift *flag.Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("Revert: %v", err)
		}
		p.is(t, edited)
	})
}

// TestMergedDeployment: what somebody deploys between our look and our deployment is kept, and our rule is in it.
func TestMergedDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := appconfig.New()
		s.Kind = appconfig.FeatureFlags
		s.Edit(plainFlags)
		p := place{format: flag.AppConfig(), order: order, get: func() string { return s.Versions[s.Live()].Text }}
		p.open = func(t *testing.T) flag.Store { return profile(t, s, &failing{}) }
		sw, undo := p.prepared(t)
		theirs := strings.Replace(plainFlags, `"old":{"enabled":true}`, `"old":{"enabled":false}`, 1)
		s.Interfere = func() { s.Edit(theirs) }
		if err := sw.Apply(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.get(), `"old":{"_updatedAt":"2026-11-21T10:00:03Z","enabled":false}`) {
			t.Errorf("theirs is gone: %s", p.get())
		}
		p.on(t, true)
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
		p.on(t, false)
		for n, v := range s.Versions {
			if n != s.Live() && strings.HasPrefix(v.Description, "Firedrill") {
				t.Errorf("version %d is left: %s", n, v.Text)
			}
		}
	})
}
