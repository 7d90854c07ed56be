package account

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeInstance makes an instance that is called shop, and one beside it.
func makeInstance(t *testing.T, w world) {
	t.Helper()
	for _, name := range []string{"shop", "other"} {
		_, err := ec2.NewFromConfig(w.cfg).RunInstances(t.Context(), &ec2.RunInstancesInput{
			ImageId: aws.String(anImage), InstanceType: types.InstanceTypeT3Micro, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: &name}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// instancesNow are the instances' states by their names.
func instancesNow(t *testing.T, w world) any {
	t.Helper()
	out, err := ec2.NewFromConfig(w.cfg).DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]any{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			states[aws.ToString(i.Tags[0].Value)] = []any{stateOf(i), i.InstanceId, i.InstanceType, i.PrivateIpAddress, i.BlockDeviceMappings}
		}
	}
	return states
}

func ec2StopFixture() fixture {
	return fixture{
		kind: "ec2-stop", target: experiment.Target{Resources: []string{"shop"}}, with: fault.Attributes{"force": true},
		front: slowToStop, setup: makeInstance, state: instancesNow,
		unseen: []string{"autoscaling:DescribeAutoScalingGroups"}, // of instances that belong to a group
		edit: func(t *testing.T, w world) {
			_, id, err := findInstance(t.Context(), ec2.NewFromConfig(w.cfg), w.cfg.Region, "shop")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ec2.NewFromConfig(w.cfg).TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{ec2ID(id)}}); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// slowToStop lets instances take some looks to stop, as they do in EC2, which refuses to start them in the meantime.
func slowToStop(moto http.Handler) http.Handler {
	var mu sync.Mutex
	looks := map[string]int{} // that are left, by account
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		form, account := formOf(r), r.Header.Get("x-moto-account-id")
		mu.Lock()
		defer mu.Unlock()
		switch form.Get("Action") {
		case "StopInstances":
			looks[account] = 5
		case "StartInstances":
			if looks[account] > 0 {
				out.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(out, `<Response><Errors><Error><Code>IncorrectInstanceState</Code><Message>it is not in a state from which it can be started</Message></Error></Errors></Response>`)
				return
			}
		case "DescribeInstances":
			if looks[account] > 0 {
				looks[account]--
				answer := httptest.NewRecorder()
				moto.ServeHTTP(answer, r)
				text := strings.ReplaceAll(answer.Body.String(), "<name>stopped</name>", "<name>stopping</name>")
				out.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
				_, _ = io.WriteString(out, strings.ReplaceAll(text, "<code>80</code>", "<code>64</code>"))
				return
			}
		}
		moto.ServeHTTP(out, r)
	})
}

// formOf is what a request of EC2 or Auto Scaling asks for; the request can still be read.
func formOf(r *http.Request) url.Values {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	return form
}

func ec2RebootFixture() fixture {
	var rebooted sync.Map // EC2 tells nobody, and neither does moto
	return fixture{
		kind: "ec2-reboot", target: experiment.Target{Resources: []string{"shop"}}, setup: makeInstance, stays: true,
		front: func(moto http.Handler) http.Handler {
			return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				if form := formOf(r); form.Get("Action") == "RebootInstances" && form.Get("DryRun") != "true" {
					rebooted.Store(r.Header.Get("x-moto-account-id"), form.Get("InstanceId.1"))
				}
				moto.ServeHTTP(out, r)
			})
		},
		state: func(t *testing.T, w world) any {
			id, _ := rebooted.Load(w.account)
			return []any{id, instancesNow(t, w)}
		},
	}
}

func ec2TerminateFixture() fixture {
	return fixture{kind: "ec2-terminate", target: experiment.Target{Resources: []string{"shop"}}, setup: makeInstance, state: instancesNow, stays: true}
}

// TestInstancesThatAreRefused: what cannot be stopped, or would be replaced, is refused before anything is armed.
func TestInstancesThatAreRefused(t *testing.T) {
	stand := newStand(t)
	changes := func(w world, kind, name string) ([]*Change, error) {
		return w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: kind, Target: experiment.Target{Resources: []string{name}}, Irreversible: true}, params())
	}
	refused := func(t *testing.T, w world, kind, name, why string) {
		t.Helper()
		list, err := changes(w, kind, name)
		if err == nil {
			_, err = list[0].Prepare(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s on %s: %v, want %q", kind, name, err, why)
		}
	}
	w := stand.world()
	makeInstance(t, w)
	api := ec2.NewFromConfig(w.cfg)
	_, id, err := findInstance(t.Context(), api, w.cfg.Region, "shop")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w, "ec2-stop", "nobody", "there is no instance nobody")
	refused(t, w, "ec2-stop", "i-0123456789abcdef0", "there is no instance i-0123456789abcdef0")
	protect := &ec2.ModifyInstanceAttributeInput{InstanceId: aws.String(ec2ID(id)), DisableApiTermination: &types.AttributeBooleanValue{Value: aws.Bool(true)}}
	if _, err := api.ModifyInstanceAttribute(t.Context(), protect); err != nil {
		t.Fatal(err)
	}
	refused(t, w, "ec2-terminate", "shop", "is protected")
	if _, err := api.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{ec2ID(id)}}); err != nil {
		t.Fatal(err)
	}
	refused(t, w, "ec2-stop", id, "is stopped")
	refused(t, w, "ec2-reboot", ec2ID(id), "is stopped")
	if _, err := api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{ec2ID(id)}}); err != nil {
		t.Fatal(err)
	}
	makeInstance(t, w)
	refused(t, w, "ec2-stop", "shop", "2 instances are called shop")

	group := stand.world()
	makeScalingGroup(t, group)
	member := inService(scalingGroupNow(t, group))[0]
	refused(t, group, "ec2-stop", member, "belongs to the Auto Scaling group shop")
	suspendProcess(t, group, "ReplaceUnhealthy")
	if _, err := changes(group, "ec2-stop", member); err != nil {
		t.Errorf("a group that replaces nothing: %v", err)
	}
}
