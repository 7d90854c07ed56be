package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// fakeSSM is Parameter Store with one parameter, as its documentation describes it.
type fakeSSM struct {
	name      string
	versions  []types.ParameterHistory // oldest first; empty if there is none
	last      int64                    // number of the last version
	calls     *faults
	interfere func() // once, before the next write
}

// owned are the properties that a write must keep.
func owned(kind types.ParameterType, value string) types.ParameterHistory {
	p := types.ParameterHistory{Type: kind, Value: aws.String(value), Tier: types.ParameterTierStandard, DataType: aws.String("text")}
	if kind == types.ParameterTypeSecureString {
		p.KeyId, p.Description, p.AllowedPattern = aws.String("alias/shop"), aws.String("the shop's faults"), aws.String(`.*`)
	}
	return p
}

func (f *fakeSSM) append(p types.ParameterHistory) {
	f.last++
	p.Version, p.Labels = f.last, nil
	if len(f.versions) == ssmVersions {
		f.versions = slices.Clone(f.versions[1:])
	}
	f.versions = append(f.versions, p)
}

// edit is a write of somebody else.
func (f *fakeSSM) edit(text string) {
	p := owned(types.ParameterTypeString, text)
	if n := len(f.versions); n > 0 {
		p = f.versions[n-1]
		p.Value = aws.String(text)
	}
	f.append(p)
}

func (f *fakeSSM) remove() { f.versions, f.last = nil, 0 }

func (f *fakeSSM) newest() *types.ParameterHistory {
	if len(f.versions) == 0 {
		return nil
	}
	return &f.versions[len(f.versions)-1]
}

func (f *fakeSSM) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	before, after := f.calls.count()
	if err := errors.Join(before, after); err != nil {
		return nil, err
	}
	name, selector, _ := strings.Cut(*in.Name, ":")
	at := len(f.versions) - 1
	if selector != "" {
		at = slices.IndexFunc(f.versions, func(p types.ParameterHistory) bool { return strconv.FormatInt(p.Version, 10) == selector })
	}
	if name != f.name || at < 0 || !aws.ToBool(in.WithDecryption) {
		return nil, &types.ParameterNotFound{}
	}
	p := f.versions[at]
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Name: &name, Value: p.Value, Version: p.Version, Type: p.Type}}, nil
}

func (f *fakeSSM) GetParameterHistory(_ context.Context, in *ssm.GetParameterHistoryInput, _ ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	before, after := f.calls.count()
	if err := errors.Join(before, after); err != nil {
		return nil, err
	}
	if len(f.versions) == 0 {
		return nil, &types.ParameterNotFound{}
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	to := min(from+int(*in.MaxResults), len(f.versions))
	out := &ssm.GetParameterHistoryOutput{Parameters: f.versions[from:to]}
	if to < len(f.versions) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

func (f *fakeSSM) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	if interfere := f.interfere; interfere != nil {
		f.interfere = nil
		interfere()
	}
	before, after := f.calls.count()
	if before != nil {
		return nil, before
	}
	p := types.ParameterHistory{Type: in.Type, Value: in.Value, Tier: in.Tier, KeyId: in.KeyId, DataType: in.DataType, Description: in.Description, AllowedPattern: in.AllowedPattern}
	switch newest := f.newest(); {
	case newest == nil && in.Type == "":
		return nil, fmt.Errorf("ValidationException: a parameter type is required when you create a parameter")
	case newest == nil:
		p.Tier, p.DataType = types.ParameterTierStandard, aws.String("text")
	case !aws.ToBool(in.Overwrite):
		return nil, &types.ParameterAlreadyExists{}
	case in.Type == "":
		p.Type = newest.Type
	}
	if len(f.versions) == ssmVersions && len(f.versions[0].Labels) > 0 {
		return nil, &types.ParameterMaxVersionLimitExceeded{}
	}
	f.append(p)
	return &ssm.PutParameterOutput{Version: f.last}, after
}

func (f *fakeSSM) DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error) {
	before, after := f.calls.count()
	if before != nil {
		return nil, before
	}
	if len(f.versions) == 0 {
		return nil, &types.ParameterNotFound{}
	}
	f.remove()
	return &ssm.DeleteParameterOutput{}, after
}

// ssmPlace is a parameter that the function "shop" reads.
func ssmPlace(t *testing.T, name string, kind types.ParameterType, text string, exists bool) place {
	p, _ := ssmFake(t, name, kind, text, exists)
	return p
}

func ssmFake(t *testing.T, name string, kind types.ParameterType, text string, exists bool) (place, *fakeSSM) {
	f := &fakeSSM{name: "/shop/faults", calls: &faults{}}
	l := &fakeLambda{variables: map[string]string{variableConfig: "ssm:" + f.name}, calls: &faults{}}
	deps := Deps{Lambda: l, Remote: true, SSM: func(_ context.Context, at Service) (SSMAPI, error) {
		if at != (Service{"eu-west-1", "123456789012", ""}) {
			t.Errorf("asked at %+v", at)
		}
		return f, nil
	}}
	p := place{name: name, target: experiment.Target{Lambda: "shop"}, deps: deps, calls: f.calls}
	p.get = func() (string, bool) {
		now := f.newest()
		if now == nil {
			return "", false
		}
		want := owned(now.Type, "")
		if now.Type != kind || now.Tier != want.Tier || aws.ToString(now.KeyId) != aws.ToString(want.KeyId) ||
			aws.ToString(now.Description) != aws.ToString(want.Description) || aws.ToString(now.AllowedPattern) != aws.ToString(want.AllowedPattern) {
			t.Errorf("a property was changed: %+v", now)
		}
		return *now.Value, true
	}
	p.set, p.remove = f.edit, f.remove
	if exists {
		f.append(owned(kind, text))
	}
	return p, f
}

