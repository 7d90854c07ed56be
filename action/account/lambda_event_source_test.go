package account

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// attachQueue makes a queue that the function inventory gets.
func attachQueue(t *testing.T, w world, queue string) {
	t.Helper()
	if _, err := sqs.NewFromConfig(w.cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &queue}); err != nil {
		t.Fatal(err)
	}
	_, err := lambda.NewFromConfig(w.cfg).CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String("inventory"), EventSourceArn: aws.String("arn:aws:sqs:" + w.cfg.Region + ":" + w.account + ":" + queue), BatchSize: aws.Int32(3),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func attached(t *testing.T, w world) []types.EventSourceMappingConfiguration {
	t.Helper()
	out, err := lambda.NewFromConfig(w.cfg).ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: aws.String("inventory")})
	if err != nil {
		t.Fatal(err)
	}
	return out.EventSourceMappings
}

// batch is somebody else's change of the mapping.
func batch(t *testing.T, w world, size int32) {
	t.Helper()
	if _, err := lambda.NewFromConfig(w.cfg).UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: attached(t, w)[0].UUID, BatchSize: &size}); err != nil {
		t.Fatal(err)
	}
}

func eventSourceFixture() fixture {
	return fixture{
		kind: "lambda-event-source", target: experiment.Target{Resources: []string{"inventory"}},
		setup: func(t *testing.T, w world) {
			inventory(t, w)
			attachQueue(t, w, "orders")
		},
		state: func(t *testing.T, w world) any {
			list := attached(t, w)
			for i := range list {
				list[i].UUID, list[i].EventSourceMappingArn, list[i].LastModified = nil, nil, nil // no two are alike
			}
			return list
		},
		front:  frontLambda,
		beside: func(t *testing.T, w world) { batch(t, w, 5) },
	}
}

// TestEventSourceNames: by its UUID, by its ARN, or by the function whose only one it is.
func TestEventSourceNames(t *testing.T) {
	w := newStand(t).world()
	inventory(t, w)
	attachQueue(t, w, "orders")
	mapping := attached(t, w)[0]
	find := func(name string) (string, error) {
		list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: "lambda-event-source", Target: experiment.Target{Resources: []string{name}}}, params())
		if err != nil {
			return "", err
		}
		return list[0].id, nil
	}
	for _, name := range []string{"inventory", *mapping.UUID, *mapping.EventSourceMappingArn} {
		if id, err := find(name); err != nil || id != *mapping.EventSourceMappingArn {
			t.Errorf("%s is %s, %v; want %s", name, id, err, *mapping.EventSourceMappingArn)
		}
	}
	attachQueue(t, w, "returns")
	for name, want := range map[string]string{
		"inventory":                            "several event source mappings: " + *mapping.UUID,
		"typo":                                 "has no event source mapping",
		"00000000-0000-0000-0000-000000000000": "there is no event source mapping",
	} {
		_, err := find(name)
		var refused *action.Refused
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || refused.Tip == "" {
			t.Errorf("%s: %v, want a refusal with %q and a hint", name, err, want)
		}
	}
}

// TestDisabledIsRefused: a fault that changes nothing proves nothing.
func TestDisabledIsRefused(t *testing.T) {
	s := newSubject(t, newStand(t), eventSourceFixture())
	if _, err := lambda.NewFromConfig(s.cfg).UpdateEventSourceMapping(t.Context(), &lambda.UpdateEventSourceMappingInput{UUID: attached(t, s.world)[0].UUID, Enabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.change.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("Prepare = %v", err)
	}
}

// TestDisablingIsNoProof: a mapping that is still on its way delivers.
func TestDisablingIsNoProof(t *testing.T) {
	f := eventSourceFixture()
	var front *lambdaFront
	f.front = func(next http.Handler) http.Handler {
		front = newLambdaFront(next)
		return front
	}
	s := newSubject(t, newStand(t).behind(t, f), f)
	undo := s.apply(t)
	front.takeTime(s.account)
	other := lambda.NewFromConfig(s.cfg)
	for _, enabled := range []bool{true, false} {
		in := &lambda.UpdateEventSourceMappingInput{UUID: attached(t, s.world)[0].UUID, Enabled: &enabled}
		for {
			_, err := other.UpdateEventSourceMapping(t.Context(), in)
			if err == nil {
				break
			}
			if !hasCode(err, "ResourceInUseException") {
				t.Fatal(err)
			}
			if _, err := other.GetEventSourceMapping(t.Context(), &lambda.GetEventSourceMappingInput{UUID: in.UUID}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 0 {
		t.Errorf("Proof while disabling = %+v, %v", p, err)
	}
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	s.restored(t)
}
