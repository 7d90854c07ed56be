package probe

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/cloudwatch"
	"github.com/firedrill-dev/firedrill/verdict"
)

// onAWS are dependencies that lead to a server.
func onAWS(server *cloudwatch.Server) Deps {
	return Deps{
		CloudWatch: func(_ context.Context, account, region string) (CloudWatchAPI, error) {
			return cw.NewFromConfig(server.Config(), func(o *cw.Options) { o.RetryMaxAttempts = 1 }), nil
		},
		Logs: func(context.Context, string, string) (LogsAPI, error) {
			return cloudwatchlogs.NewFromConfig(server.Config(), func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = 1 }), nil
		},
	}
}

// orders is a measure of Shop/Orders by the minute.
func orders(change func(*experiment.ProbeSpec)) experiment.Measure {
	m := experiment.Measure{Name: "orders", Of: experiment.CloudWatch, Timeout: 10 * time.Second, Probe: experiment.ProbeSpec{
		Metrics: []experiment.Metric{{ID: "m", Namespace: "Shop", Name: "Orders", Stat: "Sum"}}, Period: time.Minute, Lag: time.Minute,
	}}
	if change != nil {
		change(&m.Probe)
	}
	return m
}

// add puts one value into a metric of the namespace Shop.
func add(t *testing.T, server *cloudwatch.Server, name string, at time.Time, value float64, dimensions ...types.Dimension) {
	t.Helper()
	if err := server.Add("Shop", types.MetricDatum{MetricName: &name, Timestamp: &at, Value: &value, Dimensions: dimensions, StorageResolution: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
}

func follower(t *testing.T, m experiment.Measure, d Deps) *Datapoints {
	t.Helper()
	p, err := New(m, d)
	if err != nil {
		t.Fatal(err)
	}
	return p.(*Datapoints)
}

// told writes observations down: minutes since from, and value or class.
func told(obs []verdict.Observation, from time.Time) string {
	var out []string
	for _, o := range obs {
		text := fmt.Sprintf("%g:%g", o.At.Sub(from).Minutes(), o.Value)
		if o.Failed {
			text = fmt.Sprintf("%g:%s", o.At.Sub(from).Minutes(), o.Class)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// TestDatapoints: each datapoint is told once, at its own time, when it is whole.
func TestDatapoints(t *testing.T) {
	server := cloudwatch.Start(t)
	server.Page = 2
	from := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	for minute, x := range []float64{5, 6, 7} {
		add(t, server, "Orders", from.Add(time.Duration(minute)*time.Minute+20*time.Second), x)
		add(t, server, "Orders", from.Add(time.Duration(minute)*time.Minute+40*time.Second), 1)
	}
	p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Lag = 6*time.Minute - time.Second }), onAWS(server))
	// What begins before from is not whole: it belongs to another phase, too.
	obs, next, err := p.Follow(t.Context(), from.Add(-30*time.Second))
	if got := told(obs, from); err != nil || got != "0:6 1:7 2:8" || next != from.Add(3*time.Minute) {
		t.Errorf("%s, next %s, %v", got, next.Sub(from), err)
	}
	if obs[0].Span != time.Minute || obs[0].Failed {
		t.Errorf("%+v", obs[0])
	}
	if obs, again, err := p.Follow(t.Context(), next); len(obs) != 0 || !again.Equal(next) || err != nil {
		t.Errorf("told twice: %v, %s, %v", obs, again, err)
	}
	// A datapoint that comes late has its place.
	add(t, server, "Orders", from.Add(3*time.Minute), 9)
	if obs, _, err := p.Follow(t.Context(), next); told(obs, from) != "3:9" || err != nil {
		t.Errorf("%s, %v", told(obs, from), err)
	}
	if o, err := p.Read(t.Context()); err != nil || o.Value != 9 {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestNoDatapoints: missing data is a failure, unless the measure says that it is zero; and an error is one when its time is up.
func TestNoDatapoints(t *testing.T) {
	server := cloudwatch.Start(t)
	from := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	add(t, server, "Orders", from.Add(2*time.Minute), 4)
	for _, test := range []struct {
		missing, fails, want string
	}{
		{"", "", "0:no-data 1:no-data 2:4 3:no-data"},
		{"zero", "", "0:0 1:0 2:4 3:0"},
		{"zero", "AccessDenied", "0:AccessDenied 1:AccessDenied 2:AccessDenied 3:AccessDenied"},
	} {
		p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Lag, s.Missing = 2*time.Minute+30*time.Second, test.missing }), onAWS(server))
		if test.fails != "" {
			server.Fail("cloudwatch:GetMetricData", test.fails, 1)
		}
		obs, next, err := p.Follow(t.Context(), from)
		// Up to now are 10 minutes and a bit: those that ended 5 minutes ago are given up, the others waited for.
		known := int(next.Sub(from) / time.Minute)
		if got := told(obs[:4], from); got != test.want || known != len(obs) || known > 6 || (err != nil) != (test.fails != "") {
			t.Errorf("missing %q: %s, %d of %d, %v", test.missing, got, len(obs), known, err)
		}
		if f := verdict.Judge(verdict.Expectation{Text: "value >= 0", Statistic: "value", Op: ">=", Unit: verdict.Number}, obs[:4], time.Hour); (f.Outcome == verdict.Held) != (test.want == "0:0 1:0 2:4 3:0") {
			t.Errorf("missing %q is %s: %s", test.missing, f.Outcome, f.Reason)
		}
	}
}

// TestMetricMath: an expression of metrics with dimensions, in a high resolution.
func TestMetricMath(t *testing.T) {
	server := cloudwatch.Start(t)
	from := time.Now().Add(-2 * time.Minute).Truncate(10 * time.Second)
	shop := types.Dimension{Name: aws.String("FunctionName"), Value: aws.String("shop")}
	for i := range 3 {
		at := from.Add(time.Duration(i) * 10 * time.Second)
		add(t, server, "Errors", at, float64(i), shop)
		add(t, server, "Errors", at, 100) // of another
		add(t, server, "Calls", at, 50, shop)
	}
	metric := func(id, name string) experiment.Metric {
		return experiment.Metric{ID: id, Namespace: "Shop", Name: name, Stat: "Sum", Dimensions: map[string]string{"FunctionName": "shop"}}
	}
	p := follower(t, orders(func(s *experiment.ProbeSpec) {
		s.Metrics = []experiment.Metric{metric("errors", "Errors"), metric("result", "Calls")}
		s.Expression, s.Period, s.Lag = "errors / result * 100", 10*time.Second, time.Second
	}), onAWS(server))
	obs, _, err := p.Follow(t.Context(), from)
	if err != nil || len(obs) < 4 || obs[0].Value != 0 || obs[1].Value != 2 || obs[2].Value != 4 || !obs[3].Failed {
		t.Errorf("%v, %v", obs, err)
	}
	bad := follower(t, orders(func(s *experiment.ProbeSpec) { s.Expression = "m +" }), onAWS(server))
	if obs, _, err := bad.Follow(t.Context(), from.Add(-5*time.Minute)); err == nil || !strings.Contains(err.Error(), "not understood") || len(obs) == 0 || obs[0].Class != "ValidationError" {
		t.Errorf("%v, %v", obs, err)
	}
}

// TestHistory: datapoints are shares of the median of the same hour in earlier weeks, which may have coarser datapoints.
func TestHistory(t *testing.T) {
	at := time.Now().Truncate(time.Minute)
	for _, test := range []struct {
		weeks  int
		period time.Duration
		note   string
	}{
		{2, time.Minute, "100 % of history is 600, the median of 120 datapoints of the same hour in 2 earlier week(s)"},
		{3, time.Minute, "100 % of history is 600, the median of 36 datapoints"}, // of five minutes
		{2, 10 * time.Second, "100 % of history is 100, the median of 120 datapoints"},
	} {
		server := cloudwatch.Start(t)
		for w := range test.weeks {
			for minute := -40; minute < 40; minute++ {
				add(t, server, "Orders", at.Add(-time.Duration(w+1)*week+time.Duration(minute)*time.Minute), 600)
			}
		}
		from := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
		add(t, server, "Orders", from, 540)
		p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Weeks, s.Period = test.weeks, test.period }), onAWS(server))
		note, err := p.Start(t.Context(), at)
		if err != nil || !strings.HasPrefix(note, test.note) {
			t.Fatalf("%d weeks: %q, %v", test.weeks, note, err)
		}
		obs, _, err := p.Follow(t.Context(), from)
		want := 540.0 / 600 * float64(time.Minute/test.period)
		if err != nil || math.Abs(obs[0].Value-want) > 1e-9 || obs[0].Failed {
			t.Errorf("%d weeks: %+v, %v; want %g", test.weeks, obs[0], err, want)
		}
	}
}

