package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/action/pace"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The variables that make this program a process which is killed.
const (
	asChild    = "FIREDRILL_BENCH_CHILD" // run, recover
	childURL   = "FIREDRILL_BENCH_URL"
	childState = "FIREDRILL_BENCH_STATE"
	childN     = "FIREDRILL_BENCH_N"
	childScale = "FIREDRILL_BENCH_SCALE"
)

// measureRun changes n functions and puts them back, by one run that takes its course.
func measureRun(ctx context.Context, n int, scale float64) (figures, error) {
	s := newServer(n, scale)
	defer s.Close()
	before := s.state()
	dir, err := os.MkdirTemp("", "firedrill-bench")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	start := time.Now()
	r, err := run(ctx, s.URL, dir, n, scale, 2*time.Second)
	if err != nil {
		return figures{}, err
	}
	f := figures{took: time.Since(start), limit: lambdaLimit * scale}
	for _, phase := range r.Phases { // nothing is called then
		f.took -= phase.End.Sub(phase.Start)
	}
	f.calls, f.throttled = s.count()
	for _, c := range r.Conditions {
		if c.Error != "" || c.Applied == nil || c.Reverted == nil || c.Proof.Fired != 1 {
			return f, fmt.Errorf("%+v", c)
		}
	}
	if r.Verdict == verdict.Error || len(r.Conditions) != n || !maps.Equal(before, s.state()) {
		return f, fmt.Errorf("%s: %s; %d functions are not as before", r.Verdict, r.Reason, different(before, s.state()))
	}
	return f, nil
}

// measureRecovery kills a run when all is changed, its recovery in the middle, and measures both recoveries.
func measureRecovery(ctx context.Context, n int, scale float64) (figures, error) {
	s := newServer(n, scale)
	defer s.Close()
	before := s.state()
	dir, err := os.MkdirTemp("", "firedrill-bench")
	if err != nil {
		return figures{}, err
	}
	defer os.RemoveAll(dir)
	if err := killed(ctx, "run", s, dir, n, scale, func() bool { return s.changed() == n }); err != nil {
		return figures{}, err
	}
	calls, throttled := s.count()
	start := time.Now()
	if err := killed(ctx, "recover", s, dir, n, scale, func() bool { return s.changed() <= n/2 }); err != nil {
		return figures{}, err
	}
	told := 0
	all, err := recovered(ctx, s.URL, dir, scale, func(_ string, done, _ int) { told = done })
	if err != nil {
		return figures{}, err
	}
	f := figures{took: time.Since(start), limit: lambdaLimit * scale}
	f.calls, f.throttled = s.count()
	f.calls, f.throttled = f.calls-calls, f.throttled-throttled
	if len(all) != 1 || all[0].Failed() || len(all[0].Conditions) != told || told == 0 || told > n {
		return f, fmt.Errorf("the second recovery put back %d and told of %d: %+v", len(all[0].Conditions), told, all[0].Notes)
	}
	if !maps.Equal(before, s.state()) {
		return f, fmt.Errorf("%d functions are not as before", different(before, s.state()))
	}
	return f, nil
}

func different(a, b map[string]int) int {
	n := 0
	for name := range a {
		if a[name] != b[name] {
			n++
		}
	}
	return n
}

// killed starts a process of this program and kills it when the time has come.
func killed(ctx context.Context, mode string, s *server, dir string, n int, scale float64, now func() bool) error {
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$") // a flag for when this program is a test
	cmd.Env = append(os.Environ(), asChild+"="+mode, childURL+"="+s.URL, childState+"="+dir, childN+"="+strconv.Itoa(n),
		childScale+"="+strconv.FormatFloat(scale, 'g', -1, 64))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for looks := time.NewTicker(time.Millisecond); ; <-looks.C {
		select {
		case err := <-ended:
			return errors.Join(fmt.Errorf("the process that was to be killed ended by itself (%s)", mode), err)
		default:
		}
		if now() {
			err := cmd.Process.Kill()
			<-ended
			return err
		}
	}
}