// TestOverwrittenParameter: Parameter Store cannot refuse a write that covers another. What was covered comes back.
func TestOverwrittenParameter(t *testing.T) {
	const foreign = `{"cpu":{"enabled":false},"latency":{"enabled":false}}`
	tests := []struct {
		name      string
		interfere string // what somebody else writes between our read and our write
		refused   bool   // our fault is not added then
		want      string // a member of the result
	}{
		{"another member", `{"cpu":{"enabled":false}}`, false, "cpu"},
		{"our member", `{"latency":{"enabled":true,"min_latency":9}}`, true, "latency"},
		{"another run", `{"firedrill":{"run":"OTHER","expires_at":"2999-01-01T00:00:00Z","armed":["timeout"]},"timeout":{"enabled":true}}`, true, "timeout"},
		{"not a fault set", `oops`, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, f := ssmFake(t, "ssm", types.ParameterTypeString, "{}", true)
			a, undo := p.prepared(t, p.factory(), p.latency())
			f.interfere = func() {
				f.edit(foreign)
				f.edit(test.interfere)
			}
			err := a.Apply(t.Context(), undo)
			if (hint(err) != "") != test.refused || (err != nil) != test.refused {
				t.Fatalf("got %v", err)
			}
			text, _ := p.get()
			if test.refused && text != test.interfere {
				t.Errorf("theirs was lost: %s", text)
			}
			if !test.refused && (!strings.Contains(text, test.want) || p.faults(t).Run() != "RUN") {
				t.Errorf("not merged: %s", text)
			}
			var drift *Drift
			if err := p.elsewhere(t, undo); !errors.As(err, &drift) && test.want != "timeout" {
				t.Errorf("got %v", err)
			}
			if text, _ := p.get(); canonical([]byte(text)) != canonical([]byte(test.interfere)) {
				t.Errorf("the fault set is %s in the end, want %s", text, test.interfere)
			}
		})
	}
}

// TestParameterRemovedMeanwhile: a write to a parameter that somebody removes at that moment does not bring it back.
func TestParameterRemovedMeanwhile(t *testing.T) {
	for _, kind := range []types.ParameterType{types.ParameterTypeString, types.ParameterTypeSecureString} {
		p, f := ssmFake(t, "ssm", kind, ownerText, true)
		_, undo := p.applied(t, p.factory(), p.latency())
		f.interfere = f.remove
		err := p.elsewhere(t, undo)
		var drift *Drift
		if again := p.elsewhere(t, undo); !errors.As(again, &drift) || err == nil {
			t.Errorf("%s: got %v, then %v", kind, err, again)
		}
		p.is(t, "", false)
	}
}

// TestLargeParameter: a fault set that its parameter cannot hold is refused before anything is changed.
func TestLargeParameter(t *testing.T) {
	large := `{"cpu":{"enabled":false,"note":"` + strings.Repeat("x", 3900) + `"}}`
	p, f := ssmFake(t, "ssm", types.ParameterTypeString, large, true)
	a := p.action(t, p.factory(), p.latency())
	if _, err := a.Prepare(t.Context()); hint(err) == "" || !strings.Contains(err.Error(), "4096") {
		t.Errorf("got %v", err)
	}
	p.is(t, large, true)
	f.versions[0].Tier = types.ParameterTierAdvanced
	if _, err := a.Prepare(t.Context()); err != nil {
		t.Errorf("an advanced parameter has room: %v", err)
	}
}

// TestLabelledParameter: where the oldest version has a label there may be no room for more.
func TestLabelledParameter(t *testing.T) {
	p, f := ssmFake(t, "ssm", types.ParameterTypeString, "{}", true)
	for range 99 {
		f.edit("{}")
	}
	a, undo := p.prepared(t, p.factory(), p.latency())
	if err := a.Apply(t.Context(), undo); err != nil { // the newest properties are on the history's last page
		t.Fatal(err)
	}
	f.versions[0].Labels = []string{"stable"}
	if err := a.Renew(t.Context(), undo, 50); hint(err) == "" {
		t.Errorf("got %v", err)
	}
}

// TestParameterNames: what cannot be written is refused when the target is looked up.
func TestParameterNames(t *testing.T) {
	for _, config := range []string{"ssm:", "ssm:/x:3", "ssm:/x:stable", "ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/x"} {
		p, _ := ssmFake(t, "ssm", types.ParameterTypeString, "{}", true)
		p.deps.Lambda.(*fakeLambda).variables[variableConfig] = config
		if _, _, err := one(p.factory().FaultSets(t.Context(), p.latency(), params("RUN"))); hint(err) == "" {
			t.Errorf("%s: got %v", config, err)
		}
	}
}
