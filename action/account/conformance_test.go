package account

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// The conformance suite: what every change of an account owes the engine. It is whole where FIREDRILL_REQUIRE names kinds;
// elsewhere the cases in which calls fail or the process dies are left out, because they take minutes.
// A kind takes part by a fixture in the test file
// beside it, which fixtures lists.

// A fixture is a resource in AWS's stand-in for the tests of one kind.
type fixture struct {
	kind string
	// front stands before moto and answers what moto does not; nil: moto does all that the kind needs.
	front func(moto http.Handler) http.Handler
	// setup makes what the kind's page names as the target of its example.
	setup func(t *testing.T, w world)
	// bare makes it without the piece of configuration that the fault adds to; nil: there is always some.
	bare func(t *testing.T, w world)
	// id is the name of what setup made, where AWS chooses it: ${id} in target, and in the page's example. nil: setup names it.
	id func(t *testing.T, w world) string
	// target and with are a condition on it, as the parser would yield them.
	target experiment.Target
	with   fault.Attributes
	// state is everything that the change may touch, and what is beside it, as AWS tells it; it is compared as JSON.
	state func(t *testing.T, w world) any
	// edit is somebody else's change of the very thing, made while the fault is there: it must survive.
	edit func(t *testing.T, w world)
	// beside is somebody else's change next to it, which must survive while the fault goes; nil: there is nothing beside.
	beside func(t *testing.T, w world)
	// unseen are permissions that calls need beside their own, or that these cases do not come to.
	unseen []string
	// api stands for the application of the page's example, ${api}; nil: a server that answers 200.
	api func(t *testing.T, w world) http.Handler
	// exit is what the example's run exits with; 0: held.
	exit int
	// stays says that the change is a deed: the state does not come back.
	stays bool
}

func (f fixture) look(t *testing.T, w world) string {
	t.Helper()
	raw, err := json.MarshalIndent(f.state(t, w), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(raw), w.account, "ACCOUNT") // besideEdit compares two of them
	if f.id != nil {
		text = strings.ReplaceAll(text, f.id(t, w), "ID")
	}
	return text
}

// resources are the target's, by their real names.
func (f fixture) resources(t *testing.T, w world) []string {
	t.Helper()
	names := slices.Clone(f.target.Resources)
	for i := range names {
		if f.id != nil {
			names[i] = strings.ReplaceAll(names[i], "${id}", f.id(t, w))
		}
	}
	return names
}

// fixtures lists the fixture of every kind.
func fixtures() []fixture {
	return []fixture{
		deploymentFixture(),
		restThrottleFixture(),
		httpThrottleFixture(),
		apiCORSFixture(),
		corsFixture(),
		autoscalingSuspendFixture(),
		autoscalingTerminateFixture(),
		capacityFixture(),
		maxThroughputFixture(),
		ruleFixture(),
		healthCheckFixture(),
		weightsFixture(),
		ec2RebootFixture(),
		ec2StopFixture(),
		ec2TerminateFixture(),
		aliasFixture(),
		ecsStopTasksFixture(),
		concurrencyFixture(),
		environmentFixture(),
		eventSourceFixture(),
		layerFixture(),
		memoryFixture(),
		timeoutFixture(),
		boundaryFixture(),
		bucketFixture(),
		keyFixture(),
		queueFixture(),
		roleDenyFixture(),
		secretFixture(),
		tablePolicyFixture(),
		topicFixture(),
		networkACLFixture(),
		securityGroupFixture(),
		ssmCPUStressFixture(),
		ssmDiskFillFixture(),
		ssmKillProcessFixture(),
		ssmMemoryStressFixture(),
		ssmNetworkLatencyFixture(),
	}
}

func TestEveryKindHasAFixture(t *testing.T) {
	have := map[string]bool{}
	for _, f := range fixtures() {
		have[f.kind] = true
	}
	for _, k := range Kinds() {
		if !have[string(k.Kind)] {
			t.Errorf("kind %s has no fixture: the conformance suite does not see it", k.Kind)
		}
	}
}

// cases counts what was tried, for docs/safety.md.
var cases atomic.Int64

func TestConformance(t *testing.T) {
	stands := []*stand{newStand(t), newStand(t)} // each keeps one processor busy
	var next atomic.Int64
	t.Run("kinds", func(t *testing.T) {
		sideBySide(t, fixtures(), func(t *testing.T, f fixture) {
			conform(t, stands[int(next.Add(1))%len(stands)].behind(t, f), f)
		})
	})
	t.Logf("%d cases over %d kinds", cases.Load(), len(fixtures()))
	if thorough() && !filtered() {
		checkFigures(t, cases.Load())
	}
}

