package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	sdk "github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/delivery/codedeploy"
)

// variableRuntime is set where this program is the bootstrap of a Lambda function.
const variableRuntime = "AWS_LAMBDA_RUNTIME_API"

// asFunction is what this program does if it is started without arguments, as Lambda starts a bootstrap.
func asFunction(args []string, getenv func(string) string) []string {
	if len(args) == 0 && getenv(variableRuntime) != "" {
		return []string{"lambda"}
	}
	return args
}

func (a *app) lambdaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lambda [HANDLER]",
		Short: "Be a Lambda function: answer CodeDeploy's hooks",
		Long: `Be the program of a Lambda function: this is what firedrill does without arguments where it is called bootstrap. HANDLER is
the function's handler unless it is named.

  codedeploy    verify the new version of a function before, or after, AWS CodeDeploy gives it traffic

Its environment says what to do:
  FIREDRILL_EXPERIMENTS   files and folders in the function's package, with colons between; default experiments
  FIREDRILL_STATE         dynamodb:TABLE, so that another machine can put back what a function that dies leaves; default /tmp/firedrill
The experiments have the variables function, alias, baseline, canary (the two versions) and hook.`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: []string{"codedeploy"},
		RunE: func(cmd *cobra.Command, args []string) error {
			handler := strings.Join(append(args, a.getenv("_HANDLER"))[:1], "")
			if handler != "codedeploy" {
				return usage("set the function's handler to codedeploy", "there is no handler %q", handler)
			}
			if a.getenv(variableRuntime) == "" {
				return usage("it runs in AWS Lambda, and as a function of firedrill local", "this is not a Lambda function: %s is not set", variableRuntime)
			}
			lambda.StartWithOptions(a.codeDeploy, lambda.WithContext(cmd.Context())) // which does not return
			return nil
		},
	}
}

// answerMargin is the time that a function keeps for putting everything back and for its answer.
const answerMargin = 45 * time.Second

// codeDeploy answers one event.
func (a *app) codeDeploy(ctx context.Context, event json.RawMessage) (codedeploy.Answer, error) {
	cfg, err := newServices(a.getenv, "").here(ctx, "codedeploy")
	if err != nil {
		return codedeploy.Answer{}, err
	}
	hook := codedeploy.Hook{API: sdk.NewFromConfig(cfg), Verify: a.verifyDeployment, Margin: answerMargin}
	return hook.Handle(ctx, event)
}

// verifyDeployment puts back what an invocation that died has left, and verifies.
func (a *app) verifyDeployment(ctx context.Context, d codedeploy.Deployment) error {
	state := cmp.Or(a.getenv("FIREDRILL_STATE"), "/tmp/firedrill")
	if code := a.again(ctx, "recover", "--state", state); code != exitHeld && code != exitUsage { // exitUsage: there is no state yet
		return fmt.Errorf("something of a former run could not be put back: exit code %d", code)
	}
	args := []string{"verify", "--quiet", "--state", state}
	for name, value := range map[string]string{"function": d.Function, "alias": d.Alias, "baseline": d.Baseline, "canary": d.Canary, "hook": d.Hook} {
		args = append(args, "--var", name+"="+value)
	}
	paths := filepath.SplitList(cmp.Or(a.getenv("FIREDRILL_EXPERIMENTS"), "experiments"))
	if code := a.again(ctx, append(args, paths...)...); code != exitHeld {
		return fmt.Errorf("version %s of %s was not verified: exit code %d, see this function's log", d.Canary, d.Function, code)
	}
	return nil
}

// again runs another command of this program, as from a shell, and returns its exit code.
func (a *app) again(ctx context.Context, args ...string) int {
	other := &app{stdin: strings.NewReader(""), stdout: a.stdout, stderr: a.stderr, lookupEnv: a.lookupEnv}
	root := other.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return other.report(withUsage(cmd, err))
}
