package action

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// Deps are what actions need of the world. All fields may be zero.
type Deps struct {
	// Lambda is for targets named as functions; nil if there is no access.
	Lambda LambdaAPI
	// SSM makes a client for parameters; nil if there is no access. So do those for the other services.
	SSM func(ctx context.Context, at Service) (SSMAPI, error)
	S3  func(ctx context.Context, at Service) (S3API, error)
	// AppConfig makes a client for its control side, likewise.
	AppConfig func(ctx context.Context, at Service) (AppConfigAPI, error)
	// Home says where this process itself asks a service ("ssm", "s3", "appconfig"), for targets that are not a function's; nil: nowhere.
	Home func(ctx context.Context, service string) (Service, error)
	// Tagged finds the functions that have a tag, InStack those of a CloudFormation stack; nil where there are none.
	Tagged  func(ctx context.Context, key, value string) (functions []string, err error)
	InStack func(ctx context.Context, stack string) (functions []string, err error)
	// Into is the same in another account or region; nil where there is only one.
	Into func(a Access, run string) (Deps, error)
	// Injections counts what a function's host enacted for a run; nil if nobody counts.
	Injections func(ctx context.Context, function, run, kind string) (Proof, error)
	// Endpoint is the address that Lambda talks to; empty for AWS itself. An undo record keeps it.
	Endpoint string
	// Remote says that the functions run on other machines, so that a file that one names is not one of ours.
	Remote bool
	// Embedded says that the functions live in this process: when it is gone, so are they.
	Embedded bool
	// Signer signs the fault sets that are written; nil: they are not signed.
	Signer *envelope.Signer
	// Audience names the functions for which signed fault sets in files are.
	Audience []string
}

// Access is how to get into an account and region that are not the runner's own. It is journaled. An external id is no
// secret: it keeps the role's owner from being mistaken for somebody else's customer (AWS IAM user guide).
type Access struct {
	Role       string `json:"role,omitempty"` // to assume
	ExternalID string `json:"external_id,omitempty"`
	Region     string `json:"region,omitempty"`
}

// AccessTo is how to get to a target; the zero value is the runner's own account and region.
func AccessTo(t experiment.Target) Access {
	a := Access{Region: t.Region}
	if t.Assume != nil {
		a.Role, a.ExternalID, a.Region = t.Assume.Role, t.Assume.ExternalID, cmp.Or(t.Region, t.Assume.Region)
	}
	return a
}

// Params are what a run tells its actions.
type Params struct {
	Run   string
	Lease time.Duration
	Share float64 // percent of the condition's own percentage
}

// A Factory makes the actions of one process. Those of one run that share a target know of each other.
type Factory struct {
	deps   Deps
	access Access // by which deps got where they are
	*memory

	wrap func(store) store // tests let stores fail
}

// memory is what the conditions of a run must know of each other.
type memory struct {
	mu       sync.Mutex
	pristine map[string]snapshot // by run and place: before the first change
	settings map[string]sampling // by run and place
	faults   map[string]string   // the condition's name, by run, place and kind

	deploying turns // to environments of AppConfig
}

// sampling is what a fault set has once for all of its faults.
type sampling struct {
	seed uint64
	by   string
}

// NewFactory makes a factory.
func NewFactory(d Deps) *Factory {
	return &Factory{deps: d, memory: &memory{pristine: map[string]snapshot{}, settings: map[string]sampling{}, faults: map[string]string{}}}
}

// within is the same factory in another account or region.
func (f *Factory) within(a Access, run string) (*Factory, error) {
	if a == f.access {
		return f, nil
	}
	if f.deps.Into == nil {
		return nil, &Refused{Reason: "functions on this machine are in no other account or region", Tip: "leave account and region out of the target"}
	}
	d, err := f.deps.Into(a, run)
	return &Factory{deps: d, access: a, memory: f.memory, wrap: f.wrap}, err
}