// filtered says that only some of the cases were asked for.
func filtered() bool {
	return slices.ContainsFunc([]string{"test.run", "test.skip"}, func(name string) bool {
		return strings.Contains(flag.Lookup(name).Value.String(), "/")
	})
}

// checkFigures compares what was tried with what docs/safety.md says.
func checkFigures(t *testing.T, tried int64) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "safety.md"))
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`At least (\d+) cases over (\d+) kinds`).FindSubmatch(text)
	if match == nil {
		t.Fatal("docs/safety.md does not say how many cases there are")
	}
	said, _ := strconv.ParseInt(string(match[1]), 10, 64)
	over, _ := strconv.Atoi(string(match[2]))
	if tried < said || over != len(fixtures()) {
		t.Errorf("%d cases over %d kinds, and docs/safety.md says %s", tried, len(fixtures()), match[0])
	}
}

func conform(t *testing.T, stand *stand, f fixture) {
	made := map[string]bool{}
	for name, try := range map[string]func(t *testing.T, c *subject){
		"restores exactly":                  restoresExactly,
		"proof of a stopped run":            proofWithoutLook,
		"no proof of what is gone":          noProofOfTheLost,
		"revert without apply":              revertWithoutApply,
		"another process":                   anotherProcess,
		"somebody else's edit":              otherEdit,
		"somebody else's edit beside":       besideEdit,
		"changed before apply":              changedBeforeApply,
		"applied twice":                     appliedTwice,
		"prepare and rehearsal leave alone": leavesAlone,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, stand, f)
			try(t, s)
			for _, call := range s.calls.list() {
				made[call] = true
			}
		})
	}
	t.Run("permissions", func(t *testing.T) { declared(t, f, made) })
	if !thorough() {
		return
	}
	for _, how := range failures {
		t.Run("failing "+how.name, func(t *testing.T) { failingCalls(t, stand, f, how) })
	}
	for _, how := range deaths {
		t.Run("killed "+how.name, func(t *testing.T) { killed(t, stand, f, how) })
	}
}

// thorough says that every call is to fail in every way, which takes minutes.
func thorough() bool {
	return slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "kinds")
}

// declared compares the permissions that the kind declares with the calls that it has made.
func declared(t *testing.T, f fixture, made map[string]bool) {
	k, _ := kindByName(f.kind)
	want := map[string]bool{}
	for _, p := range k.permissions("arn:aws:x:eu-west-1:123456789012:y/z", f.with) {
		for _, name := range p.Actions {
			want[name] = true
		}
	}
	for _, name := range f.unseen {
		if !want[name] {
			t.Errorf("the fixture excuses %s, which is not declared", name)
		}
		delete(want, name)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(made))); diff != "" {
		t.Errorf("declared permissions are not the calls that were made (-declared +made):\n%s", diff)
	}
}

// A subject is a change of a fixture's resource in an account of its own.
type subject struct {
	fixture
	world
	change *Change
	before string
}

func newSubject(t *testing.T, stand *stand, f fixture) *subject {
	t.Helper()
	cases.Add(1)
	w := stand.world()
	f.setup(t, w)
	f.target.Resources = f.resources(t, w)
	s := &subject{fixture: f, world: w, before: f.look(t, w)}
	s.change = s.fresh(t)
	return s
}

// fresh is the change as another process would make it.
func (s *subject) fresh(t *testing.T) *Change {
	t.Helper()
	list, err := s.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: s.kind, Target: s.target, With: s.with, Percentage: 100, Irreversible: s.stays}, params())
	if err != nil || len(list) != 1 {
		t.Fatalf("Changes: %d, %v", len(list), err)
	}
	return list[0]
}

func params() action.Params {
	return action.Params{Run: "01J00000000000000000000000", Lease: 15 * time.Second, Share: 100}
}

func (s *subject) prepare(t *testing.T) json.RawMessage {
	t.Helper()
	undo, err := s.change.Prepare(t.Context())
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	return undo
}

func (s *subject) apply(t *testing.T) json.RawMessage {
	t.Helper()
	undo := s.prepare(t)
	if err := s.change.Apply(t.Context(), undo); err != nil {
		t.Fatalf("Apply: %v", err)
	}
	if s.look(t, s.world) == s.before {
		t.Fatal("Apply has changed nothing that the fixture sees")
	}
	return undo
}

