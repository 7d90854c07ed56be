package main

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// inAccount gives this process access to an account, whose services answer where the variables say.
func inAccount(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{"AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SSM", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"} {
		t.Setenv(name, "")
	}
	for i, pairs := 0, append([]string{"AWS_REGION", moto.Region, "AWS_ACCESS_KEY_ID", "id", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_EC2_METADATA_DISABLED", "true",
		"AWS_CONFIG_FILE", os.DevNull, "AWS_SHARED_CREDENTIALS_FILE", os.DevNull}, pairs...); i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

// TestOneDocumentIsNotAnother: a document is asked for in its own account and at its own endpoint, or not at all.
func TestOneDocumentIsNotAnother(t *testing.T) {
	address := moto.Start(t) // it answers who is asking
	const account = "123456789012"
	for _, test := range []struct {
		name string
		env  []string
		at   action.Service
		want string // the endpoint of the client, or error and hint
		fail bool
	}{
		{"in AWS", nil, action.Service{Region: "us-west-2", Account: account}, "", false},
		{"in AWS, whoever's account", nil, action.Service{Region: "us-west-2"}, "", false},
		{"in another account", nil, action.Service{Region: "us-west-2", Account: "999999999999"}, "sign in to account 999999999999", true},
		{"on this machine", nil, action.Service{Region: "us-west-2", Endpoint: "http://127.0.0.1:1"}, "http://127.0.0.1:1", false},
		{"on this machine, and this process asks elsewhere", []string{"AWS_ENDPOINT_URL_SSM", "https://x.invalid"}, action.Service{Region: "us-west-2", Endpoint: "http://[::1]:1"}, "http://[::1]:1", false},
		{"behind an endpoint", []string{"AWS_ENDPOINT_URL_SSM", "https://x.invalid"}, action.Service{Region: "us-west-2", Account: account, Endpoint: "https://x.invalid"}, "https://x.invalid", false},
		{"behind an endpoint, and this process asks AWS", nil, action.Service{Region: "us-west-2", Endpoint: "https://x.invalid"}, "AWS_ENDPOINT_URL_SSM=https://x.invalid", true},
		{"in AWS, and this process asks elsewhere", []string{"AWS_ENDPOINT_URL", "https://x.invalid"}, action.Service{Region: "us-west-2"}, "leave AWS_ENDPOINT_URL_SSM", true},
		{"in AWS, and endpoints are ignored", []string{"AWS_ENDPOINT_URL_SSM", "https://x.invalid", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}, action.Service{Region: "us-west-2"}, "no access", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inAccount(t, append(test.env, "AWS_ENDPOINT_URL_STS", address)...)
			if slices.Contains(test.env, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
				t.Setenv("AWS_ACCESS_KEY_ID", "") // else AWS itself would be asked who is asking
			}
			s := newServices(os.Getenv, "")
			cfg, err := s.config(t.Context(), "ssm", test.at)
			if (err != nil) != test.fail {
				t.Fatalf("got %v", err)
			}
			if err == nil && (aws.ToString(cfg.BaseEndpoint) != test.want || cfg.Region != "us-west-2") {
				t.Errorf("asked at %q in %s, want %q", aws.ToString(cfg.BaseEndpoint), cfg.Region, test.want)
			}
			if client, ok := cfg.HTTPClient.(*awshttp.BuildableClient); err == nil && (!ok || client.GetTimeout() != callTimeout) {
				t.Errorf("a call that hangs would take all the time of an undo: %T", cfg.HTTPClient)
			}
			var f *failure
			if err != nil && (!errors.As(err, &f) || !strings.Contains(f.Error()+f.hint, test.want)) {
				t.Errorf("%v, want ...%s...", err, test.want)
			}
		})
	}
}

// TestTaggedFunctions asks the tagging API as AWS's client does.
func TestTaggedFunctions(t *testing.T) {
	address := moto.Start(t)
	inAccount(t, "AWS_ENDPOINT_URL", address)
	role := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"r"}, "AssumeRolePolicyDocument": {"{}"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(role.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=id/20261121/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=none")
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", answer, err)
	}
	_ = answer.Body.Close()
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	functions := lambda.NewFromConfig(cfg)
	for name, tags := range map[string]map[string]string{"cart": {"team": "shop"}, "stock": {"team": "shop", "x": "y"}, "mail": {"team": "post"}, "plain": nil} {
		_, err := functions.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::123456789012:role/r"),
			Runtime: types.RuntimeProvidedal2023, Handler: aws.String("x"), Code: &types.FunctionCode{ZipFile: []byte("x")}, Tags: tags})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := newServices(os.Getenv, "")
	got, err := s.functionsTagged(t.Context(), "team", "shop")
	slices.Sort(got)
	const prefix = "arn:aws:lambda:eu-west-1:123456789012:function:"
	if want := []string{prefix + "cart", prefix + "stock"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	if got, err := s.functionsTagged(t.Context(), "team", "nobody"); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}
