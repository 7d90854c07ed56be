package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// byHand runs firedrill in a folder with some more environment, and returns what it printed.
func byHand(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, dir, args...)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A fault set in Parameter Store is looked at, changed and put back, as that of a function whose environment names it
// in failure-lambda's way, and by its own name.
func TestFaultsInParameter(t *testing.T) {
	stand, dir := moto.Start(t), t.TempDir()
	const original = `{"latency": {"enabled": false, "min_latency": 1e2, "max_latency": 400}}`
	putParameter(t, stand, "/shop/failures", original)
	env := []string{"AWS_ENDPOINT_URL=" + stand, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "XDG_CONFIG_HOME=" + dir, "HOME=" + dir}
	for _, step := range []struct {
		args string
		want string
	}{
		{"faults status --param /shop/failures", "latency  off  100%   max_latency=400 min_latency=1e2"},
		{"faults enable latency --percentage 5 --param /shop/failures", "parameter /shop/failures: latency on until"},
		{"faults status --param /shop/failures", "latency  ON  5%"},
		{"faults profile add shop --param /shop/failures --region us-east-1", "--param /shop/failures --region us-east-1"},
		{"faults disable latency --target shop", "latency off"},
		{"faults status --target shop --json", `"percentage": 5`},
	} {
		out, err := byHand(t, dir, env, strings.Fields(step.args)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Fatalf("%s: %v\n%s", step.args, err, out)
		}
	}
	env = append(env, "FAILURE_INJECTION_PARAM=/shop/new")
	for _, step := range []struct{ args, want string }{
		{"faults status", "does not exist yet"},
		{"faults enable exception", "parameter /shop/new: exception on until"},
		{"faults restore", "as it was before"},
		{"faults status", "does not exist yet"},
	} {
		out, err := byHand(t, dir, env, strings.Fields(step.args)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Fatalf("%s: %v\n%s", step.args, err, out)
		}
	}
	bucket := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(stand), Credentials: localCredentials{}, UsePathStyle: true})
	if _, err := bucket.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("drills")}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ args, want string }{
		{"faults status --s3 s3://drills/shop.json", "does not exist yet"},
		{"faults enable latency min=1ms --s3 s3://drills/shop.json", "latency on until"},
		{"faults status --s3 s3://drills/shop.json", "latency  ON "},
		{"faults restore --s3 s3://drills/shop.json", "as it was before"},
		{"faults status --s3 s3://drills/shop.json", "does not exist yet"},
	} {
		out, err := byHand(t, dir, env, strings.Fields(step.args)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Fatalf("%s: %v\n%s", step.args, err, out)
		}
	}
	out, err := byHand(t, dir, append(env, "AWS_REGION="), "faults", "status", "--param", "/shop/failures", "--region", "eu-west-1")
	if err != nil || !strings.Contains(out, "does not exist yet") {
		t.Errorf("another region has the same parameter: %v\n%s", err, out)
	}
}

