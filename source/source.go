// Package source says where a function's live fault set comes from: the environment or a file. Those on the
// network are in package source/remote, which a function links only if it asks for them. A source never fails
// its caller: what cannot be read is an empty set and one structured log line (fail open).
package source

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Source yields the fault set that is live at an instant. Faults never blocks on a network, is safe for
// concurrent use, and returns nil when there is nothing to inject.
type Source interface {
	Faults(now time.Time) *fault.Set
}

// A Restorer is a Source that holds what it has read elsewhere. Restored says that this process goes on from a
// snapshot, perhaps of long ago: until it has read anew, there is nothing to inject, with a lease or without.
type Restorer interface {
	Restored(now time.Time)
}

// Variables of the environment.
const (
	// Config says where the fault set is: "file:PATH", "env:NAME", or the document itself; for package
	// source/remote also "ssm:NAME", "s3://BUCKET/KEY", "appconfig:APPLICATION/ENVIRONMENT/PROFILE" or a URL.
	Config = "FIREDRILL_CONFIG"
	// Disabled turns Firedrill off in this function, whatever Config says. Any value but "", "0" and "false"
	// counts: doubt means do nothing.
	Disabled = "FIREDRILL_DISABLED"
	// Proxied is set by the layer for the runtime behind it: events and answers get their faults there already.
	Proxied = "FIREDRILL_PROXIED"
	// DisabledFailureLambda is failure-lambda's name for Disabled.
	DisabledFailureLambda = "FAILURE_LAMBDA_DISABLED"
)

// FromEnv returns the source that the environment names, or nil if there is none, it is disabled, or it cannot
// be read. Problems go to logw, one JSON line each. A document in the environment is parsed here and never
// again; a file is read here and whenever it changes.
func FromEnv(getenv func(string) string, logw io.Writer) Source {
	if IsDisabled(getenv) {
		return nil
	}
	log := &problemLog{w: logw}
	gate, problem := NewGate(getenv)
	if problem != nil {
		log.write(*problem)
		return nil
	}
	config := strings.TrimSpace(getenv(Config))
	scheme, rest, _ := strings.Cut(config, ":")
	switch {
	case config == "":
		warnOfOthers(getenv, log)
		return nil
	case strings.HasPrefix(config, "{"):
		return fromDocument(config, gate, log)
	case scheme == "env":
		document := getenv(rest)
		if strings.TrimSpace(document) == "" {
			return nil // nobody has armed the function
		}
		return fromDocument(document, gate, log)
	case scheme == "file" && rest != "":
		return newFile(rest, gate, log)
	case slices.Contains(remoteSchemes(), scheme):
		log.write(fault.Problem{Field: Config, Value: scheme + ":...", Message: "is on the network, which this function does not read, no faults are injected",
			Hint: hintRemote})
		return nil
	}
	log.write(fault.Problem{Field: Config, Value: config, Message: "is not a source that is known, no faults are injected",
		Hint: "file:PATH, env:NAME, ssm:NAME, s3://BUCKET/KEY, appconfig:APPLICATION/ENVIRONMENT/PROFILE, https://..., or the JSON document itself"})
	return nil
}

// IsDisabled reports whether the environment turns Firedrill off.
func IsDisabled(getenv func(string) string) bool {
	for _, name := range []string{Disabled, DisabledFailureLambda} {
		value := strings.TrimSpace(getenv(name))
		off, err := strconv.ParseBool(value)
		if value != "" && (err != nil || off) {
			return true
		}
	}
	return false
}

// hintRemote is what a user of the SDK does about a place on the network.
const hintRemote = "pass firedrill.WithSource(remote.FromEnv(ctx, os.Getenv, os.Stderr)), of package source/remote"

// remoteSchemes are the places that only source/remote reads.
func remoteSchemes() []string { return []string{"ssm", "s3", "appconfig", "https", "http"} }

// warnOfOthers says that failure-lambda's and chaos-lambda's remote sources are not read here, where they are named.
func warnOfOthers(getenv func(string) string, log *problemLog) {
	for _, name := range []string{"FAILURE_INJECTION_PARAM", "FAILURE_APPCONFIG_CONFIGURATION", "CHAOS_PARAM"} {
		if value := getenv(name); value != "" {
			log.write(fault.Problem{Field: name, Value: value, Message: "names a fault set on the network, which this function does not read, no faults are injected",
				Hint: hintRemote})
			return
		}
	}
}

// static is a set that never changes.
type static struct{ set *fault.Set }

// Faults implements Source.
func (s static) Faults(time.Time) *fault.Set { return s.set }

func fromDocument(document string, gate *Gate, log *problemLog) Source {
	set, problems := gate.Admit([]byte(document), time.Now())
	log.write(problems...)
	if set == nil {
		return nil
	}
	return static{set}
}

// problemLog writes problems as JSON lines. Nothing can be done about a log that cannot be written.
type problemLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *problemLog) write(problems ...fault.Problem) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range problems {
		_, _ = l.w.Write(p.AppendJSON(nil, time.Now()))
	}
}