// FaultSets makes the actions that publish a condition's fault, one for each of its targets. The targets are looked
// up; nothing is changed. Functions that share a fault set are one target.
func (f *Factory) FaultSets(ctx context.Context, c experiment.Condition, p Params) ([]*FaultSet, error) {
	kind := fault.Kind(c.Fault)
	known := slices.ContainsFunc(fault.Kinds(), func(k fault.KindInfo) bool { return k.Kind == kind })
	if !known {
		return nil, fmt.Errorf("%q is not a kind of fault", c.Fault)
	}
	if c.Percentage == 0 {
		c.Percentage = 100
	}
	if _, err := (&FaultSet{condition: c}).member(p.Share); err != nil {
		return nil, err
	}
	f, err := f.within(AccessTo(c.Target), p.Run)
	if err != nil {
		return nil, err
	}
	targets, of, err := f.expand(ctx, c)
	if err != nil {
		return nil, err
	}
	var sets []*FaultSet
	for _, t := range targets {
		place, err := f.locate(ctx, t)
		if err != nil {
			return nil, err
		}
		place.Access = f.access
		if i := slices.IndexFunc(sets, func(a *FaultSet) bool { return a.Key() == place.key() }); i >= 0 {
			sets[i].functions, sets[i].readers = append(sets[i].functions, t.Lambda), append(sets[i].readers, place.reader)
			continue
		}
		if err := f.agree(place.key(), p.Run, c); err != nil {
			return nil, err
		}
		a := &FaultSet{factory: f, condition: c, params: p, place: place, proofFile: t.Proof, of: of}
		if t.Lambda != "" {
			a.functions, a.readers = []string{t.Lambda}, []*reader{place.reader}
		}
		sets = append(sets, a)
	}
	for _, a := range sets {
		if err := a.canSign(); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// agree sees to it that all conditions of a run on one target sample alike, since the document says it once, and
// that none takes the place of another. Two names may turn out to mean one target.
func (f *Factory) agree(key, run string, c experiment.Condition) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	place, s := run+"\x00"+key, sampling{c.Seed, c.SampleBy}
	if have, ok := f.settings[place]; ok && have != s {
		return &Refused{Reason: fmt.Sprintf("target %s: two conditions with different seed or sample_by", key), Tip: "a fault set has one of each: give both conditions the same"}
	}
	kind := place + "\x00" + c.Fault
	if other, ok := f.faults[kind]; ok && other != c.Name {
		return &Refused{Reason: fmt.Sprintf("target %s: condition %q puts the same fault on it", key, other), Tip: "a fault set has one of each kind: write a second experiment"}
	}
	f.settings[place], f.faults[kind] = s, c.Name
	return nil
}

// before returns the pristine snapshot of a place for a run. A place that the run has not armed yet is pristine
// as it is now.
func (f *Factory) before(key, run string, now snapshot, armed bool) (snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := run + "\x00" + key
	if !armed {
		f.pristine[id] = now
		return now, nil
	}
	s, ok := f.pristine[id]
	if !ok {
		return s, fmt.Errorf("target %s is armed by this run, but what was there before is not known", key)
	}
	return s, nil
}

// Restore makes an action that can only Revert, from nothing but an undo record; for recover.
func (f *Factory) Restore(kind string) (*FaultSet, error) {
	return &FaultSet{factory: f, condition: experiment.Condition{Fault: kind}}, nil
}

// open finds the store at a place.
func (f *Factory) open(l location, run string) (store, error) {
	f, err := f.within(l.Access, run)
	if err != nil {
		return nil, err
	}
	s, err := f.find(l)
	if err == nil && f.wrap != nil {
		s = f.wrap(s)
	}
	return s, err
}

func (f *Factory) find(l location) (store, error) {
	switch l.Kind {
	case kindFile:
		if l.Path == "" {
			return nil, errors.New("the undo record names no file")
		}
		return fileStore{l.Path, l.holds()}, nil
	case kindEnv:
		api := f.deps.Lambda
		if l.Embedded && !f.deps.Embedded {
			api = nil // it lived in a process that is gone: whoever answers to that name now is somebody else
		}
		return envStore{api, l, f.deps.Endpoint}, nil
	case kindSSM:
		return ssmStore{l, f.deps.SSM}, nil
	case kindS3:
		return s3Store{l, f.deps.S3}, nil
	case kindAppConfig:
		return appConfigStore{l, f.deps.AppConfig, &f.deploying, appConfigMark}, nil
	}
	return nil, fmt.Errorf("the undo record is of a store %q that this version does not know", l.Kind)
}

// undoRecord is all that Revert needs. It is JSON in the journal, and read by processes that know nothing else.
type undoRecord struct {
	V        int             `json:"v"`
	Place    location        `json:"place"`
	Run      string          `json:"run"`
	Kind     string          `json:"kind"`
	Original []byte          `json:"original,omitempty"` // the pristine bytes; not of a secret
	Sum      string          `json:"sha256,omitempty"`   // of a secret's
	Existed  bool            `json:"existed"`
	Mode     uint32          `json:"mode,omitempty"`
	Ref      string          `json:"ref,omitempty"`    // the pristine version
	Before   json.RawMessage `json:"before,omitempty"` // our member before the change; absent if there was none
	Member   json.RawMessage `json:"member"`           // our member, at the first share

	lost bool // a secret original that cannot be had any more
}

// undoVersion is the format of undo records.
const undoVersion = 1

func decodeUndo(raw json.RawMessage) (undoRecord, error) {
	var u undoRecord
	if err := json.Unmarshal(raw, &u); err != nil {
		return u, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	if u.V != undoVersion {
		return u, fmt.Errorf("the undo record has version %d, this firedrill knows %d: use the one that wrote it", u.V, undoVersion)
	}
	return u, nil
}