// By hand and through the function's own environment: what is switched on is felt, and what is switched off is not.
func TestFaultsOfFunction(t *testing.T) {
	dir := t.TempDir()
	host := startLocal(t, `version: 1
lambda: {listen: 127.0.0.1:0}
functions:
  greet: {command: ["${self}", demo, function, hello], layer: true, environment: {FIREDRILL_CONFIG: "file:`+filepath.ToSlash(filepath.Join(dir, "faults.json"))+`", `+asFiredrill+`: "1"}}
`)
	at := []string{"--lambda", "greet", "--endpoint-url", host.lambda}
	edit := func(args ...string) {
		if out, err := byHand(t, dir, nil, append(append([]string{"faults"}, args...), at...)...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	host.until(t, "greet", func(a answer) string { return a.late(0) })
	edit("enable", "exception", "message=by hand")
	host.until(t, "greet", func(a answer) string { return a.says(true, "by hand") })
	edit("disable", "--all")
	host.until(t, "greet", func(a answer) string { return a.late(0) })
	edit("restore")
	edit("restore")
	edit("status")
	if text, err := os.ReadFile(filepath.Join(dir, "faults.json")); err != nil || !strings.Contains(string(text), `"enabled": false`) {
		t.Errorf("%s, %v", text, err)
	}
	if out, err := byHand(t, dir, nil, "faults", "status", "--lambda", "nobody", "--endpoint-url", host.lambda); err == nil || !strings.Contains(out, "function nobody was not found") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Flags, saved places and failure-lambda's variables name places alike.
func TestFaultPlaces(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	saved, err := loadProfiles()
	if err != nil {
		t.Fatal(err)
	}
	saved.Profiles["shop"] = faultPlace{App: "shop", Env: "live", Profile: "faults", Region: "eu-west-1"}
	if err := saved.save(); err != nil {
		t.Fatal(err)
	}
	profile := experiment.Target{AppConfig: "shop/live/faults"}
	theirs := map[string]string{"FAILURE_APPCONFIG_APPLICATION": "a", "FAILURE_APPCONFIG_ENVIRONMENT": "b", "FAILURE_APPCONFIG_CONFIGURATION": "c", "FAILURE_INJECTION_PARAM": "p"}
	for _, c := range []struct {
		name   string
		given  faultPlace
		env    map[string]string
		want   experiment.Target
		region string
		err    string
	}{
		{name: "nothing", err: "whose fault set?"},
		{name: "a function", given: faultPlace{Lambda: "inventory"}, env: theirs, want: experiment.Target{Lambda: "inventory"}},
		{name: "an object", given: faultPlace{S3: "s3://b/k/l"}, want: experiment.Target{S3: "b/k/l"}},
		{name: "a profile", given: faultPlace{App: "shop", Env: "live", Profile: "faults"}, want: profile},
		{name: "a part of one", given: faultPlace{Env: "live"}, env: theirs, err: "an application and an environment"},
		{name: "two names or three", given: faultPlace{App: "a/b", Env: "c", Profile: "d"}, err: "a name with a slash"},
		{name: "two places", given: faultPlace{Param: "p", File: "f"}, err: "--param and --file exclude each other"},
		{name: "saved", given: faultPlace{saved: "shop"}, want: profile, region: "eu-west-1"},
		{name: "saved, elsewhere", given: faultPlace{saved: "shop", Region: "eu-central-1"}, want: profile, region: "eu-central-1"},
		{name: "saved, and another", given: faultPlace{saved: "shop", Param: "p"}, err: "--target and --param exclude each other"},
		{name: "not saved", given: faultPlace{saved: "x"}, err: `there is no saved profile "x"`},
		{name: "the usual one", env: map[string]string{profileVariable: "shop", "FAILURE_INJECTION_PARAM": "p"}, want: profile, region: "eu-west-1"},
		{name: "theirs", env: theirs, want: experiment.Target{AppConfig: "a/b/c"}},
		{name: "their parameter", env: map[string]string{"FAILURE_INJECTION_PARAM": "p"}, want: experiment.Target{SSM: "p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &app{lookupEnv: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}
			p := c.given
			err := a.resolve(&p)
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %s", err, c.err)
				}
			case err != nil || !reflect.DeepEqual(p.target(), c.want) || p.Region != c.region:
				t.Errorf("%+v in %q, %v; want %+v in %q", p.target(), p.Region, err, c.want, c.region)
			}
		})
	}
}

// A file of saved places that is not understood is refused: another place might be changed than was meant.
func TestProfilesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":1,"profiles":{"a":{"lambda":"x"}}}`:               "",
		`{"version":1,"profiles":{"a":{"lambda":"x","param":"y"}}}`:   "a: --lambda and --param exclude each other",
		`{"version":1,"profiles":{"a":{}}}`:                           "a: whose fault set?",
		`{"version":1,"profiles":{"a":{"lambda":"x","prm":"y"}}}`:     `unknown field "prm"`,
		`{"version":2,"profiles":{}}`:                                 "version 2",
		`{"version":1,"profiles":{}}{}`:                               "something follows",
		`{"version":1`:                                                "unexpected EOF",
		`{"version":1,"profiles":null}`:                               "",
		`{"version":1,"profiles":{"a":{"lambda":"x"}},"default":"a"}`: `unknown field "default"`,
	} {
		dir := t.TempDir()
		t.Setenv("XDG_CONFIG_HOME", dir)
		t.Setenv("HOME", dir)
		path, err := profilesFile()
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		saved, err := loadProfiles()
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err == nil {
			saved.Profiles["new"] = faultPlace{Lambda: "y"} // must not panic
		}
	}
}
