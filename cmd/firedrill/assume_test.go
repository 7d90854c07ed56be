package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestSessionsOfRoles: a session is asked for as long as every role allows, and not used until the very end.
func TestSessionsOfRoles(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if got := r.FormValue("DurationSeconds"); got != "3600" {
			t.Errorf("a session of %s s", got)
		}
		if r.FormValue("RoleSessionName") != "firedrill-01J" || r.FormValue("ExternalId") != "shop-drills" || r.FormValue("Tags.member.1.Value") != "01J" {
			t.Errorf("asked for %v", r.Form)
		}
		w.Header().Set("Content-Type", "text/xml")
		_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>id</AccessKeyId>`+
			`<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			time.Now().Add(sessionMargin-time.Second).UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	env := map[string]string{"AWS_ENDPOINT_URL_STS": server.URL, "AWS_REGION": "eu-west-1"}
	s := newServices(func(name string) string { return env[name] }, "eu-west-1")
	s.role = assumption{"arn:aws:iam::111122223333:role/firedrill", "shop-drills", "01J"}
	provider, err := s.assume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Retrieve(t.Context()); err != nil || asked.Load() != 2 {
		t.Errorf("a session about to end was asked for %d times: %v", asked.Load(), err)
	}
}
