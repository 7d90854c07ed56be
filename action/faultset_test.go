package action

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// TestRefusals: what is not understood, or belongs to somebody else, is not touched, and the hint says what to do.
func TestRefusals(t *testing.T) {
	tests := []struct{ name, text, want, hint string }{
		{"not JSON", "latency: on", "not a JSON object", "mend"},
		{"an array", "[]", "not a JSON object", "mend"},
		{"null", "null", "null", "mend"},
		{"two documents", "{} {}", "something follows", "mend"},
		{"failure-lambda 0.x", `{"isEnabled":true,"failureMode":"latency"}`, "older tool", "mend"},
		{"chaos-lambda", `{"is_enabled":true,"fault_type":"latency"}`, "older tool", "mend"},
		{"a lease that cannot be read", `{"firedrill":[]}`, "firedrill", "mend"},
		{"another run, live", `{"firedrill":{"run":"OTHER","expires_at":"2999-01-01T00:00:00Z","armed":["timeout"]}}`, "armed by run OTHER", "firedrill recover OTHER"},
		{"another run, expired", `{"firedrill":{"run":"OTHER","expires_at":"1999-01-01T00:00:00Z"}}`, "armed by run OTHER", "firedrill recover OTHER"},
		{"binary junk", "\x00\xff\xfe", "not a JSON object", "mend"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := filePlace(t, "file", test.text, true)
			a := p.action(t, p.factory(), p.latency())
			_, err := a.Prepare(t.Context())
			var refused *Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) || !strings.Contains(refused.Hint(), test.hint) {
				t.Errorf("got %v (hint %q)", err, hint(err))
			}
			if _, err := a.Describe(t.Context()); err == nil {
				t.Error("plan says yes to what run refuses")
			}
			p.is(t, test.text, true)
		})
	}
}

func hint(err error) string {
	var refused interface {
		error
		Hint() string
	}
	if errors.As(err, &refused) {
		return refused.Hint()
	}
	return ""
}

// TestUnresolvable: targets that cannot be found are errors before anything is read or changed.
func TestUnresolvable(t *testing.T) {
	dir := t.TempDir()
	function := func(config string, more ...string) Deps {
		l := &fakeLambda{variables: map[string]string{}, calls: &faults{}}
		if config != "" {
			l.variables[variableConfig] = config
		}
		for _, name := range more {
			l.variables[name] = "true"
		}
		return Deps{Lambda: l}
	}
	gone := &fakeLambda{calls: &faults{}, gone: &types.ResourceNotFoundException{}}
	shop := experiment.Target{Lambda: "shop"}
	tests := []struct {
		name      string
		deps      Deps
		condition experiment.Condition
		want      string
	}{
		{"no target", Deps{}, experiment.Condition{Fault: "latency"}, "empty"},
		{"no such kind", Deps{}, experiment.Condition{Fault: "gremlins", Target: shop}, "gremlins"},
		{"a bad attribute", Deps{}, experiment.Condition{Fault: "latency", Target: shop, With: fault.Attributes{"colour": "red"}}, "colour"},
		{"no folder", Deps{}, experiment.Condition{Fault: "latency", Target: experiment.Target{File: filepath.Join(dir, "no", "x.json")}}, "no such file"},
		{"no access", Deps{}, experiment.Condition{Fault: "latency", Target: shop}, "no access"},
		{"no such function", Deps{Lambda: gone}, experiment.Condition{Fault: "latency", Target: shop}, "not found"},
		{"not opted in", function(""), experiment.Condition{Fault: "latency", Target: shop}, "opted in"},
		{"switched off", function("{}", variableDisabled), experiment.Condition{Fault: "latency", Target: shop}, "kill switch"},
		{"switched off as before", function("{}", variableOff), experiment.Condition{Fault: "latency", Target: shop}, "kill switch"},
		{"a parameter, and nobody to ask", function("ssm:/faults"), experiment.Condition{Fault: "latency", Target: shop}, "no address"},
		{"a source that is only read", function("https://h/faults"), experiment.Condition{Fault: "latency", Target: shop}, "https://h/faults"},
		{"env without a name", function("env:"), experiment.Condition{Fault: "latency", Target: shop}, "no variable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := one(NewFactory(test.deps).FaultSets(t.Context(), test.condition, params("RUN")))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ...%s...", err, test.want)
			}
		})
	}
}

