package remote

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/source"
)

// opened is a source as a function opens it.
type opened struct {
	source.Source
	t   *testing.T
	log *safeBuffer
}

func fromEnv(t *testing.T, pairs ...string) *opened {
	o := &opened{t: t, log: &safeBuffer{}}
	o.Source = FromEnv(t.Context(), environ(pairs...), o.log)
	return o
}

// settled waits for the attempt that is under way and checks what came of it.
func (o *opened) settled(want bool, log string) {
	o.t.Helper()
	l, ok := o.Source.(*live)
	if !ok {
		o.t.Fatalf("%T is no live source; log: %s", o.Source, o.log)
	}
	await(o.t, l)
	if got := l.set.Load() != nil; got != want {
		o.t.Errorf("armed %v, want %v; log: %s", got, want, o.log)
	}
	o.told(log)
}

// await waits until no attempt is under way.
func await(t testing.TB, l *live) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		l.mu.Lock()
		idle := l.cancel == nil
		l.mu.Unlock()
		if idle {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the attempt does not end")
		}
		<-time.After(time.Millisecond)
	}
}

// again makes the next attempt, whenever it is due, and waits for it.
func (o *opened) again() {
	o.t.Helper()
	l := o.Source.(*live)
	l.wait.Store(0)
	l.Faults(time.Now())
	await(o.t, l)
}

func (o *opened) told(want string) {
	o.t.Helper()
	log := o.log.String()
	if n := strings.Count(log, "\n"); want == "" && n != 0 || want != "" && (n != 1 || !strings.Contains(log, want) || !json.Valid([]byte(log))) {
		o.t.Errorf("log %q, want one line with %q", log, want)
	}
}

