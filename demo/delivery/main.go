// Delivery shows the three ways in which a new version reaches users, each with a good one and a bad one, on this machine:
//
//	go run ./demo/delivery
//
// The shop runs with several versions of purchase and an alias, live, that its customers use. Version 2 is as good as version 1; version 4
// is, too, until inventory is slow: it waits. They are delivered all at once after "firedrill verify", step by step by "firedrill canary", and a new way
// to price goods behind a feature flag by "firedrill flag". The program exits with 1 unless good ones arrive and bad ones do not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/local"
)

// What firedrill exits with.
const (
	held      = 0
	disproved = 3
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	if err := show(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}

// A pipeline is where deliveries run.
type pipeline struct {
	dir      string // for what must not lie about in the repository
	binary   string
	versions *local.Host // the shop with its versions
	flags    *local.Host // the shop with its flag
}

func show(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "firedrill-delivery")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &pipeline{dir: dir, binary: filepath.Join(dir, "firedrill")}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", p.binary, "./cmd/firedrill").CombinedOutput(); err != nil {
		return fmt.Errorf("build firedrill, from the top of the repository: %w\n%s", err, out)
	}
	if err := os.CopyFS(filepath.Join(dir, "flags"), os.DirFS(filepath.Join("demo", "flags"))); err != nil {
		return err
	}
	if p.versions, err = p.start(ctx, filepath.Join("demo", "versions.yaml")); err != nil {
		return err
	}
	defer p.versions.Close(context.WithoutCancel(ctx))
	if p.flags, err = p.start(ctx, filepath.Join(dir, "flags", "functions.yaml")); err != nil {
		return err
	}
	defer p.flags.Close(context.WithoutCancel(ctx))
	for _, delivery := range []struct {
		name string
		do   func(context.Context) error
	}{{"all at once", p.atOnce}, {"canary", p.canary}, {"feature flag", p.flag}} {
		fmt.Printf("\n=== %s\n", delivery.name)
		if err := delivery.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", delivery.name, err)
		}
	}
	fmt.Println("\nIn each way the good version arrived, and the bad one did not.")
	return nil
}

func (p *pipeline) start(ctx context.Context, file string) (*local.Host, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, err := local.ParseFile(file, text)
	if err != nil {
		return nil, err
	}
	state, err := os.MkdirTemp(p.dir, "host")
	if err != nil {
		return nil, err
	}
	return local.Start(ctx, *cfg, local.Options{ProxyCommand: []string{p.binary, "proxy", "--"}, StateDir: state, BaseEnv: os.Environ(), Vars: map[string]string{"self": p.binary}})
}

// atOnce verifies a version that nobody uses yet, and leads all customers to it if it held.
func (p *pipeline) atOnce(ctx context.Context) error {
	verify := func(version string) []string {
		return []string{"verify", "demo/delivery/slow-inventory.yaml", "--retries", "2", "--var", "baseline=1", "--var", "canary=" + version}
	}
	if err := p.expect(ctx, p.versions, held, verify("2")...); err != nil {
		return err
	}
	if err := p.lead(ctx, "2"); err != nil {
		return err
	}
	if err := p.expect(ctx, p.versions, disproved, verify("4")...); err != nil {
		return err
	}
	return p.leads(ctx, "2")
}

// canary leads customers to a version step by step, and back to the one before if it does not hold.
func (p *pipeline) canary(ctx context.Context) error {
	if err := p.lead(ctx, "1"); err != nil {
		return err
	}
	canary := func(version string) []string {
		return []string{"canary", "demo/delivery/slow-inventory.yaml", "--alias", "purchase:live", "--version", version, "--steps", "10,50,100", "--bake", "0s", "--retries", "2"}
	}
	if err := errors.Join(p.expect(ctx, p.versions, disproved, canary("4")...), p.leads(ctx, "1")); err != nil {
		return err
	}
	return errors.Join(p.expect(ctx, p.versions, held, canary("2")...), p.leads(ctx, "2"))
}

// flag turns on for some customers what the others do not see.
func (p *pipeline) flag(ctx context.Context) error {
	file := filepath.Join(p.dir, "flags", "flags.json")
	flag := func(variant string) []string {
		return []string{"flag", filepath.Join(p.dir, "flags", "slow-inventory.yaml"), "--flag", "file:" + file + ":new-pricing", "--cohort", "cohort=beta", "--control", "control", "--variant", variant}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := p.expect(ctx, p.flags, disproved, flag("live")...); err != nil {
		return err
	}
	after, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if string(after) != string(before) {
		return fmt.Errorf("the flag is not as it was:\n%s", after)
	}
	if err := p.expect(ctx, p.flags, held, flag("on")...); err != nil {
		return err
	}
	after, err = os.ReadFile(file)
	if err == nil && !strings.Contains(string(after), "beta") {
		err = errors.New("the good one is not on")
	}
	return err
}

// expect runs firedrill, whose exit code must be the one that is wanted.
func (p *pipeline) expect(ctx context.Context, host *local.Host, want int, args ...string) error {
	fmt.Printf("\n$ firedrill %s\n", strings.ReplaceAll(strings.Join(args, " "), p.dir+"/", ""))
	cmd := exec.CommandContext(ctx, p.binary, append(args, "--state", filepath.Join(p.dir, "state"), "--quiet", "--endpoint-url", "http://"+host.LambdaAddr(), "--var", "api=http://"+host.HTTPAddr())...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		return fmt.Errorf("firedrill %s: exit code %d, not %d", args[0], code, want)
	}
	return nil
}

func (p *pipeline) client() *lambda.Client {
	return lambda.New(lambda.Options{Region: "local", BaseEndpoint: aws.String("http://" + p.versions.LambdaAddr()), Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
}

// lead is the pipeline's own step: all customers get a version.
func (p *pipeline) lead(ctx context.Context, version string) error {
	_, err := p.client().UpdateAlias(ctx, &lambda.UpdateAliasInput{FunctionName: aws.String("purchase"), Name: aws.String("live"), FunctionVersion: aws.String(version)})
	return err
}

// leads says whether all customers get a version.
func (p *pipeline) leads(ctx context.Context, version string) error {
	alias, err := p.client().GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String("purchase"), Name: aws.String("live")})
	if err != nil {
		return err
	}
	if aws.ToString(alias.FunctionVersion) != version || alias.RoutingConfig != nil && len(alias.RoutingConfig.AdditionalVersionWeights) > 0 {
		return fmt.Errorf("the alias leads to version %s, %+v; not to version %s", aws.ToString(alias.FunctionVersion), alias.RoutingConfig, version)
	}
	fmt.Printf("→ customers get version %s\n", version)
	return nil
}
