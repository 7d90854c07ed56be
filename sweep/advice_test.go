package sweep

import (
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/experiment"
)

const advised = `version: 1
title: T
objective: It holds
load:
  shop: {http: GET http://127.0.0.1/, rate: 20/s}
measures:
  - {name: latency, of: load.shop, expect: p95 < 1s}
conditions:
  - {name: slow, fault: latency, target: {lambda: payment}, with: WITH, percentage: 100}
phases: {baseline: 10s, fault: 10s}
`

func TestAdvise(t *testing.T) {
	found := Conclusion{Outcome: Found, Held: &Bound{Text: "HELD"}, Broken: &Bound{}}
	for _, test := range []struct {
		name, with, path    string
		gentle, harsh, held string
		conclusion          Conclusion
		want                string // "" for no advice
	}{
		{"a delay", "{min: 1ms, max: 1ms}", "conditions[0].with.{min,max}", "0ms", "2s", "860ms", found, "Give calls to payment a timeout of 860ms at most"},
		{"a mean alone is a delay", "{delay: 1ms}", "conditions[0].with.delay", "1ms", "2s", "860ms", found, "a timeout of 860ms at most"},
		{"not all alike", "{min: 1ms, max: 1s}", "conditions[0].with.max", "10ms", "2s", "860ms", found, "so this suggests no timeout"},
		{"not all", "{min: 400ms, max: 400ms}", "conditions[0].percentage", "1", "100", "25", found, "so this suggests no timeout"},
		{"spread", "{delay: 1ms, stddev: 5ms}", "conditions[0].with.delay", "1ms", "2s", "860ms", found, ""},
		{"nothing broke", "{min: 1ms, max: 1ms}", "conditions[0].with.{min,max}", "0ms", "2s", "2s", Conclusion{Outcome: HeldThroughout, Held: &Bound{}}, "Nothing broke in this range"},
		{"traffic", "{min: 1ms, max: 1ms}", "load.shop.rate", "10/s", "500/s", "120/s", found, "Let no more than HELD in"},
		{"something else", "{min: 1ms, max: 1ms}", "phases.fault", "10s", "500s", "120s", found, ""},
		{"no one answer", "{min: 1ms, max: 1ms}", "conditions[0].with.{min,max}", "0ms", "2s", "1s", Conclusion{Outcome: NotMonotone}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := func(value string) *experiment.Experiment {
				s, err := experiment.ParseSetting(test.path + "=" + value)
				if err != nil {
					t.Fatal(err)
				}
				x, problems := experiment.Parse([]byte(strings.ReplaceAll(advised, "WITH", test.with)), experiment.Options{Set: []experiment.Setting{s}})
				if x == nil {
					t.Fatal(problems)
				}
				return x
			}
			got := strings.Join(Advise(test.conclusion, at(test.gentle), at(test.harsh), at(test.held)), "\n")
			if !strings.Contains(got, test.want) || (test.want == "" && got != "") {
				t.Errorf("got %q", got)
			}
		})
	}
}