func TestFromEnv(t *testing.T) {
	region := []string{"AWS_REGION", "eu-west-1"}
	for _, c := range []struct {
		name string
		env  []string
		want string // "": none, "local": one of package source, else what the place's address or request contains
		log  string
	}{
		{"nothing", nil, "", ""},
		{"inline", []string{"FIREDRILL_CONFIG", armed}, "local", ""},
		{"file", []string{"FIREDRILL_CONFIG", "file:/nowhere/faults.json"}, "local", ""},
		{"unknown", []string{"FIREDRILL_CONFIG", "ftp://x"}, "", "is not a source that is known"},
		{"disabled", []string{"FIREDRILL_CONFIG", "ssm:/x", "FIREDRILL_DISABLED", "true"}, "", ""},
		{"parameter", append(region, "FIREDRILL_CONFIG", " ssm:/shop/faults "), `ssm.eu-west-1.amazonaws.com {"Name":"/shop/faults","WithDecryption":true}`, ""},
		{"parameter in China", []string{"AWS_DEFAULT_REGION", "cn-north-1", "FIREDRILL_CONFIG", "ssm:x"}, "ssm.cn-north-1.amazonaws.com.cn", ""},
		{"parameter, endpoint for all", append(region, "FIREDRILL_CONFIG", "ssm:x", "AWS_ENDPOINT_URL", "http://h:1/"), "h:1 ", ""},
		{"parameter, endpoint of its own", append(region, "FIREDRILL_CONFIG", "ssm:x", "AWS_ENDPOINT_URL", "http://h:1", "AWS_ENDPOINT_URL_SSM", "http://h:2"), "h:2 ", ""},
		{"parameter, endpoints ignored", append(region, "FIREDRILL_CONFIG", "ssm:x", "AWS_ENDPOINT_URL", "http://h:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), "ssm.eu-west-1", ""},
		{"parameter, bad endpoint", append(region, "FIREDRILL_CONFIG", "ssm:x", "AWS_ENDPOINT_URL", "h:1"), "", "is not the URL of a server"},
		{"no name", append(region, "FIREDRILL_CONFIG", "ssm:"), "", "names no parameter"},
		{"no region", []string{"FIREDRILL_CONFIG", "ssm:/x"}, "", "AWS_REGION is not set"},
		{"a region that leads elsewhere", []string{"AWS_REGION", "evil.example/", "FIREDRILL_CONFIG", "ssm:/x"}, "", "is not a region"},
		{"failure-lambda's parameter", append(region, FailureParam, "f"), `"Name":"f"`, ""},
		{"chaos-lambda's parameter", append(region, ChaosParam, "c"), `"Name":"c"`, ""},
		{"ours wins", append(region, ChaosParam, "c", FailureParam, "f", "FIREDRILL_CONFIG", "ssm:o"), `"Name":"o"`, ""},
		{"a profile wins over a parameter", append(region, FailureParam, "f", FailureApplication, "a", FailureEnvironment, "e", FailureConfiguration, "p"),
			"http://localhost:2772/applications/a/environments/e/configurations/p", ""},
		{"half a profile", []string{FailureConfiguration, "p"}, "", "needs an application"},
		{"profile", []string{"FIREDRILL_CONFIG", "appconfig:a/e/p", ExtensionPort, "99"}, "http://localhost:99/applications/a/", ""},
		{"profile of two parts", []string{"FIREDRILL_CONFIG", "appconfig:a/e"}, "", "appconfig:APPLICATION/ENVIRONMENT/PROFILE"},
		{"a port that is none", []string{"FIREDRILL_CONFIG", "appconfig:a/e/p", ExtensionPort, "2772@evil.example"}, "", "is not a port"},
		{"object", append(region, "FIREDRILL_CONFIG", "s3://b/a/ä +.json"), "https://b.s3.eu-west-1.amazonaws.com/a/%C3%A4%20%2B.json", ""},
		{"object, dotted bucket", append(region, "FIREDRILL_CONFIG", "s3://b.c/k"), "https://s3.eu-west-1.amazonaws.com/b.c/k", ""},
		{"object, endpoint of its own", append(region, "FIREDRILL_CONFIG", "s3://b/k", "AWS_ENDPOINT_URL_S3", "http://h:1/base/"), "http://h:1/base/b/k", ""},
		{"object without a key", append(region, "FIREDRILL_CONFIG", "s3://b/"), "", "s3://BUCKET/KEY"},
		{"object that leads elsewhere", append(region, "FIREDRILL_CONFIG", "s3://x@evil.example/k"), "", "s3://BUCKET/KEY"},
		{"address", []string{"FIREDRILL_CONFIG", "https://h/f?x=1"}, "https://h/f?x=1", ""},
		{"no host", []string{"FIREDRILL_CONFIG", "https:///f"}, "", "names no host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := &safeBuffer{}
			getenv := environ(c.env...)
			pl, ok := locate(getenv, &problemLog{w: log})
			if ok && c.want != "" && c.want != "local" && !source.IsDisabled(getenv) {
				st, err := pl.open(newClient(getenv))
				if err != nil || !strings.Contains(addressOf(st), c.want) {
					t.Errorf("%s, %v, want %s", addressOf(st), err, c.want)
				}
				return // asking would leave this machine
			}
			o := fromEnv(t, c.env...)
			if (o.Source == nil) == (c.want == "local") {
				t.Errorf("%T, want %q", o.Source, c.want)
			}
			o.told(c.log)
		})
	}
}

// addressOf is what a store would be asked.
func addressOf(s store) string {
	switch s := s.(type) {
	case *parameter:
		return s.service.endpoint.String() + " " + string(s.request)
	case *object:
		return s.address.String()
	case *profile:
		return s.address
	case *link:
		return s.address
	}
	return ""
}

func TestIntervals(t *testing.T) {
	const config = "FIREDRILL_CONFIG"
	for _, c := range []struct {
		env  []string
		want time.Duration
		log  string
	}{
		{[]string{config, "ssm:x"}, time.Minute, ""},
		{[]string{config, "ssm:x", Refresh, "10s"}, 10 * time.Second, ""},
		{[]string{config, "ssm:x", Refresh, "10"}, time.Minute, "is not a duration between 1s and 1h"},
		{[]string{config, "ssm:x", Refresh, "-1s"}, time.Minute, Refresh},
		{[]string{config, "ssm:x", FailureTTL, "5"}, time.Minute, ""}, // theirs is for their variables
		{[]string{FailureParam, "x"}, time.Minute, ""},
		{[]string{ChaosParam, "x"}, time.Minute, ""},
		{[]string{FailureParam, "x", FailureTTL, "300"}, 5 * time.Minute, ""},
		{[]string{FailureParam, "x", FailureTTL, "0"}, floorEvery, ""},
		{[]string{FailureConfiguration, "x"}, floorEvery, ""},
		{[]string{FailureConfiguration, "x", FailureTTL, "30"}, 30 * time.Second, ""},
		{[]string{FailureParam, "x", FailureTTL, "NaN"}, time.Minute, "is not a number of seconds"},
		{[]string{FailureParam, "x", FailureTTL, "-1"}, time.Minute, FailureTTL},
	} {
		log := &safeBuffer{}
		p, ok := locate(environ(c.env...), &problemLog{w: log})
		if !ok || p.refresh != c.want || !strings.Contains(log.String(), c.log) || (c.log == "") != (log.String() == "") {
			t.Errorf("%v: %v, log %q", c.env, p.refresh, log)
		}
	}
}

// The documentation names every kind of place and every variable.
func TestDocsAreComplete(t *testing.T) {
	page, err := os.ReadFile("../../docs/fault-sets.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{Refresh, ExtensionPort, FailureParam, FailureTTL, FailureConfiguration, ChaosParam, "AWS_ENDPOINT_URL"}
	for _, s := range schemes() {
		names = append(names, "`"+s.prefix)
	}
	for _, name := range names {
		if !strings.Contains(string(page), name) {
			t.Errorf("docs/fault-sets.md lacks %s", name)
		}
	}
}
