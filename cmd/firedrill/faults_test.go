package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

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
