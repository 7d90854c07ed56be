package action

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A place is a store under test, seen from outside.
type place struct {
	name   string
	target experiment.Target
	deps   Deps
	get    func() (text string, exists bool)
	set    func(text string)
	remove func() // nil where that cannot be
	calls  *faults

	signer  *envelope.Signer // of what this place's owner and runs write; nil: nobody signs
	keyless bool             // recovery does not have the key
}

// faults fails the n-th call to the world, counted from 1; after makes it fail when its work is done.
type faults struct {
	n, at int
	after bool
	seen  *[]string
}

// watch notes the operations of the AWS SDK's clients that are called from now on, by the fakes' methods.
func (f *faults) watch() *[]string {
	f.seen = new([]string)
	return f.seen
}

// caller is the method of a fake that called count, which has the operation's name.
func (f *faults) caller() string {
	pc, _, _, _ := runtime.Caller(2)
	name := runtime.FuncForPC(pc).Name()
	return name[strings.LastIndex(name, ".")+1:]
}

// count numbers a call and says how it ends.
func (f *faults) count() (before, after error) {
	f.n++
	if f.seen != nil {
		*f.seen = append(*f.seen, f.caller())
	}
	if f.n != f.at {
		return nil, nil
	}
	if f.after {
		return nil, errors.New("connection lost")
	}
	return errors.New("connection refused"), nil
}

const ownerText = "{ \"latency\": {\"enabled\": false, \"min_latency\": 1e2},\n \"denylist\":{\"enabled\":true,\"deny_list\":[\"a.*\"]}, \"firedrill\": {\"seed\": 7}}"

// places lists every store, each with a document of its owner's and without one where that can be.
func places(t *testing.T) []place {
	return []place{
		filePlace(t, "file", ownerText, true), filePlace(t, "file, empty", "", true), filePlace(t, "file, absent", "", false),
		envPlace(t, "inline", variableConfig, ownerText, true), envPlace(t, "inline, nothing", variableConfig, "{}", true),
		envPlace(t, "variable", "FAULTS", ownerText, true), envPlace(t, "variable, absent", "FAULTS", "", false),
		ssmPlace(t, "parameter", ssmtypes.ParameterTypeString, ownerText, true), ssmPlace(t, "secret parameter", ssmtypes.ParameterTypeSecureString, ownerText, true),
		ssmPlace(t, "parameter, absent", ssmtypes.ParameterTypeString, "", false),
		signedPlace(filePlace(t, "file, signed", quietText, true), false), signedPlace(filePlace(t, "file, signed, recovered without the key", quietText, true), true),
		signedPlace(ssmPlace(t, "parameter, signed", ssmtypes.ParameterTypeString, quietText, true), true),
		signedPlace(s3Place(t, "object, signed", quietText, true), false), signedPlace(appConfigPlace(t, "profile, signed", quietText), true),
		signedPlace(envPlace(t, "variable, signed", "FAULTS", quietText, true), false), signedPlace(envPlace(t, "inline, signed, nothing", variableConfig, "{}", true), true),
		s3Place(t, "object", ownerText, true), s3Place(t, "object, empty", "", true), s3Place(t, "object, absent", "", false),
		appConfigPlace(t, "profile", ownerText), appConfigPlace(t, "profile, nothing", "{}"),
	}
}

func filePlace(t *testing.T, name, text string, exists bool) place {
	path := filepath.Join(t.TempDir(), "faults.json")
	p := place{name: name, target: experiment.Target{File: path}, calls: &faults{}}
	p.get = func() (string, bool) {
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(data), err == nil
	}
	p.set = func(text string) {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o640), os.Chmod(path, 0o640)); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	p.remove = func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if exists {
		p.set(text)
	}
	return p
}

// quietText is a document of an owner's who has nothing switched on.
const quietText = "{ \"latency\": {\"enabled\": false, \"min_latency\": 1e2},\n \"firedrill\": {\"seed\": 7, \"audience\": [\"shop\"], \"expires_at\":\"2026-11-21T10:00:00Z\"}}"

// signedPlace makes a place one whose function asks for signatures. Its owner has signed what is in it, unless it is
// nothing.
func signedPlace(p place, keyless bool) place {
	p.signer, p.keyless = envelope.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))), keyless
	if l, ok := p.deps.Lambda.(*fakeLambda); ok {
		l.edit(func(v map[string]string) { v[variablePublicKey] = p.signer.Key().String() })
	}
	p.deps.Signer, p.deps.Audience = p.signer, []string{"shop"}
	if text, exists := p.get(); exists && text != "{}" {
		p.set(p.seal(text))
	}
	return p
}

