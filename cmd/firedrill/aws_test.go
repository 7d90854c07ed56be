package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firedrill-dev/firedrill/internal/moto"
)

// TestScriptsOnAWS runs the scripts that need an account, in the stand-in of one.
func TestScriptsOnAWS(t *testing.T) {
	t.Parallel()
	address := moto.Start(t)
	relay := moto.NewRelay(t, address)
	cfg := aws.Config{Region: moto.Region, BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
	account := &standIn{life: t.Context(), address: address, ssm: ssm.NewFromConfig(cfg)}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/aws",
		Setup: func(env *testscript.Env) error {
			server := httptest.NewServer(http.HandlerFunc(serve))
			env.Defer(server.Close)
			observe(env) // for scripts that set AWS_ENDPOINT_URL_CLOUDWATCH=$cloudwatch
			for name, value := range map[string]string{
				"server": server.URL, "TERM": "dumb", "GORACE": "atexit_sleep_ms=0", "AWS_ENDPOINT_URL": address, "AWS_ENDPOINT_URL_DYNAMODB": relay.URL, "AWS_REGION": moto.Region,
				"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor, "sub": substitute, "exits": exits, "checkout": checkout, "alarm": setAlarm,
			"parameter": account.parameter, "unwritten": unwritten,
			"function": account.function, "waitparameter": account.waitParameter,
		},
	})
}

// A standIn is the account of the scripts. Each script uses names of its own.
type standIn struct {
	life    context.Context
	address string
	ssm     *ssm.Client
}

// parameter put NAME TYPE FILE writes a parameter; parameter is NAME TYPE FILE fails unless it is of that type and
// equal to the file; parameter has NAME TEXT waits until it holds a text; ! parameter is NAME fails if there is one.
func (a *standIn) parameter(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: parameter put|is|has NAME ...")
	}
	verb, name := args[0], args[1]
	switch {
	case verb == "put" && len(args) == 4:
		_, err := a.ssm.PutParameter(a.life, &ssm.PutParameterInput{Name: &name, Type: types.ParameterType(args[2]), Value: aws.String(ts.ReadFile(args[3])), Overwrite: aws.Bool(true)})
		ts.Check(err)
	case verb == "is" && neg:
		if text, kind := a.get(ts, name); kind != "" {
			ts.Fatalf("there is a parameter %s: %s", name, text)
		}
	case verb == "is" && len(args) == 4:
		if text, kind := a.get(ts, name); kind != args[2] || text != ts.ReadFile(args[3]) {
			ts.Fatalf("parameter %s is a %s: %s", name, kind, text)
		}
	case verb == "has" && len(args) == 3:
		a.waitFor(ts, name, args[2])
	default:
		ts.Fatalf("parameter: cannot %s", verb)
	}
}

func (a *standIn) get(ts *testscript.TestScript, name string) (text, kind string) {
	out, err := a.ssm.GetParameter(a.life, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return "", ""
	}
	ts.Check(err)
	return *out.Parameter.Value, string(out.Parameter.Type)
}

func (a *standIn) waitFor(ts *testscript.TestScript, name, text string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); ; <-tick.C {
		now, _ := a.get(ts, name)
		if strings.Contains(now, text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("parameter %s never came to hold %q: %s", name, text, now)
		}
	}
}

// unwritten FILE TEXT DIR fails if TEXT, which FILE has in it, or all of FILE in base64 is in a file of DIR.
func unwritten(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || !strings.Contains(ts.ReadFile(args[0]), args[1]) {
		ts.Fatalf("usage: unwritten FILE TEXT DIR")
	}
	whole, files := base64.StdEncoding.EncodeToString([]byte(ts.ReadFile(args[0]))), 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[2]), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if files++; bytes.Contains(data, []byte(args[1])) || bytes.Contains(data, []byte(whole)) {
			ts.Fatalf("%s has it: %s", path, data)
		}
		return err
	}))
	if files == 0 {
		ts.Fatalf("%s has no files", args[2])
	}
}