// restored fails unless everything is as it was; what a deed did stays.
func (s *subject) restored(t *testing.T) {
	t.Helper()
	if !s.stays {
		s.untouched(t)
	}
}

// untouched fails unless everything is as it was.
func (s *subject) untouched(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(s.before, s.look(t, s.world)); diff != "" {
		t.Errorf("not as before (-before +after):\n%s", diff)
	}
}

func restoresExactly(t *testing.T, s *subject) {
	undo := s.apply(t)
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 1 {
		t.Errorf("Proof = %+v, %v", p, err)
	}
	for range 2 { // twice is as good as once
		if err := s.change.Revert(t.Context(), undo); err != nil {
			t.Fatalf("Revert: %v", err)
		}
		s.restored(t)
	}
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 1 {
		t.Errorf("Proof after Revert = %+v, %v", p, err)
	}
}

// proofWithoutLook: a run that was stopped asks only when everything is put back.
func proofWithoutLook(t *testing.T, s *subject) {
	undo := s.apply(t)
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Fatalf("Revert: %v", err)
	}
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 1 {
		t.Errorf("Proof = %+v, %v", p, err)
	}
}

// noProofOfTheLost: a fault that somebody took away proves nothing, whenever that is asked.
func noProofOfTheLost(t *testing.T, s *subject) {
	if s.edit == nil || s.mixed() {
		return
	}
	undo := s.apply(t)
	s.edit(t, s.world)
	for range 2 {
		if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 0 {
			t.Errorf("Proof = %+v, %v", p, err)
		}
		_ = s.change.Revert(t.Context(), undo)
	}
}

func revertWithoutApply(t *testing.T, s *subject) {
	undo := s.prepare(t)
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert: %v", err)
	}
	s.untouched(t)
}

func anotherProcess(t *testing.T, s *subject) {
	undo := s.apply(t)
	other, err := s.factory().Restore(s.kind)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert: %v", err)
	}
	s.restored(t)
}

func otherEdit(t *testing.T, s *subject) {
	if s.edit == nil {
		return
	}
	undo := s.apply(t)
	s.edit(t, s.world)
	theirs := s.look(t, s.world)
	var drift *action.Drift
	if err := s.change.Revert(t.Context(), undo); !errors.As(err, &drift) {
		t.Errorf("Revert = %v, want drift", err)
	} else {
		t.Log(drift)
	}
	if diff := cmp.Diff(theirs, s.look(t, s.world)); diff != "" && !s.mixed() {
		t.Errorf("somebody else's edit is gone (-theirs +now):\n%s", diff)
	}
}

// mixed says that the kind can take its own part out of what somebody else has changed: then what is left is the edit
// alone, which besideEdit looks at.
func (s *subject) mixed() bool { return s.beside != nil }

// besideEdit makes the same change beside the fault that it makes without any: the results must be the same.
func besideEdit(t *testing.T, s *subject) {
	if s.beside == nil {
		return
	}
	undo := s.apply(t)
	s.beside(t, s.world)
	var drift *action.Drift
	if err := s.change.Revert(t.Context(), undo); err != nil && !errors.As(err, &drift) {
		t.Fatalf("Revert: %v", err)
	}
	mine := s.look(t, s.world)
	plain := s.stand.world() // whose things may have the names of this one's, where names are for all accounts
	s.setup(t, plain)
	s.beside(t, plain)
	if diff := cmp.Diff(s.look(t, plain), mine); diff != "" {
		t.Errorf("not the edit alone (-edit alone +now):\n%s", diff)
	}
}

func changedBeforeApply(t *testing.T, s *subject) {
	if s.edit == nil {
		return
	}
	undo := s.prepare(t)
	s.edit(t, s.world)
	theirs := s.look(t, s.world)
	if theirs == s.before {
		t.Fatal("the fixture's edit changes nothing")
	}
	if err := s.change.Apply(t.Context(), undo); err == nil {
		t.Error("Apply wrote on top of what it had not read")
	}
	var drift *action.Drift
	if err := s.change.Revert(t.Context(), undo); err != nil && !errors.As(err, &drift) {
		t.Errorf("Revert: %v", err)
	}
	if diff := cmp.Diff(theirs, s.look(t, s.world)); diff != "" {
		t.Errorf("somebody else's edit is gone (-theirs +now):\n%s", diff)
	}
}

