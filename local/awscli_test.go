package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAWSCLI drives the host with AWS's own command-line tool, where it is installed. Each command takes it seconds, so
// there are two.
func TestAWSCLI(t *testing.T) {
	required := slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "awscli")
	t.Parallel()
	aws, err := exec.LookPath("aws")
	if err == nil {
		err = exec.Command(aws, "--version").Run()
	}
	if err != nil {
		if required {
			t.Fatalf("the AWS CLI is required, but: %v", err)
		}
		t.Skipf("no AWS CLI: %v", err)
	}
	h := startHost(t, oneFunction(t, nil), nil)
	out := filepath.Join(t.TempDir(), "out.json")
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(aws, append([]string{"--endpoint-url", "http://" + h.LambdaAddr(), "lambda"}, args...)...)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=eu-central-1", "AWS_PAGER=", "AWS_CLI_AUTO_PROMPT=off")
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("aws lambda %s: %v\n%s", strings.Join(args, " "), err, text)
		}
		return string(text)
	}
	event := writeFile(t, t.TempDir(), "event.json", `{"Payload":{"n":7}}`)
	answer := run("invoke", "--function-name", "hello", "--payload", "fileb://"+event, "--log-type", "Tail", out)
	body, err := os.ReadFile(out)
	if err != nil || string(body) != `{"n":7}` || !strings.Contains(answer, `"StatusCode": 200`) || !strings.Contains(answer, `"LogResult"`) {
		t.Errorf("got %s %v, and %s", body, err, answer)
	}
	if got := run("update-function-configuration", "--function-name", "hello", "--timeout", "9"); !strings.Contains(got, `"Timeout": 9`) {
		t.Errorf("got %s", got)
	}
}
