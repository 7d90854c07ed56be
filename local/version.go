package local

import (
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A version is what runs: $LATEST, whose settings the Lambda API changes, or one that was published and is frozen. It
// has environments of its own. What changes is guarded by Host.mu.
type version struct {
	fn      *function
	name    string   // "$LATEST", or its number
	argv    []string // absolute program first
	dir     string
	timeout time.Duration // of the functions file

	spec       Function
	revision   string
	modified   time.Time
	generation int // counts changes that need new environments

	idle     []*environment // the most recently used last
	settling int
	waiters  []chan *environment // for a settling environment; a nil says that there is none left to wait for
}

// label names the version in the log.
func (v *version) label() string { return versionLabel(v.fn.name, v.name) }

func versionLabel(function, version string) string {
	if version == latest {
		return function
	}
	return function + ":" + version
}

// An alias leads to a version and, with a weight, to one more.
type alias struct {
	Alias
	description, revision string
}

func newAlias(a Alias, description string) *alias {
	a.Weights = maps.Clone(a.Weights)
	return &alias{a, description, newID()}
}

// versions are those of all functions. Host.mu is held.
func (h *Host) versions() iter.Seq[*version] {
	return func(yield func(*version) bool) {
		for _, fn := range h.functions {
			for _, v := range fn.all() {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// all are the function's versions, $LATEST first.
func (fn *function) all() []*version { return append([]*version{fn.latest}, fn.published...) }

// version finds one by its name, nil if there is none.
func (fn *function) version(name string) *version {
	if name == latest {
		return fn.latest
	}
	if i := slices.IndexFunc(fn.published, func(v *version) bool { return v.name == name }); i >= 0 {
		return fn.published[i]
	}
	return nil
}

// A target is what a request names: a function, and perhaps which version or alias of it.
type target struct {
	fn        *function
	qualifier string // as it was asked for; empty for none
}

// arn is that of the target: with a qualifier only if one was asked for.
func (h *Host) arnOf(t target) string {
	if t.qualifier == "" {
		return h.arn(t.fn.name)
	}
	return h.arn(t.fn.name + ":" + t.qualifier)
}

// resolve finds the version that the target names or, for an alias, leads to. Host.mu is held.
func (h *Host) resolve(t target) (*version, error) {
	name := t.qualifier
	if name == "" {
		name = latest
	}
	if a := t.fn.aliases[name]; a != nil {
		name = a.Version
	}
	if v := t.fn.version(name); v != nil {
		return v, nil
	}
	return nil, h.notFound(t.fn.name + ":" + t.qualifier)
}

// choose is the version that serves the next invocation of the target: an alias with a weight draws lots.
func (h *Host) choose(t target) (*version, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := t.fn.aliases[t.qualifier]; a != nil {
		for other, weight := range a.Weights { // one at most
			if h.random.Float64() < weight {
				return t.fn.version(other), nil
			}
		}
	}
	return h.resolve(t)
}

// checkRouting refuses what AWS Lambda does: versions that are not there, more than two of them, and $LATEST beside
// another. Host.mu is held, or nobody else knows the function yet.
func (h *Host) checkRouting(fn *function, a Alias) error {
	if fn.version(a.Version) == nil {
		return h.notFound(fn.name + ":" + a.Version)
	}
	if len(a.Weights) > 1 {
		return invalidParameter("Number of items in AdditionalVersionWeights cannot be greater than 1. Actual: %d", len(a.Weights))
	}
	for other, weight := range a.Weights {
		switch {
		case a.Version == latest || other == latest:
			return invalidParameter("$LATEST is not supported for an alias pointing to more than 1 version")
		case other == a.Version:
			return invalidParameter("Invalid function version %s. Function version %s is already included in routing configuration.", other, other)
		case fn.version(other) == nil:
			return h.notFound(fn.name + ":" + other)
		case !(weight >= 0 && weight <= 1):
			return invalidParameter("AdditionalVersionWeights: the weight of version %s must be from 0.0 to 1.0: %g", other, weight)
		}
	}
	return nil
}

// publish freezes $LATEST as a new version. If nothing has changed since the last publication, that one is returned,
// as in AWS. Host.mu is held.
func (fn *function) publish(description *string) *version {
	next := 1
	if n := len(fn.published); n > 0 {
		last := fn.published[n-1]
		if fn.latest.sameAs(last) && (description == nil || *description == last.spec.Description) {
			return last
		}
		number, _ := strconv.Atoi(last.name) // we gave it
		next = number + 1
	}
	v := &version{
		fn: fn, name: strconv.Itoa(next), argv: fn.latest.argv, dir: fn.latest.dir, timeout: fn.latest.timeout,
		spec: fn.latest.spec.clone(), revision: newID(), modified: time.Now(),
	}
	if description != nil {
		v.spec.Description = *description
	}
	fn.published = append(fn.published, v)
	return v
}

// sameAs says that two versions run the same program with the same settings.
func (v *version) sameAs(w *version) bool {
	a, b := v.spec, w.spec
	return slices.Equal(v.argv, w.argv) && v.dir == w.dir && a.Handler == b.Handler && a.Timeout == b.Timeout &&
		a.MemoryMB == b.MemoryMB && maps.Equal(a.Environment, b.Environment)
}

func staleRevision() *apiError {
	return &apiError{
		http.StatusPreconditionFailed, "PreconditionFailedException",
		"The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id", "",
	}
}

// isQualifier says whether it can be the name of a version or an alias.
func isQualifier(s string) bool { return s == latest || versionNumber.MatchString(s) || isAliasName(s) }

// versionNumber is a published version's name.
var versionNumber = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

var (
	aliasName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	onlyDigits = regexp.MustCompile(`^[0-9]+$`)
)

// isAliasName says whether AWS Lambda allows the name: a number would be a version.
func isAliasName(s string) bool { return aliasName.MatchString(s) && !onlyDigits.MatchString(s) }

// newRandom is the source of lots.
func newRandom(seed uint64) *rand.Rand {
	if seed == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:]) // never fails, by its documentation
		seed = binary.LittleEndian.Uint64(b[:])
	}
	return rand.New(rand.NewPCG(seed, seed))
}

// Versions tells of each function that has any, by name, its versions and where its aliases lead, in words.
func (h *Host) Versions() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h.functions)) {
		fn := h.functions[name]
		if len(fn.published) == 0 {
			continue
		}
		var numbers []string
		for _, v := range fn.published {
			numbers = append(numbers, v.name)
		}
		line := name + ": versions " + strings.Join(numbers, ", ")
		for _, alias := range slices.Sorted(maps.Keys(fn.aliases)) {
			a := fn.aliases[alias]
			line += "; " + alias + " leads to " + a.Version
			for other, weight := range a.Weights { // one at most
				line += fmt.Sprintf(", %g %% of it to %s", weight*100, other)
			}
		}
		lines = append(lines, line)
	}
	return lines
}