// TestOddFiles: what is no regular file of a sane size is not read as a fault set.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	folder, huge := filepath.Join(dir, "folder"), filepath.Join(dir, "huge")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(huge, make([]byte, maxDocument+1), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder, huge} {
		p := place{target: experiment.Target{File: path}, calls: &faults{}}
		if _, err := p.action(t, p.factory(), p.latency()).Prepare(t.Context()); hint(err) == "" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestSymbolicLink: the file behind the link is changed and the link stays one.
func TestSymbolicLink(t *testing.T) {
	p := filePlace(t, "file", ownerText, true)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(p.target.File, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	real := p.target.File
	p.target.File = link
	_, key, err := one(p.factory().FaultSets(t.Context(), p.latency(), params("RUN")))
	if err != nil || !strings.HasSuffix(key, filepath.Base(real)) {
		t.Fatalf("key %q, %v", key, err)
	}
	_, undo := p.applied(t, p.factory(), p.latency())
	if text, _ := p.get(); text == ownerText {
		t.Error("the file behind the link was not changed")
	}
	if err := p.elsewhere(t, undo); err != nil {
		t.Error(err)
	}
	p.is(t, ownerText, true)
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is now %v, %v", info, err)
	}
}

// TestSamplingMustAgree: the document has one seed.
func TestSamplingMustAgree(t *testing.T) {
	p := filePlace(t, "file", "{}", true)
	f := p.factory()
	p.action(t, f, p.latency())
	c := p.exception()
	c.Seed++
	if _, _, err := one(f.FaultSets(t.Context(), c, params("RUN"))); hint(err) == "" {
		t.Errorf("got %v", err)
	}
	if _, _, err := one(f.FaultSets(t.Context(), c, params("NEXT"))); err != nil {
		t.Errorf("another run: %v", err)
	}
}

// TestFunctionFileStore: a function whose configuration names a file is armed through the file, which works when the
// function's host is gone.
func TestFunctionFileStore(t *testing.T) {
	p := filePlace(t, "file", ownerText, true)
	l := &fakeLambda{variables: map[string]string{variableConfig: "file:" + p.target.File}, calls: &faults{}}
	p.target, p.deps = experiment.Target{Lambda: "shop"}, Deps{Lambda: l}
	_, undo := p.applied(t, p.factory(), p.latency())
	p.deps = Deps{}
	if err := p.elsewhere(t, undo); err != nil {
		t.Error(err)
	}
	p.is(t, ownerText, true)
}

// TestGone: where there is nothing left to restore, the undo is complete.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := envPlace(t, "inline", variableConfig, ownerText, true)
		l := p.deps.Lambda.(*fakeLambda)
		p.deps.Embedded = true
		_, undo := p.applied(t, p.factory(), p.latency())
		l.gone = refused()
		if err := p.elsewhere(t, undo); err != nil {
			t.Errorf("an embedded host that is gone: %v", err)
		}
		for _, access := range []LambdaAPI{nil, &fakeLambda{calls: l.calls, gone: errors.New("somebody else was asked")}} {
			p.deps = Deps{Lambda: access}
			if err := p.elsewhere(t, undo); err != nil {
				t.Errorf("an embedded host that is gone with its process: %v", err)
			}
		}
		p = envPlace(t, "inline", variableConfig, ownerText, true)
		l = p.deps.Lambda.(*fakeLambda)
		_, undo = p.applied(t, p.factory(), p.latency())
		l.gone = refused()
		if err := p.elsewhere(t, undo); err == nil {
			t.Error("AWS that cannot be reached is not gone")
		}
		l.gone = &types.ResourceNotFoundException{}
		if err := p.elsewhere(t, undo); err != nil {
			t.Errorf("a deleted function: %v", err)
		}
	})
	p := filePlace(t, "file", ownerText, true)
	_, undo := p.applied(t, p.factory(), p.latency())
	if err := os.RemoveAll(filepath.Dir(p.target.File)); err != nil {
		t.Fatal(err)
	}
	if err := p.elsewhere(t, undo); err != nil {
		t.Errorf("a deleted folder: %v", err)
	}
}

// TestRevisions: somebody edits another variable between our read and our write; both changes survive.
func TestRevisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := envPlace(t, "inline", variableConfig, ownerText, true)
		l := p.deps.Lambda.(*fakeLambda)
		l.interfere = func() { l.edit(func(v map[string]string) { v["STAGE"] = "blue" }) }
		_, undo := p.applied(t, p.factory(), p.latency())
		if l.variables["STAGE"] != "blue" || p.faults(t).Run() != "RUN" {
			t.Errorf("variables: %v", l.variables)
		}
		l.interfere = func() { l.edit(func(v map[string]string) { v["STAGE"] = "green" }) }
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
		p.is(t, ownerText, true)
		if l.variables["STAGE"] != "green" {
			t.Errorf("variables: %v", l.variables)
		}
	})
}

