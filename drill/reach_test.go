package drill

import (
	"slices"
	"testing"

	"github.com/firedrill-dev/firedrill/experiment"
)

// TestReachOf: every way in which two experiments can meet, whatever each calls the thing.
func TestReachOf(t *testing.T) {
	lambda := func(name string) *experiment.Experiment {
		return &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{Lambda: name}}}}
	}
	load := func(url string) *experiment.Experiment {
		return &experiment.Experiment{Loads: []experiment.Load{{HTTP: &experiment.HTTPRequest{URL: url}}}}
	}
	probe := func(p experiment.ProbeSpec) *experiment.Experiment {
		return &experiment.Experiment{Measures: []experiment.Measure{{Probe: p}}}
	}
	arn := "arn:aws:lambda:eu-west-1:111122223333:function:stock"
	for _, test := range []struct {
		name string
		a, b *experiment.Experiment
		want string // shared; empty: nothing is
	}{
		{"a function and itself", lambda("stock"), lambda("stock"), "stock"},
		{"its alias", lambda("stock:live"), lambda("stock:7"), "stock"},
		{"its ARN", lambda(arn + ":live"), lambda("stock"), "stock"},
		{"another one", lambda("stock"), lambda("price"), ""},
		{"a function that is invoked", lambda("stock"), &experiment.Experiment{Loads: []experiment.Load{{Lambda: arn}}}, "stock"},
		{"one that is measured", lambda("stock"), probe(experiment.ProbeSpec{Lambda: "stock"}), "stock"},
		{"one whose log is read", lambda("stock"), probe(experiment.ProbeSpec{LogGroups: []string{"/aws/lambda/stock"}}), "stock"},
		{"one whose metric is read", lambda("stock"), probe(experiment.ProbeSpec{Metrics: []experiment.Metric{{Namespace: "AWS/Lambda", Name: "Errors", Dimensions: map[string]string{"FunctionName": "stock"}}}}), "stock"},
		{"a metric of no resource", probe(experiment.ProbeSpec{Metrics: []experiment.Metric{{Namespace: "Shop", Name: "Orders"}}}), probe(experiment.ProbeSpec{Metrics: []experiment.Metric{{Namespace: "Shop", Name: "Orders"}}}), "metric Shop/Orders"},
		{"an address", load("http://shop.example/a"), load("http://SHOP.example:80/b?c=d"), "shop.example"},
		{"this machine", load("http://localhost:8080/a"), load("http://127.0.0.1:8080"), "127.0.0.1:8080"},
		{"another port", load("http://localhost:8080"), load("http://localhost:8081"), ""},
		{"one that is asked", load("https://shop.example/a"), probe(experiment.ProbeSpec{HTTP: &experiment.HTTPRequest{URL: "https://shop.example"}}), "shop.example"},
		{"one Prometheus", probe(experiment.ProbeSpec{URL: "http://prometheus:9090"}), probe(experiment.ProbeSpec{URL: "http://prometheus:9090/"}), "prometheus:9090"},
		{"an alarm", &experiment.Experiment{Stop: []experiment.StopRule{{Alarm: experiment.Alarm{Name: "critical"}}}}, &experiment.Experiment{Guards: experiment.Guards{NoAlarm: []experiment.Alarm{{Name: "critical", Region: "eu-west-1"}}}}, "alarm critical"},
		{"a table by ARN", &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{Resources: []string{"arn:aws:dynamodb:eu-west-1:111122223333:table/orders"}}}}}, &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{Resources: []string{"orders"}}}}}, "orders"},
		{"a tag", &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{Tag: "a=b"}}}}, &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{Tag: "a=b", Count: 1}}}}, "tag a=b"},
		{"a file", &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{File: "./f.json"}}}}, &experiment.Experiment{Conditions: []experiment.Condition{{Target: experiment.Target{File: "f.json"}}}}, "file f.json"},
		{"nothing and nothing", probe(experiment.ProbeSpec{}), load(""), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			shared := Shared(ReachOf(test.a, nil), ReachOf(test.b, nil))
			if (test.want == "") != (shared == nil) || (test.want != "" && !slices.Contains(shared, test.want)) {
				t.Errorf("shared: %q", shared)
			}
		})
	}
}

// TestAlone: what nobody may run beside.
func TestAlone(t *testing.T) {
	for name, x := range map[string]*experiment.Experiment{
		"irreversible": {Conditions: []experiment.Condition{{Irreversible: true}}},
		"a command":    {Measures: []experiment.Measure{{Probe: experiment.ProbeSpec{Command: []string{"true"}}}}},
	} {
		if ReachOf(x, nil).Alone == "" {
			t.Errorf("%s: something may run beside it", name)
		}
	}
	if r := ReachOf(&experiment.Experiment{}, []experiment.Guards{{NoAlarm: []experiment.Alarm{{Name: "x"}}}}); r.Alone != "" || !slices.Equal(r.Names(), []string{"alarm x"}) {
		t.Errorf("%+v", r)
	}
}

// TestBehind: who sends requests to an address reaches what answers them.
func TestBehind(t *testing.T) {
	r := ReachOf(&experiment.Experiment{Loads: []experiment.Load{{HTTP: &experiment.HTTPRequest{URL: "http://127.0.0.1:80/x"}}}}, nil)
	r.Behind("http://127.0.0.1", "hello")
	r.Behind("http://elsewhere", "other")
	if !slices.Equal(r.Names(), []string{"127.0.0.1", "hello"}) {
		t.Errorf("%q", r.Names())
	}
}
