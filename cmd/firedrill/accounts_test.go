package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/rogpeppe/go-internal/testscript"
)

// as is access to one of the stand-in's accounts, of which it has any number.
func (a *standIn) as(account, region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &a.address, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		HTTPClient: &http.Client{Transport: inAccountOf(account)},
	}
}

// inAccountOf sends requests to one account of the stand-in.
type inAccountOf string

// RoundTrip implements http.RoundTripper.
func (account inAccountOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("x-moto-account-id", string(account))
	return http.DefaultTransport.RoundTrip(r)
}

// function make ACCOUNT REGION NAME makes a function; function limited fails unless a concurrency is reserved for it;
// function waitlimited waits for that.
func (a *standIn) function(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("usage: function make|tag|limited|waitlimited ACCOUNT REGION NAME")
	}
	account, name := args[1], args[3]
	functions := lambda.NewFromConfig(a.as(account, args[2]))
	limited := func() bool {
		out, err := functions.GetFunctionConcurrency(a.life, &lambda.GetFunctionConcurrencyInput{FunctionName: &name})
		ts.Check(err)
		return out.ReservedConcurrentExecutions != nil
	}
	switch args[0] {
	case "make":
		_, _ = iam.NewFromConfig(a.as(account, args[2])).CreateRole(a.life, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("{}")}) // it may be there
		_, err := functions.CreateFunction(a.life, &lambda.CreateFunctionInput{FunctionName: &name, Role: aws.String("arn:aws:iam::" + account + ":role/r"),
			Runtime: types.RuntimeProvidedal2023, Handler: aws.String("x"), Code: &types.FunctionCode{ZipFile: []byte("x")}})
		ts.Check(err)
	case "tag":
		_, err := functions.TagResource(a.life, &lambda.TagResourceInput{Resource: aws.String("arn:aws:lambda:" + args[2] + ":" + account + ":function:" + name), Tags: map[string]string{"firedrill": "allowed"}})
		ts.Check(err)
	case "limited":
		if limited() == neg {
			ts.Fatalf("function %s in account %s: limited is %v", name, account, !neg)
		}
	case "waitlimited":
		eventually(ts, name+" was never limited", limited)
	}
}

// waitparameter ACCOUNT REGION NAME TEXT waits until a parameter holds a text.
func (a *standIn) waitParameter(ts *testscript.TestScript, _ bool, args []string) {
	parameters := ssm.NewFromConfig(a.as(args[0], args[1]))
	eventually(ts, args[2]+" never held "+args[3], func() bool {
		out, err := parameters.GetParameter(a.life, &ssm.GetParameterInput{Name: &args[2]})
		return err == nil && strings.Contains(*out.Parameter.Value, args[3])
	})
}

func eventually(ts *testscript.TestScript, otherwise string, done func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); !done(); <-tick.C {
		if time.Now().After(deadline) {
			ts.Fatalf("%s", otherwise)
		}
	}
}
