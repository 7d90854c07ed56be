// Bench measures how well the judge tells a bad version from a good one, on the shop of the demo:
//
//	go run ./delivery/bench [-runs 100] [-requests 1500] [-rate 100] [-check]
//
// In each run three versions of purchase get the same load at the same time: the one that users have, one that is as good, and one
// that takes a fifth longer. The second and the third are each judged against the first by the shop's own requests, as
// "p95 <= +10%" of twice -requests. Everything is real: functions are processes behind the local host, and share this machine's noise. What is
// drawn at random is seeded by the run's number. -check exits with 1 if a bar is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/load"
	"github.com/firedrill-dev/firedrill/local"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The bars, in runs of a hundred.
const (
	barCaught   = 95 // of the slower version: not promoted
	barRejected = 5  // of the equal one: disproved
)

// order is what the gateway makes of a purchase.
const order = `{"version":"2.0","routeKey":"POST /purchase","rawPath":"/purchase","headers":{},"requestContext":{"requestId":"{{.UUID}}","http":{"method":"POST","path":"/purchase"}},` +
	`"body":"{\"sku\":\"{{.Pick "A1" "B2" "C3"}}\"}","isBase64Encoded":false}`

func main() {
	runs := flag.Int("runs", 100, "how many runs")
	requests := flag.Int("requests", 1500, "how many requests each version gets in a run")
	rate := flag.Float64("rate", 100, "requests a second, of each version")
	check := flag.Bool("check", false, "exit with 1 if a bar is missed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, *runs, *requests, *rate, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// versions are those of demo/versions.yaml that take part: the control, its equal, and the slower one.
var versions = [...]string{"1", "2", "3"}

// A tally counts outcomes.
type tally map[verdict.Outcome]int

func measure(ctx context.Context, runs, requests int, rate float64, check bool) error {
	client, end, err := start(ctx)
	if err != nil {
		return err
	}
	defer end()
	expect, err := verdict.ParseExpectation("p95 <= +10%")
	if err != nil {
		return err
	}
	if _, err := round(ctx, client, 0, int(10*rate), rate); err != nil { // the first seconds find cold functions
		return err
	}
	equal, slower := tally{}, tally{}
	for run := 1; run <= runs; run++ {
		obs, err := round(ctx, client, int64(run), requests, rate)
		if err != nil {
			return fmt.Errorf("run %d: %w", run, err)
		}
		a := verdict.JudgeAgainst(expect, obs[1], obs[0], verdict.Versus{})
		b := verdict.JudgeAgainst(expect, obs[2], obs[0], verdict.Versus{})
		equal[a.Outcome]++
		slower[b.Outcome]++
		fmt.Printf("run %3d  equal %-12s %-30s slower %-12s %s\n", run, a.Outcome, limits(a), b.Outcome, limits(b))
	}
	fmt.Printf("\n%d runs of %d requests for each version, p95 <= +10%%\n\n| version | held | inconclusive | disproved |\n|---|---|---|---|\n", runs, requests)
	for _, row := range []struct {
		name string
		of   tally
	}{{"equal", equal}, {"20 % slower", slower}} {
		fmt.Printf("| %s | %d | %d | %d |\n", row.name, row.of[verdict.Held], row.of[verdict.Inconclusive], row.of[verdict.Disproved])
	}
	if check && (slower[verdict.Held]*100 > (100-barCaught)*runs || (equal[verdict.Disproved]+equal[verdict.Inconclusive])*100 > barRejected*runs) {
		return errors.New("a bar was missed")
	}
	return nil
}

func limits(f verdict.Finding) string {
	return fmt.Sprintf("%s (%s to %s)", f.Expectation.Format(f.Estimate), f.Expectation.Format(f.Interval.Low), f.Expectation.Format(f.Interval.High))
}

// start starts the shop with its versions.
func start(ctx context.Context) (*lambda.Client, func(), error) {
	dir, err := os.MkdirTemp("", "firedrill-bench")
	if err != nil {
		return nil, nil, err
	}
	clean := func() { _ = os.RemoveAll(dir) }
	binary := filepath.Join(dir, "firedrill")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/firedrill").CombinedOutput(); err != nil {
		clean()
		return nil, nil, fmt.Errorf("build firedrill, from the top of the repository: %w\n%s", err, out)
	}
	file := filepath.Join("demo", "versions.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		clean()
		return nil, nil, err
	}
	cfg, err := local.ParseFile(file, text)
	if err != nil {
		clean()
		return nil, nil, err
	}
	host, err := local.Start(ctx, *cfg, local.Options{ProxyCommand: []string{binary, "proxy", "--"}, StateDir: dir, BaseEnv: os.Environ(), Vars: map[string]string{"self": binary}})
	if err != nil {
		clean()
		return nil, nil, err
	}
	client := lambda.New(lambda.Options{
		Region: "local", BaseEndpoint: aws.String("http://" + host.LambdaAddr()), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	})
	return client, func() { _ = host.Close(context.WithoutCancel(ctx)); clean() }, nil
}

// round sends the same load to all versions, and returns what each of them answered.
func round(ctx context.Context, client *lambda.Client, seed int64, requests int, rate float64) ([len(versions)][]verdict.Observation, error) {
	var all [len(versions)][]verdict.Observation
	var errs [len(versions)]error
	var work sync.WaitGroup
	for i, version := range versions {
		work.Go(func() { all[i], errs[i] = send(ctx, client, version, seed, requests, rate) })
	}
	work.Wait()
	return all, errors.Join(errs[:]...)
}

func send(ctx context.Context, client *lambda.Client, version string, seed int64, requests int, rate float64) ([]verdict.Observation, error) {
	l := experiment.Load{Name: version, Lambda: "purchase:" + version, Body: order, Rate: []experiment.RateStep{{From: rate, To: rate}}, Seed: seed}
	invoke := func(ctx context.Context, name string, payload []byte) (load.Invoked, error) {
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(name), Payload: payload})
		if err != nil {
			return load.Invoked{}, err
		}
		return load.Invoked{Status: int(out.StatusCode), FunctionError: aws.ToString(out.FunctionError), Version: aws.ToString(out.ExecutedVersion)}, nil
	}
	g, err := load.New(l, load.Deps{Invoke: invoke})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(requests)/rate*float64(time.Second)))
	defer cancel()
	var mu sync.Mutex
	var obs []verdict.Observation
	err = g.Run(ctx, func(o verdict.Observation) {
		mu.Lock()
		defer mu.Unlock()
		if len(obs) < requests {
			obs = append(obs, o)
		}
	})
	return obs, err
}