// appliedTwice makes the change a second time, as after a reply that was lost: it must do no more than the first.
func appliedTwice(t *testing.T, s *subject) {
	undo := s.apply(t)
	once := s.look(t, s.world)
	if err := s.change.Apply(t.Context(), undo); err != nil {
		t.Errorf("Apply again: %v", err)
	}
	if diff := cmp.Diff(once, s.look(t, s.world)); diff != "" {
		t.Errorf("the second Apply did more (-once +twice):\n%s", diff)
	}
}

func leavesAlone(t *testing.T, s *subject) {
	s.prepare(t)
	if _, err := s.change.Describe(t.Context()); err != nil {
		t.Errorf("Describe: %v", err)
	}
	if err := s.change.Rehearse(t.Context()); err != nil && !errors.Is(err, ErrNotRehearsed) {
		t.Errorf("Rehearse: %v", err)
	}
	s.untouched(t)
}

// failingCalls lets each call fail in turn, while the change is made and while it is taken back.
func failingCalls(t *testing.T, stand *stand, f fixture, how failure) {
	for n := 1; ; n++ {
		s := newSubject(t, stand, f)
		undo, err := s.change.Prepare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.failAt(n, how)
		_ = s.change.Apply(t.Context(), undo) // whatever it says, the undo must cope
		hit := s.heal()
		if err := s.change.Revert(t.Context(), undo); err != nil {
			t.Errorf("call %d of Apply failed; Revert: %v", n, err)
		}
		s.restored(t)
		if !hit {
			break
		}
	}
	for n := 1; ; n++ {
		s := newSubject(t, stand, f)
		undo := s.apply(t)
		s.failAt(n, how)
		err := s.change.Revert(t.Context(), undo)
		hit := s.heal()
		if err != nil {
			if err := s.change.Revert(t.Context(), undo); err != nil {
				t.Errorf("call %d of Revert failed; Revert again: %v", n, err)
			}
		}
		s.restored(t)
		if !hit {
			break
		}
	}
}

// killed lets the process die at each call in turn, while the change is made and while it is taken back: no further call
// gets through, and a process that knows nothing but the undo record puts everything back.
func killed(t *testing.T, stand *stand, f fixture, how failure) {
	for _, phase := range []string{"Apply", "Revert"} {
		for n := 1; ; n++ {
			s := newSubject(t, stand, f)
			var undo json.RawMessage
			if phase == "Apply" {
				undo = s.prepare(t)
				s.failFrom(n, how)
				_ = s.change.Apply(t.Context(), undo)
			} else {
				undo = s.apply(t)
				s.failFrom(n, how)
				_ = s.change.Revert(t.Context(), undo)
			}
			hit := s.heal()
			other, err := s.factory().Restore(s.kind)
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Revert(t.Context(), undo); err != nil {
				t.Errorf("killed at call %d of %s; another process's Revert: %v", n, phase, err)
			}
			s.restored(t)
			if !hit {
				break
			}
		}
	}
}

// deaths are the two sides of a call on which a process can die.
var deaths = []failure{
	{"before", func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, errors.New("killed") }},
	failures[3],
}

// A failure is a way in which a call can fail.
type failure struct {
	name string
	via  func(next http.RoundTripper, r *http.Request) (*http.Response, error)
}

var failures = []failure{
	{"4xx", answer(http.StatusForbidden)},
	{"5xx", answer(http.StatusInternalServerError)},
	{"timeout", func(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }},
	{"reply lost", func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
		return nil, errors.New("the connection broke")
	}},
}

func answer(status int) func(http.RoundTripper, *http.Request) (*http.Response, error) {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Request: r, Header: http.Header{}, Body: http.NoBody, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
	}
}

// TestKindsAreDescribed: what a kind says of itself is what its page says.
func TestKindsAreDescribed(t *testing.T) {
	for _, k := range kinds() {
		page := readPage(t, string(k.Kind.Kind))
		for _, p := range k.permissions("arn:aws:x:eu-west-1:123456789012:y/z", nil) {
			for _, name := range p.Actions {
				if !strings.Contains(page, "`"+name+"`") {
					t.Errorf("docs/account/%s.md does not name the permission %s", k.Kind.Kind, name)
				}
			}
		}
		for _, a := range k.Attributes {
			if !strings.Contains(page, "`"+a.Name+"`") && (a.Friendly == "" || !strings.Contains(page, "`"+a.Friendly+"`")) {
				t.Errorf("docs/account/%s.md does not explain %s", k.Kind.Kind, a.Name)
			}
		}
	}
}
