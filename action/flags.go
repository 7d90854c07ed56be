package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Flags are a document of feature flags: a file, or a profile of AppConfig. It is read and replaced as fault sets are,
// with the same care for what others write.
type Flags struct {
	place location
	store store
}

// FlagsPrefix stands before the path of a file, where flags are named.
const FlagsPrefix = "file:"

// Flags finds a document of flags: file:PATH or APPLICATION/ENVIRONMENT/PROFILE. Nothing is changed. A version that run
// makes of it bears its name.
func (f *Factory) Flags(ctx context.Context, name, run string) (*Flags, error) {
	place, err := f.locateFlags(ctx, name)
	if err != nil {
		return nil, err
	}
	return f.openFlags(place, run)
}

func (f *Factory) locateFlags(ctx context.Context, name string) (location, error) {
	if path, ok := strings.CutPrefix(name, FlagsPrefix); ok {
		place := location{Kind: kindFile, Flags: true}
		s, err := newFileStore(path, place.holds())
		place.Path = s.path
		return place, err
	}
	name = strings.TrimPrefix(name, kindAppConfig+":")
	if why, tip := malformed(kindAppConfig, name); why != "" {
		return location{}, &Refused{Reason: fmt.Sprintf("flags %q: it %s", name, why), Tip: tip + ", or " + FlagsPrefix + "PATH"}
	}
	here, err := f.home(ctx, kindAppConfig)
	if err != nil {
		return location{}, err
	}
	return f.known(ctx, location{Kind: kindAppConfig, Name: name, Flags: true, Region: here.Region, Account: here.Account, Endpoint: here.Endpoint})
}

// FlagsAt finds the document of an undo record again.
func (f *Factory) FlagsAt(place json.RawMessage, run string) (*Flags, error) {
	var l location
	if err := json.Unmarshal(place, &l); err != nil {
		return nil, fmt.Errorf("the undo record's place cannot be read: %w", err)
	}
	if !l.Flags {
		return nil, errors.New("the undo record's place holds no feature flags")
	}
	return f.openFlags(l, run)
}

func (f *Factory) openFlags(l location, run string) (*Flags, error) {
	s, err := f.open(l, run)
	if a, ok := s.(appConfigStore); ok {
		a.mark = "Firedrill run " + run
		s = a
	}
	return &Flags{l, s}, err
}

// Key identifies the place.
func (d *Flags) Key() string { return d.place.key() }

// String is the place in words.
func (d *Flags) String() string { return d.place.String() }

// Place is what FlagsAt needs.
func (d *Flags) Place() (json.RawMessage, error) { return json.Marshal(d.place) }

// Where is its AWS account and region, where they are known.
func (d *Flags) Where() (account, region string) { return d.place.Account, d.place.Region }

// Names are those by which a guard may protect it.
func (d *Flags) Names() []string {
	var names []string
	for _, name := range []string{d.place.Path, d.place.Name, d.place.Title} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// InFile says that it is a file on this machine.
func (d *Flags) InFile() bool { return d.place.Kind == kindFile }

// Delay is how long functions may take until they see a change.
func (d *Flags) Delay() time.Duration {
	if d.InFile() {
		return 0
	}
	return appConfigPoll
}

// appConfigPoll is how often AppConfig's agent and extension ask, unless they are told otherwise, and a little more.
const appConfigPoll = 50 * time.Second

// Read returns the document and the number of its version, where it has one. Nil is one that does not exist.
func (d *Flags) Read(ctx context.Context) (text []byte, version string, err error) {
	now, err := d.store.read(ctx)
	if errors.Is(err, errGone) {
		return nil, "", nil
	}
	return d.text(now), now.ref, err
}

func (d *Flags) text(now snapshot) []byte {
	if !now.exists {
		return nil
	}
	return append([]byte{}, now.data...)
}

// Update replaces the document by what change makes of it, and nobody else's write falls between; change may be called
// several times. Without a next text nothing is written. of is the version that has had that text before.
func (d *Flags) Update(ctx context.Context, change func(text []byte) (next []byte, of string, err error)) error {
	err := d.store.update(ctx, func(now snapshot) (snapshot, bool, error) {
		text, of, err := change(d.text(now))
		return snapshot{data: text, exists: true, mode: now.mode, ref: of}, text != nil && err == nil, err
	})
	if errors.Is(err, errGone) {
		_, _, err = change(nil)
	}
	return err
}

// Permissions are what reading and changing the document needs of whoever does it, and reading it of the functions.
func (d *Flags) Permissions(ctx context.Context) (Permissions, error) {
	s, ok := d.store.(permitted)
	if !ok {
		return Permissions{}, nil
	}
	return s.permissions(ctx, snapshot{exists: true})
}
