package account

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(version: 1.*?)```")

// TestExamples runs the experiment of every kind's page as its reader would, from file to verdict; afterwards everything is
// as it was. It takes some seconds for each kind, so that it runs only where FIREDRILL_REQUIRE names kinds.
func TestExamples(t *testing.T) {
	if !slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "kinds") {
		t.Skip("takes minutes: FIREDRILL_REQUIRE=kinds")
	}
	stand, binary := newStand(t), buildFiredrill(t)
	slots := make(chan struct{}, 4) // real runs beside each other disturb each other's measures
	t.Run("kinds", func(t *testing.T) {
		for _, f := range fixtures() {
			t.Run(f.kind, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				runExample(t, stand.behind(t, f).world(), f, binary)
			})
		}
	})
}

func runExample(t *testing.T, w world, f fixture, binary string) {
	match := yamlBlock.FindStringSubmatch(readPage(t, f.kind))
	if match == nil {
		t.Fatalf("docs/account/%s.md has no experiment", f.kind)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "example.yaml")
	if err := os.WriteFile(file, []byte(match[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	f.setup(t, w)
	var handler http.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	if f.api != nil {
		handler = f.api(t, w)
	}
	application := httptest.NewServer(handler)
	defer application.Close()
	before := f.look(t, w)
	cmd := exec.CommandContext(t.Context(), binary, "run", file, "--var", "api="+application.URL, "--state", filepath.Join(folder, "state"))
	cmd.Env = append(w.environment(t), "PATH="+os.Getenv("PATH"), "HOME="+folder)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != f.exit {
		t.Errorf("exit code %d, want %d:\n%s", code, f.exit, &out)
	}
	if after := f.look(t, w); after != before && !f.stays {
		t.Errorf("the state afterwards is not the one before:\n%s\n%s", before, after)
	}
}

// environment lets a process of its own work in this world's account: the stand-in knows it by its credentials.
func (w world) environment(t *testing.T) []string {
	t.Helper()
	out, err := sts.NewFromConfig(w.cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + w.account + ":role/runner"), RoleSessionName: aws.String("example"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"AWS_ENDPOINT_URL=" + w.stand.endpoint, "AWS_REGION=" + w.cfg.Region, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + *out.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *out.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + *out.Credentials.SessionToken,
	}
}

// buildFiredrill makes the program that users have.
func buildFiredrill(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "firedrill")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/firedrill").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}