// TestRenewal: where a write costs nothing a new lease is given at once; elsewhere, as in environments, which a write
// restarts, only when it is needed or the share changes.
func TestRenewal(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		a, undo := p.applied(t, p.factory(), p.latency())
		first := p.faults(t).Expires()
		costly := time.Until(first) > params("RUN").Lease
		time.Sleep(5 * time.Second)
		if err := a.Renew(t.Context(), undo, 100); err != nil {
			t.Fatal(err)
		}
		renewed := p.faults(t).Expires()
		if !costly && renewed.Sub(first) != 5*time.Second {
			t.Errorf("the lease grew by %s", renewed.Sub(first))
		}
		if costly && !renewed.Equal(first) {
			t.Errorf("written for %s of lease", renewed.Sub(first))
		}
		if err := a.Renew(t.Context(), undo, 10); err != nil {
			t.Fatal(err)
		}
		if text, _ := p.get(); !strings.Contains(strings.ReplaceAll(string(unsealed([]byte(text))), " ", ""), `"percentage":5`) {
			t.Errorf("10 %% of 50 %%: %s", text)
		}
		time.Sleep(time.Hour)
		if err := a.Renew(t.Context(), undo, 10); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(p.faults(t).Expires()); left < 15*time.Second {
			t.Errorf("%s of lease left after a renewal", left)
		}
		if err := p.elsewhere(t, undo); err != nil {
			t.Fatal(err)
		}
		if err := a.Renew(t.Context(), undo, 100); err == nil {
			t.Error("renewed what is not there any more")
		}
	})
}

