package remote

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// Variables of the environment, beside those of package source and AWS's own.
const (
	// Refresh is how often a function that is not armed asks for its fault set, such as "10s"; default 60s.
	Refresh = "FIREDRILL_REFRESH"
	// ExtensionPort is where AWS's AppConfig extension listens on localhost; default 2772.
	ExtensionPort = "AWS_APPCONFIG_EXTENSION_HTTP_PORT"

	// FailureParam, FailureApplication, FailureEnvironment, FailureConfiguration and FailureTTL are
	// failure-lambda's: an SSM parameter's name, the three parts of an AppConfig profile, and a Refresh in
	// seconds. They count where FIREDRILL_CONFIG is not set, a profile before a parameter.
	FailureParam         = "FAILURE_INJECTION_PARAM"
	FailureApplication   = "FAILURE_APPCONFIG_APPLICATION"
	FailureEnvironment   = "FAILURE_APPCONFIG_ENVIRONMENT"
	FailureConfiguration = "FAILURE_APPCONFIG_CONFIGURATION"
	FailureTTL           = "FAILURE_CACHE_TTL"
	// ChaosParam is the SSM parameter's name for the Python chaos-lambda. It counts last.
	ChaosParam = "CHAOS_PARAM"
)

// place is where a fault set is, as the environment says.
type place struct {
	field, value string // which variable says so, and what
	refresh      time.Duration
	open         func(c *client) (store, error)
}

// FromEnv returns the source that the environment names: those of source.FromEnv, and those that need the
// network. The first attempt begins at once; until it ends there are no faults. Problems go to logw, one JSON
// line each, also from other goroutines and after FromEnv has returned. Cancelling ctx ends the refreshing; the
// last set then stays.
func FromEnv(ctx context.Context, getenv func(string) string, logw io.Writer) source.Source {
	if source.IsDisabled(getenv) {
		return nil
	}
	log := &problemLog{w: logw}
	p, ok := locate(getenv, log)
	if !ok {
		return source.FromEnv(getenv, logw)
	}
	gate, problem := source.NewGate(getenv)
	if problem != nil {
		log.write(time.Now(), *problem)
		return nil
	}
	st, err := p.open(newClient(getenv))
	if err != nil {
		log.write(time.Now(), fault.Problem{Field: p.field, Value: p.value, Message: "cannot be read, no faults are injected: " + err.Error()})
		return nil
	}
	l := newLive(ctx, p, st, gate, log)
	l.Faults(time.Now())
	return l
}

// locate returns the remote place that the environment names, if there is one.
func locate(getenv func(string) string, log *problemLog) (place, bool) {
	if config := strings.TrimSpace(getenv(source.Config)); config != "" {
		for _, s := range schemes() {
			if rest, ok := strings.CutPrefix(config, s.prefix); ok {
				return place{source.Config, shown(config), refreshOf(getenv, log), func(c *client) (store, error) { return s.open(c, rest) }}, true
			}
		}
		return place{}, false
	}
	if profile := getenv(FailureConfiguration); profile != "" {
		application, environment := getenv(FailureApplication), getenv(FailureEnvironment)
		return place{FailureConfiguration, profile, ttlOf(getenv, 0, log), func(c *client) (store, error) {
			return openProfile(c, application, environment, profile)
		}}, true
	}
	for _, name := range []string{FailureParam, ChaosParam} {
		if parameter := getenv(name); parameter != "" {
			return place{name, parameter, ttlOf(getenv, quietEvery, log), func(c *client) (store, error) { return openSSM(c, parameter) }}, true
		}
	}
	return place{}, false
}

// scheme is one way to write a place in FIREDRILL_CONFIG.
type scheme struct {
	prefix string
	open   func(c *client, rest string) (store, error)
}

// schemes lists every kind of place.
func schemes() []scheme {
	return []scheme{
		{"ssm:", openSSM},
		{"s3://", openS3},
		{"appconfig:", openAppConfig},
		{"https://", func(c *client, rest string) (store, error) { return openURL(c, "https://"+rest) }},
		{"http://", func(c *client, rest string) (store, error) { return openURL(c, "http://"+rest) }},
	}
}

// refreshOf is how often a disarmed function asks.
func refreshOf(getenv func(string) string, log *problemLog) time.Duration {
	text := strings.TrimSpace(getenv(Refresh))
	if text == "" {
		return quietEvery
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < armedEvery || d > maxQuiet {
		log.write(time.Now(), fault.Problem{Field: Refresh, Value: text,
			Message: fmt.Sprintf("is not a duration between %v and %v, %v is taken", armedEvery, maxQuiet, quietEvery)})
		return quietEvery
	}
	return d
}

// ttlOf is failure-lambda's way of saying how often: in seconds, 0 for every invocation.
func ttlOf(getenv func(string) string, fallback time.Duration, log *problemLog) time.Duration {
	text := strings.TrimSpace(getenv(FailureTTL))
	if text == "" {
		return max(fallback, floorEvery)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0 && n <= maxQuiet.Seconds()) {
		log.write(time.Now(), fault.Problem{Field: FailureTTL, Value: text,
			Message: fmt.Sprintf("is not a number of seconds up to %.0f, %v is taken", maxQuiet.Seconds(), quietEvery)})
		return quietEvery
	}
	return max(time.Duration(n*float64(time.Second)), floorEvery)
}