// TestNoHistory: a measure without the history that it is compared with does not start.
func TestNoHistory(t *testing.T) {
	server := cloudwatch.Start(t)
	at := time.Now().Truncate(time.Minute)
	for minute := range 40 {
		add(t, server, "Orders", at.Add(-week+time.Duration(minute-20)*time.Minute), 600)
		add(t, server, "Orders", at.Add(-2*week+time.Duration(minute-29)*time.Minute), 0)
	}
	for minute := range 20 {
		add(t, server, "Orders", at.Add(-3*week+time.Duration(minute)*time.Minute), 600)
	}
	for weeks, want := range map[int]string{1: "", 2: "", 3: "of 12 datapoints of the hour around"} {
		p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Weeks = weeks }), onAWS(server))
		_, err := p.Start(t.Context(), at)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d weeks: %v", weeks, err)
		}
	}
	for missing, want := range map[string]string{"": "CloudWatch has 0 of 60", "zero": "the history is 0"} {
		p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Weeks, s.Missing, s.Metrics[0].Name = 1, missing, "Returns" }), onAWS(server))
		if _, err := p.Start(t.Context(), at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q: %v", missing, err)
		}
	}
	server.Fail("cloudwatch:GetMetricData", "ThrottlingException", 1)
	p := follower(t, orders(func(s *experiment.ProbeSpec) { s.Weeks = 1 }), onAWS(server))
	if _, err := p.Start(t.Context(), at); err == nil || !strings.Contains(err.Error(), "ThrottlingException") {
		t.Error(err)
	}
}

