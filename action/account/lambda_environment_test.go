package account

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// setVariable is somebody else's change of one variable.
func setVariable(t *testing.T, w world, name, value string) {
	t.Helper()
	out, err := lambda.NewFromConfig(w.cfg).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("inventory")})
	if err != nil {
		t.Fatal(err)
	}
	all := out.Environment.Variables
	all[name] = value
	reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Environment: &types.Environment{Variables: all}})
}

func environmentFixture() fixture {
	return fixture{
		kind: "lambda-environment", target: experiment.Target{Lambda: "inventory"}, with: fault.Attributes{"name": "TABLE", "value": "nowhere"},
		setup: inventory, state: lookAtInventory, front: frontLambda,
		edit:   func(t *testing.T, w world) { setVariable(t, w, "TABLE", "theirs") },
		beside: func(t *testing.T, w world) { setVariable(t, w, "NEW", "by somebody else") },
	}
}

// TestVariables puts each form of the fault on a variable that is there and on one that is not.
func TestVariables(t *testing.T) {
	stand := newStand(t)
	for name, with := range map[string]fault.Attributes{
		"removed": {"name": "TABLE", "removed": true},
		"emptied": {"name": "TABLE", "value": ""},
		"added":   {"name": "PROXY", "value": "http://127.0.0.1:1"},
	} {
		f := environmentFixture()
		f.with = with
		t.Run(name, func(t *testing.T) { restoresExactly(t, newSubject(t, stand, f)) })
		t.Run(name+" beside", func(t *testing.T) { besideEdit(t, newSubject(t, stand, f)) })
		t.Run(name+" not applied", func(t *testing.T) { revertWithoutApply(t, newSubject(t, stand, f)) })
	}
}

// TestValuesAreNotJournaled: what a function had in its environment may be a secret.
func TestValuesAreNotJournaled(t *testing.T) {
	s := newSubject(t, newStand(t), environmentFixture())
	undo := s.apply(t)
	for _, secret := range []string{"orders", "live"} {
		if bytes.Contains(undo, []byte(secret)) {
			t.Errorf("the undo record holds %q: %s", secret, undo)
		}
	}
}

// TestEnvironmentRefuses what cannot be undone or written, before anything is changed.
func TestEnvironmentRefuses(t *testing.T) {
	stand := newStand(t)
	for name, tc := range map[string]struct {
		with    fault.Attributes
		present [2]string
		want    string
	}{
		"too much":        {fault.Attributes{"name": "TABLE", "value": strings.Repeat("x", 4100)}, [2]string{"A", "b"}, "AWS Lambda takes 4096"},
		"original is big": {fault.Attributes{"name": "BIG", "removed": true}, [2]string{"BIG", strings.Repeat("x", 4080)}, "AWS Lambda takes 4096"},
		"not undone":      {fault.Attributes{"name": "TABLE", "removed": true}, [2]string{"FIREDRILL_KEPT_TABLE", "x"}, "was not put back"},
		"no change":       {fault.Attributes{"name": "TABLE", "value": "orders"}, [2]string{"A", "b"}, "already"},
	} {
		t.Run(name, func(t *testing.T) {
			f := environmentFixture()
			f.with = tc.with
			s := newSubject(t, stand, f)
			setVariable(t, s.world, tc.present[0], tc.present[1])
			_, err := s.change.Prepare(t.Context())
			var refused *action.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || refused.Tip == "" {
				t.Errorf("Prepare = %v, want a refusal with %q and a hint", err, tc.want)
			}
		})
	}
}

// TestKeptValues: what becomes of the original when somebody edits it while it is kept.
func TestKeptValues(t *testing.T) {
	v := variableOf{function: "f", name: "TABLE", kept: "FIREDRILL_KEPT_TABLE", value: aws.String("wrong")}
	look := func(all map[string]string) variable {
		return variable{Value: v.mark(all, v.name), Kept: v.mark(all, v.kept), all: all}
	}
	before := look(map[string]string{"TABLE": "orders"})
	after, err := v.want(before, order{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		now, want map[string]string
		drift     string
	}{
		"nothing":     {map[string]string{"TABLE": "wrong", "FIREDRILL_KEPT_TABLE": "orders"}, map[string]string{"TABLE": "orders"}, ""},
		"kept edited": {map[string]string{"TABLE": "wrong", "FIREDRILL_KEPT_TABLE": "orders2"}, map[string]string{"TABLE": "orders2"}, "kept the original and was changed"},
		"kept gone":   {map[string]string{"TABLE": "wrong"}, map[string]string{"TABLE": "wrong"}, "was removed"},
		"edited":      {map[string]string{"TABLE": "theirs", "FIREDRILL_KEPT_TABLE": "orders"}, map[string]string{"TABLE": "theirs"}, "TABLE was changed"},
		"all gone":    {map[string]string{}, map[string]string{}, "TABLE was changed"},
	} {
		t.Run(name, func(t *testing.T) {
			now := look(tc.now)
			next, drift := v.take(now, before, after)
			if !strings.Contains(drift, tc.drift) || (drift == "") != (tc.drift == "") {
				t.Errorf("drift %q, want %q", drift, tc.drift)
			}
			got := v.next(now, next)
			if text(got) != text(tc.want) {
				t.Errorf("environment %v, want %v", got, tc.want)
			}
		})
	}
}

// TestVariableNames: what a file may not ask for is refused with its line, before any run.
func TestVariableNames(t *testing.T) {
	for _, tc := range []struct {
		with fault.Attributes
		want string
	}{
		{fault.Attributes{"name": "TABLE", "value": ""}, ""},
		{fault.Attributes{"name": "TABLE", "removed": true}, ""},
		{fault.Attributes{"name": "TABLE", "value": "x", "removed": false}, ""},
		{fault.Attributes{"name": "TABLE", "value": "x", "removed": true}, "does not go with value"},
		{fault.Attributes{"name": "TABLE", "removed": false}, "is missing"},
		{fault.Attributes{"name": "A", "value": "x"}, "no name"},
		{fault.Attributes{"name": "MY-TABLE", "value": "x"}, "no name"},
		{fault.Attributes{"name": "AWS_REGION", "value": "x"}, "AWS Lambda itself"},
		{fault.Attributes{"name": "FIREDRILL_CONFIG", "value": "x"}, "Firedrill's own"},
	} {
		got := ""
		for _, p := range checkVariable(tc.with) {
			got += p.Message
		}
		if !strings.Contains(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%v: %q, want %q", tc.with, got, tc.want)
		}
	}
}