func TestProof(t *testing.T) {
	p := filePlace(t, "file", "{}", true)
	p.target.Proof = filepath.Join(t.TempDir(), "proof.jsonl")
	a := p.action(t, p.factory(), p.latency())
	if proof, err := a.Proof(t.Context()); proof.Known || err != nil {
		t.Errorf("no file: %+v, %v", proof, err)
	}
	var lines []byte
	for _, r := range []fault.Record{
		{Run: "RUN", Kind: "latency", Planned: 2, Fired: 1}, {Run: "RUN", Kind: "latency", Planned: 1, Fired: 1},
		{Run: "OTHER", Kind: "latency", Planned: 9, Fired: 9}, {Run: "RUN", Kind: "exception", Planned: 9, Fired: 9},
	} {
		lines = r.AppendJSON(lines)
	}
	lines = append(lines, strings.Repeat("x", 2*maxRecordLine)+"\n{\"torn"...)
	if err := os.WriteFile(p.target.Proof, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	if proof, err := a.Proof(t.Context()); proof != (Proof{Known: true, Planned: 3, Fired: 2}) || err != nil {
		t.Errorf("%+v, %v", proof, err)
	}
	p = envPlace(t, "inline", variableConfig, "{}", true)
	a = p.action(t, p.factory(), p.latency())
	if proof, err := a.Proof(t.Context()); proof.Known || err != nil {
		t.Errorf("nobody counts: %+v, %v", proof, err)
	}
	p.deps.Injections = func(_ context.Context, function, run, kind string) (Proof, error) {
		return Proof{Known: function == "shop" && run == "RUN" && kind == "latency", Planned: 4, Fired: 3}, nil
	}
	a = p.action(t, p.factory(), p.latency())
	if proof, err := a.Proof(t.Context()); proof != (Proof{Known: true, Planned: 4, Fired: 3}) || err != nil {
		t.Errorf("%+v, %v", proof, err)
	}
}

// TestDocumentIsWhatFunctionsRead: each kind that the fault model knows can be published and plans something.
func TestDocumentIsWhatFunctionsRead(t *testing.T) {
	with := map[fault.Kind]fault.Attributes{
		"latency": {"min_latency": 1.0, "max_latency": 2.0}, "denylist": {"deny_list": []any{"x"}},
		"outgoing":  {"hosts": []any{"x"}, "refuse": true},
		"coldstart": {"min_latency": 1.0}, "poison": {"remove": []any{"x"}},
		"awscall": {"service": "dynamodb", "error": "throttling"},
	}
	for _, kind := range fault.Kinds() {
		t.Run(string(kind.Kind), func(t *testing.T) {
			p := filePlace(t, "file", ownerText, true)
			c := p.latency()
			c.Fault, c.With, c.Percentage = string(kind.Kind), with[kind.Kind], 100
			_, undo := p.applied(t, p.factory(), c)
			if set := p.faults(t); len(set.Armed()) == 0 {
				text, _ := p.get()
				t.Errorf("arms nothing: %s", text)
			}
			if err := p.elsewhere(t, undo); err != nil {
				t.Error(err)
			}
			p.is(t, ownerText, true)
		})
	}
}

// TestRestoreOfJunk: an undo record that is not ours is an error, never a panic or a change.
func TestRestoreOfJunk(t *testing.T) {
	a, err := NewFactory(Deps{}).Restore("latency")
	if err != nil {
		t.Fatal(err)
	}
	for _, undo := range []string{"", "null", "{}", "[1]", `{"v":2}`, `{"v":1}`, `{"v":1,"place":{"kind":"file"}}`, `{"v":1,"place":{"kind":"tape"}}`} {
		if err := a.Revert(t.Context(), []byte(undo)); err == nil {
			t.Errorf("%q was accepted", undo)
		}
	}
}

// TestSweep: what a killed writer left is removed by the next one.
func TestSweep(t *testing.T) {
	p := filePlace(t, "file", ownerText, true)
	left := filepath.Join(filepath.Dir(p.target.File), ".faults.json.firedrill-123")
	if err := os.WriteFile(left, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.applied(t, p.factory(), p.latency())
	if _, err := os.Stat(left); err == nil {
		t.Error("still there")
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(ownerText), []byte(`{"latency":{"enabled":true},"firedrill":{"run":"R","armed":["latency"]}}`))
	f.Add([]byte(`{}`), []byte(`{"latency":{"enabled":true,"percentage":5},"firedrill":{"run":"R"}}`))
	f.Fuzz(func(t *testing.T, original, now []byte) {
		u := undoRecord{V: 1, Run: "R", Kind: "latency", Original: original, Existed: true, Member: []byte(`{"enabled":true}`)}
		d, err := parseDocument(unsealed(original))
		if err != nil {
			return
		}
		u.Before = d.get("latency")
		plain := func(_ []byte, d document) ([]byte, string, error) {
			data, err := d.encode()
			return data, "", err
		}
		next, write, _, err := u.restore(snapshot{data: now, exists: true}, plain)
		if err != nil || !write {
			return
		}
		again, rewrite, _, err := u.restore(next, plain)
		if err != nil || rewrite {
			t.Errorf("not idempotent: %q, then %q (%v)", next.data, again.data, err)
		}
	})
}

// TestModeIsKept: the file stays as readable as it was, armed or not.
func TestModeIsKept(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	p := filePlace(t, "file", ownerText, true)
	_, undo := p.applied(t, p.factory(), p.latency())
	for _, when := range []string{"armed", "restored"} {
		if info, err := os.Stat(p.target.File); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", when, info.Mode(), err)
		}
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
	}
}

// TestLease: at any time after a renewal, whether or not it had to write, the lease lasts as long as the action says.
func TestLease(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		a, undo := p.applied(t, p.factory(), p.latency())
		for range 200 {
			if left := time.Until(p.faults(t).Expires()); left < a.Lease() {
				t.Fatalf("%s left, and %s were promised", left, a.Lease())
			}
			time.Sleep(params("RUN").Lease / 3)
			if err := a.Renew(t.Context(), undo, 100); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLargeEnvironment: what Lambda would not take is refused before anything is changed; other hosts know no limit.
func TestLargeEnvironment(t *testing.T) {
	p := envPlace(t, "variable", "FAULTS", "{}", true)
	p.deps.Lambda.(*fakeLambda).edit(func(v map[string]string) { v["OTHER"] = strings.Repeat("x", 3950) })
	if _, err := p.action(t, p.factory(), p.latency()).Prepare(t.Context()); hint(err) == "" || !strings.Contains(err.Error(), "4096") {
		t.Errorf("got %v", err)
	}
	p.deps.Endpoint = "http://127.0.0.1:1"
	if _, err := p.action(t, p.factory(), p.latency()).Prepare(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestKeysOfAccounts: behind one endpoint, such as that of a private network, the same name is something else in each account.
func TestKeysOfAccounts(t *testing.T) {
	here := location{Kind: kindSSM, Region: "eu-west-1", Name: "/faults", Endpoint: "https://vpce.example"}
	there := here
	there.Access = Access{Role: "arn:aws:iam::111122223333:role/firedrill"}
	other := there
	other.Access.Role = "arn:aws:iam::111122223333:role/another"
	if here.key() == there.key() || there.key() != other.key() {
		t.Errorf("%s, %s, %s", here.key(), there.key(), other.key())
	}
}
