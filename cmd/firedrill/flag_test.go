package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firedrill-dev/firedrill/internal/appconfig"
)

const profileText = `{"version":"1","flags":{"f":{"name":"F","attributes":{"rate":{"constraints":{"type":"number"}}}},"old":{"name":"Old"}},"values":{"f":{"enabled":false,"rate":3},"old":{"enabled":true}}}`

// TestFlagOfAppConfig turns a flag of AppConfig on and off as a user does, in a process that can be killed.
func TestFlagOfAppConfig(t *testing.T) {
	t.Parallel()
	profile := appconfig.New()
	profile.Kind = appconfig.FeatureFlags
	profile.Edit(profileText)
	server := httptest.NewServer(profile)
	t.Cleanup(server.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/appconfig",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"TERM": "dumb", "GORACE": "atexit_sleep_ms=0", "AWS_ENDPOINT_URL_APPCONFIG": server.URL, "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor, "exits": exits,
			"live": func(ts *testscript.TestScript, neg bool, args []string) {
				if strings.Contains(profile.LiveText(), args[0]) == neg {
					ts.Fatalf("it is %s", profile.LiveText())
				}
			},
			"waitlive": func(ts *testscript.TestScript, neg bool, args []string) {
				for deadline := time.Now().Add(60 * time.Second); !strings.Contains(profile.LiveText(), args[0]); time.Sleep(20 * time.Millisecond) {
					if time.Now().After(deadline) {
						ts.Fatalf("it is %s", profile.LiveText())
					}
				}
			},
			"forget":    func(*testscript.TestScript, bool, []string) { profile.Calls() },
			"permitted": func(ts *testscript.TestScript, _ bool, args []string) { permitted(ts, profile.Calls(), args[0]) },
		},
	})
}

// permitted fails unless the policy in a file allows the calls to AppConfig that were made, and no others.
func permitted(ts *testscript.TestScript, made []string, file string) {
	var policy struct {
		Statement []struct{ Action []string }
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &policy))
	var allowed []string
	for _, s := range policy.Statement {
		for _, action := range s.Action {
			if strings.HasPrefix(action, "appconfig:") {
				allowed = append(allowed, action)
			}
		}
	}
	slices.Sort(allowed)
	if !slices.Equal(allowed, made) {
		ts.Fatalf("allowed %q, made %q", allowed, made)
	}
}

// demoFolder NAME DIR copies a folder of the demo.
func demoFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: demofolder NAME DIR")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS("../../demo/"+args[0])))
}