// seal is a document as somebody writes it who may.
func (p place) seal(text string) string {
	if p.signer == nil {
		return text
	}
	doc, err := p.signer.Seal([]byte(text))
	if err != nil {
		panic(err)
	}
	return string(doc)
}

func envPlace(t *testing.T, name, variable, text string, exists bool) place {
	config := text
	if variable != variableConfig {
		config = "env:" + variable
	}
	l := &fakeLambda{variables: map[string]string{"TABLE": "orders", variableConfig: config}, revision: 1, calls: &faults{}}
	p := place{name: name, target: experiment.Target{Lambda: "shop"}, deps: Deps{Lambda: l}, calls: l.calls}
	p.get = func() (string, bool) {
		if l.variables["TABLE"] != "orders" {
			t.Errorf("another variable was changed: %v", l.variables)
		}
		text, ok := l.variables[variable]
		return text, ok
	}
	p.set = func(text string) { l.edit(func(v map[string]string) { v[variable] = text }) }
	p.remove = func() { l.edit(func(v map[string]string) { delete(v, variable) }) }
	if exists {
		p.set(text)
	}
	return p
}

// factory makes a new process's factory for the place.
func (p place) factory() *Factory {
	f := NewFactory(p.deps)
	if p.target.File != "" {
		f.wrap = func(s store) store { return failingStore{s, p.calls} }
	}
	return f
}

// failingStore counts the calls of a store that makes no calls of its own to count.
type failingStore struct {
	store
	calls *faults
}

func (s failingStore) read(ctx context.Context) (snapshot, error) {
	before, after := s.calls.count()
	if before != nil {
		return snapshot{}, before
	}
	now, err := s.store.read(ctx)
	return now, errors.Join(err, after)
}

func (s failingStore) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	before, after := s.calls.count()
	if before != nil {
		return before
	}
	return errors.Join(s.store.update(ctx, change), after)
}

// fakeLambda is one function's configuration, with revisions.
type fakeLambda struct {
	mu        sync.Mutex
	variables map[string]string
	revision  int
	updating  int // looks until an update is over
	calls     *faults
	gone      error // what every call answers
	interfere func()
}

func (l *fakeLambda) edit(change func(map[string]string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.variables = maps.Clone(l.variables)
	change(l.variables)
	l.revision++
}

func (l *fakeLambda) GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, after := l.calls.count()
	if err := errors.Join(l.gone, before, after); err != nil {
		return nil, err
	}
	out := &lambda.GetFunctionConfigurationOutput{
		FunctionArn: aws.String("arn:aws:lambda:eu-west-1:123456789012:function:shop"), RevisionId: aws.String(fmt.Sprint(l.revision)),
		Environment: &types.EnvironmentResponse{Variables: maps.Clone(l.variables)}, LastUpdateStatus: types.LastUpdateStatusSuccessful,
	}
	if l.updating > 0 {
		l.updating--
		out.LastUpdateStatus = types.LastUpdateStatusInProgress
	}
	return out, nil
}

func (l *fakeLambda) UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	if l.interfere != nil {
		interfere := l.interfere
		l.interfere = nil
		interfere()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before, after := l.calls.count()
	if err := errors.Join(l.gone, before); err != nil {
		return nil, err
	}
	if l.updating > 0 {
		return nil, &types.ResourceConflictException{Message: aws.String("an update is in progress")}
	}
	if aws.ToString(in.RevisionId) != fmt.Sprint(l.revision) {
		return nil, &types.PreconditionFailedException{Message: aws.String("the revision id does not match")}
	}
	l.variables = maps.Clone(in.Environment.Variables)
	l.revision++
	l.updating = 2
	return &lambda.UpdateFunctionConfigurationOutput{}, after
}

// refused is what the SDK answers when nobody listens.
func refused() error {
	return fmt.Errorf("operation error Lambda: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
}

// one is the only action of a condition, and its key.
func one(sets []*FaultSet, err error) (*FaultSet, string, error) {
	if err != nil || len(sets) != 1 {
		return nil, "", errors.Join(err, fmt.Errorf("%d targets", len(sets)))
	}
	return sets[0], sets[0].Key(), nil
}