// child is the process that is killed.
func child(ctx context.Context) error {
	n, err := strconv.Atoi(os.Getenv(childN))
	if err != nil {
		return err
	}
	scale, err := strconv.ParseFloat(os.Getenv(childScale), 64)
	if err != nil {
		return err
	}
	if os.Getenv(asChild) == "recover" {
		_, err := recovered(ctx, os.Getenv(childURL), os.Getenv(childState), scale, nil)
		return err
	}
	r, err := run(ctx, os.Getenv(childURL), os.Getenv(childState), n, scale, time.Hour)
	if err == nil {
		err = fmt.Errorf("%s: %s", r.Verdict, r.Reason)
	}
	return err
}

// run takes the concurrency away from n functions, for as long as the fault phase takes.
func run(ctx context.Context, url, dir string, n int, scale float64, length time.Duration) (*engine.Result, error) {
	always, err := verdict.ParseExpectation("count >= 1")
	if err != nil {
		return nil, err
	}
	c := experiment.Condition{Name: "no concurrency", Fault: "lambda-concurrency", Percentage: 100, With: fault.Attributes{"reserved": 0.0}}
	for i := range n {
		c.Target.Functions = append(c.Target.Functions, function(i))
	}
	x := &experiment.Experiment{
		Title:      "many functions",
		Measures:   []experiment.Measure{{Name: "up", Of: "command", Expect: always, Every: 100 * time.Millisecond}},
		Conditions: []experiment.Condition{c},
		Phases:     experiment.Phases{Baseline: time.Second, BaselineMax: 30 * time.Second, Fault: length, Recovery: time.Second},
		Stages:     []float64{100}, Lease: 15 * time.Second,
	}
	return engine.Run(ctx, x, engine.Options{Registry: registry(url, scale), State: engine.NewState(filepath.Join(dir, "state"))})
}

func recovered(ctx context.Context, url, dir string, scale float64, progress func(string, int, int)) ([]engine.Recovered, error) {
	state := engine.NewState(filepath.Join(dir, "state"))
	return state.Recover(ctx, "", engine.RecoverOptions{Revert: registry(url, scale).Revert, Progress: progress})
}

// registry is the real action, at the pace that the server allows.
func registry(url string, scale float64) engine.Registry {
	pacer := pace.New(pace.Options{Scale: scale, Loopback: true})
	cfg := pacer.Configure(aws.Config{
		Region: region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("bench", "bench", ""),
		HTTPClient: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}, ownAccount)
	changes := account.NewFactory(account.Deps{
		Place: func(context.Context, string, *experiment.Account, string) (account.Place, error) {
			return account.Place{Account: ownAccount, Region: region, Endpoint: url}, nil
		},
		Config: func(context.Context, string, account.Place, string) (aws.Config, error) { return cfg, nil },
	})
	return engine.Registry{
		Actions: func(ctx context.Context, c experiment.Condition, p engine.ActionParams) ([]engine.Targeted, error) {
			list, err := changes.Changes(ctx, c, action.Params{Run: p.Run, Lease: p.Lease, Share: p.Share})
			var out []engine.Targeted
			for _, a := range list {
				out = append(out, engine.Targeted{Action: change{a}, Key: a.Key(), Label: a.Label(), Names: a.Names()})
			}
			return out, err
		},
		Revert: func(kind string) (engine.Action, error) { return changes.Restore(kind) },
		Probe:  func(experiment.Measure) (engine.Probe, error) { return up{}, nil },
	}
}

// change gives a change of an account the engine's own type.
type change struct{ *account.Change }

// Proof implements engine.Prover.
func (c change) Proof(ctx context.Context) (engine.Proof, error) {
	p, err := c.Change.Proof(ctx)
	return engine.Proof(p), err
}

// up is a measure that always holds.
type up struct{}

// Read implements engine.Probe.
func (up) Read(context.Context) (verdict.Observation, error) {
	return verdict.Observation{At: time.Now(), Value: 1}, nil
}
