package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// BenchmarkVerify runs a hundred experiments of a second each, which share nothing, ten at a time, with everything that belongs to a
// run: journal, locks, loads, faults in files, reports. It says by how much it takes longer than ten seconds, and how much of that
// is not in the runs themselves, which a busy machine makes longer.
func BenchmarkVerify(b *testing.B) {
	const count, width, length = 100, 10, time.Second
	for b.Loop() {
		b.StopTimer()
		b.Chdir(b.TempDir())
		a := &app{stdout: io.Discard, stderr: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }, state: "state", output: "text"}
		world, err := a.open(b.Context(), inputs{}, io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		state, err := a.openState(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		jobs := secondsLong(b, count)
		b.StartTimer()
		began := time.Now()
		resolve(b.Context(), jobs, world, &verification{suite: &suite{}})
		outcomes, err := drill.Run(b.Context(), jobs, drill.Options{Width: width, Run: func(ctx context.Context, j *drill.Job, link drill.Link) (*engine.Result, error) {
			o := runOptions(j.Experiment, j.Source, world, link.Guards, state)
			o.Observer, o.Wait = link.Observe, link.Wait
			return engine.Run(ctx, j.Experiment, o)
		}})
		took, runs := time.Since(began), time.Duration(0)
		for _, o := range outcomes {
			if err != nil || o.Result == nil || o.Result.Stop != nil || len(o.Result.Residue) > 0 || o.Result.Conditions[0].Applied == nil {
				b.Fatalf("%s: %+v, %v", o.File, o.Result, err)
			}
			runs += o.Result.Ended.Sub(o.Result.Started)
		}
		b.ReportMetric(100*(took.Seconds()/(length.Seconds()*count/width)-1), "%overhead")
		b.ReportMetric(100*(took.Seconds()/(runs.Seconds()/width)-1), "%beside-runs")
	}
}

// secondsLong are experiments of a second, each with a load and a fault of its own.
func secondsLong(b *testing.B, count int) []drill.Job {
	b.Helper()
	var jobs []drill.Job
	for i := range count {
		server := httptest.NewServer(http.HandlerFunc(serve))
		b.Cleanup(server.Close)
		text := fmt.Appendf(nil, `version: 1
title: Number %[1]d
objective: It answers
load: {shop: {http: "GET %[2]s/", rate: 20/s}}
measures: [{name: latency, of: load.shop, expect: p50 < 20s}]
conditions: [{name: slow, fault: latency, target: {file: faults-%[1]d.json}, with: {min: 10ms, max: 20ms}}]
phases: {baseline: 1s, fault: 1s, recovery: 1s}
`, i, server.URL)
		x, problems := experiment.Parse(text, experiment.Options{File: fmt.Sprintf("%d.yaml", i)})
		if x == nil {
			b.Fatal(problems)
		}
		x.Phases = experiment.Phases{Baseline: 400 * time.Millisecond, BaselineMax: 20 * time.Second, Fault: 400 * time.Millisecond, Recovery: 200 * time.Millisecond}
		jobs = append(jobs, drill.Job{File: x.File, Experiment: x, Source: text, Length: time.Second, Reach: drill.ReachOf(x, nil)})
	}
	return jobs
}
