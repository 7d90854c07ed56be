package account

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

func makeHealthCheck(t *testing.T, w world) {
	t.Helper()
	if _, err := route53.NewFromConfig(w.cfg).CreateHealthCheck(t.Context(), &route53.CreateHealthCheckInput{
		CallerReference: aws.String(w.account),
		HealthCheckConfig: &types.HealthCheckConfig{
			Type: types.HealthCheckTypeHttps, FullyQualifiedDomainName: aws.String("api.example.com"), Port: aws.Int32(443),
			ResourcePath: aws.String("/health"), RequestInterval: aws.Int32(10), FailureThreshold: aws.Int32(2),
		},
	}); err != nil {
		t.Fatal(err)
	}
}

func healthCheckID(t *testing.T, w world) string {
	t.Helper()
	out, err := route53.NewFromConfig(w.cfg).ListHealthChecks(t.Context(), &route53.ListHealthChecksInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.HealthChecks[0].Id
}

// updateHealthCheck is somebody else's, who does not ask for a version.
func updateHealthCheck(t *testing.T, w world, in route53.UpdateHealthCheckInput) {
	t.Helper()
	in.HealthCheckId = aws.String(healthCheckID(t, w))
	if _, err := route53.NewFromConfig(w.cfg).UpdateHealthCheck(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func healthCheckFixture() fixture {
	return fixture{
		kind: "route53-health-check", target: experiment.Target{Resources: []string{"${id}"}}, with: fault.Attributes{"make": "inverted"},
		front: newStrictRoute53, setup: makeHealthCheck, id: healthCheckID,
		state: func(t *testing.T, w world) any {
			out, err := route53.NewFromConfig(w.cfg).GetHealthCheck(t.Context(), &route53.GetHealthCheckInput{HealthCheckId: aws.String(healthCheckID(t, w))})
			if err != nil {
				t.Fatal(err)
			}
			return out.HealthCheck.HealthCheckConfig
		},
		beside: func(t *testing.T, w world) {
			updateHealthCheck(t, w, route53.UpdateHealthCheckInput{Disabled: aws.Bool(true), ResourcePath: aws.String("/alive")})
		},
	}
}

func TestDisabledHealthCheck(t *testing.T) {
	f := healthCheckFixture()
	f.with = fault.Attributes{"make": "disabled"}
	stand := newStand(t).behind(t, f)
	restoresExactly(t, newSubject(t, stand, f))

	s := newSubject(t, stand, f)
	refused(t, s.world, f.kind, "00000000-0000-0000-0000-000000000000", f.with, "no health check")
	updateHealthCheck(t, s.world, route53.UpdateHealthCheckInput{Disabled: aws.Bool(true)})
	refused(t, s.world, f.kind, healthCheckID(t, s.world), f.with, "already what the fault")
}

func TestHealthCheckOfAnotherVersion(t *testing.T) {
	f := healthCheckFixture()
	s := newSubject(t, newStand(t).behind(t, f), f)
	api, id := route53.NewFromConfig(s.cfg), healthCheckID(t, s.world)
	set := healthCheck(api, "arn:aws:route53:::healthcheck/")
	from, err := set.read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	f.beside(t, s.world)
	if err := set.write(t.Context(), id, from, belief{Inverted: true}); !errors.Is(err, errConflict) {
		t.Errorf("write on top of what was not read: %v", err)
	}
}

func TestTakeBelief(t *testing.T) {
	before, after := belief{}, belief{Inverted: true}
	for now, want := range map[belief]belief{after: before, before: before, {Inverted: true, Disabled: true}: {Disabled: true}} {
		next, drift := takeBelief(now, before, after)
		if next != want || (drift != "") != (next != before) {
			t.Errorf("%v: %v, %q", now, next, drift)
		}
	}
}