// TestAlarmMeasure: an alarm's state is a number, and its absence of data a failure.
func TestAlarmMeasure(t *testing.T) {
	server, client, _ := watched(t)
	putAlarm(t, client, "shop", types.StateValueOk)
	p, err := New(experiment.Measure{Name: "a", Of: experiment.AlarmOf, Probe: experiment.ProbeSpec{Alarm: "shop"}}, onAWS(server))
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[types.StateValue]verdict.Observation{
		types.StateValueOk: {Value: 0, Class: "OK"}, types.StateValueAlarm: {Value: 1, Class: "ALARM"}, types.StateValueInsufficientData: {Value: math.NaN(), Failed: true, Class: "INSUFFICIENT_DATA"},
	} {
		setAlarm(t, client, "shop", state)
		o, err := p.Read(t.Context())
		if o.Class != want.Class || o.Failed != want.Failed || (err != nil) != want.Failed || !want.Failed && o.Value != want.Value || want.Failed && !math.IsNaN(o.Value) {
			t.Errorf("%s: %+v, %v", state, o, err)
		}
	}
	server.Fail("cloudwatch:DescribeAlarms", "Throttling", 1)
	if o, err := p.Read(t.Context()); err == nil || o.Class != "Throttling" || !o.Failed {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestInsights: the number of a query, over the log since an instant.
func TestInsights(t *testing.T) {
	server := cloudwatch.Start(t)
	now := time.Now()
	for i, line := range []string{`{"level":"ERROR"}`, `{"level":"ERROR"}`, `{"level":"INFO"}`} {
		server.Log("/aws/lambda/shop", cloudwatch.LogEvent{At: now.Add(-time.Duration(i) * 2 * time.Minute), Message: line})
	}
	measure := func(query, field, missing string) *Insights {
		p, err := New(experiment.Measure{Name: "l", Of: experiment.Logs, Timeout: 10 * time.Second, Probe: experiment.ProbeSpec{LogGroups: []string{"/aws/lambda/shop"}, Query: query, Field: field, Missing: missing}}, onAWS(server))
		if err != nil {
			t.Fatal(err)
		}
		return p.(*Insights)
	}
	const errorsOnly = `filter level = "ERROR" | stats count(*) as errors`
	for _, test := range []struct {
		query, field, missing string
		since                 time.Duration
		value                 float64
		class                 string
	}{
		{errorsOnly, "errors", "", time.Hour, 2, "200"},
		{errorsOnly, "errors", "", time.Minute, 1, "200"},
		{`filter level = "FATAL" | stats count(*) as errors`, "errors", "", time.Hour, math.NaN(), "no-data"},
		{`filter level = "FATAL" | stats count(*) as errors`, "errors", "zero", time.Hour, 0, "no-data"},
		{errorsOnly, "failures", "", time.Hour, math.NaN(), "no-number"},
		{"fields @timestamp", "errors", "", time.Hour, math.NaN(), "MalformedQueryException"},
	} {
		o, err := measure(test.query, test.field, test.missing).ReadBetween(t.Context(), now.Add(-test.since), now.Add(2*time.Second))
		if o.Class != test.class || o.Failed != math.IsNaN(test.value) || (err != nil) != o.Failed || !o.Failed && o.Value != test.value {
			t.Errorf("%s since %s: %+v, %v", test.query, test.since, o, err)
		}
	}
	if o, err := measure(`stats count(*) as errors`, "errors", "").ReadBetween(t.Context(), now.Add(-5*time.Minute), now.Add(-time.Minute)); err != nil || o.Value != 2 {
		t.Errorf("what was logged later counts: %+v, %v", o, err)
	}
	if o, err := measure(errorsOnly, "errors", "zero").Read(t.Context()); err != nil || o.Value > 1 {
		t.Errorf("%+v, %v", o, err)
	}
	abandon(t, server, measure(errorsOnly, "errors", ""))
}

// impatient gives up as soon as a query has not been answered at once.
type impatient struct {
	LogsAPI
	giveUp func()
}

func (i impatient) GetQueryResults(ctx context.Context, in *cloudwatchlogs.GetQueryResultsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	defer i.giveUp()
	return i.LogsAPI.GetQueryResults(ctx, in, opts...)
}

// abandon leaves a query between its start and its answer: it must be stopped.
func abandon(t *testing.T, server *cloudwatch.Server, p *Insights) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	client := p.client
	p.client = func(ctx context.Context, account, region string) (LogsAPI, error) {
		api, err := client(ctx, account, region)
		return impatient{api, cancel}, err
	}
	before := server.Stopped()
	if o, err := p.Read(ctx); err == nil || !o.Failed || server.Stopped() != before+1 {
		t.Errorf("%+v, %v, %d stopped", o, err, server.Stopped())
	}
}

// TestPermissionsSuffice: what a measure says it needs is what it asks for, no more and no less.
func TestPermissionsSuffice(t *testing.T) {
	server, client, _ := watched(t)
	putAlarm(t, client, "shop", types.StateValueOk)
	server.Log("/aws/lambda/shop", cloudwatch.LogEvent{At: time.Now(), Message: "x"})
	for of, m := range map[string]experiment.Measure{
		experiment.CloudWatch: orders(nil),
		experiment.AlarmOf:    {Of: experiment.AlarmOf, Probe: experiment.ProbeSpec{Alarm: "shop"}},
		experiment.Logs:       {Of: experiment.Logs, Timeout: 10 * time.Second, Probe: experiment.ProbeSpec{LogGroups: []string{"/aws/lambda/shop"}, Query: "stats count(*) as n", Field: "n"}},
	} {
		needed := map[string]bool{}
		for _, p := range Permissions(m, "eu-west-1", "123456789012") {
			for _, action := range p.Actions {
				needed[action] = false
			}
			if len(p.Resources) == 0 {
				t.Errorf("%s: %v on nothing", of, p.Actions)
			}
		}
		before := len(server.Calls())
		p, err := New(m, onAWS(server))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Read(t.Context()) // there may be no data
		if of == experiment.Logs { // and one that is abandoned
			abandon(t, server, p.(*Insights))
		}
		for _, call := range server.Calls()[before:] {
			if _, ok := needed[call.Action]; !ok {
				t.Errorf("%s uses %s, which it does not name", of, call.Action)
			}
			needed[call.Action] = true
		}
		for action, used := range needed {
			if !used {
				t.Errorf("%s names %s, which it does not use", of, action)
			}
		}
	}
	if got := Permissions(experiment.Measure{Of: experiment.Logs, Probe: experiment.ProbeSpec{LogGroups: []string{"g"}}}, "cn-north-1", "1")[0].Resources[0]; got != "arn:aws-cn:logs:cn-north-1:1:log-group:g:*" {
		t.Error(got)
	}
}
