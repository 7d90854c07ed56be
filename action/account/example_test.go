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
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(version: 1.*?)```")

// TestExamples runs the experiment of every kind's page as its reader would, from file to verdict; afterwards everything is
// as it was. It takes some seconds for each kind, so that it runs only where FIREDRILL_REQUIRE names kinds.
func TestExamples(t *testing.T) {
	if !thorough() {
		t.Skip("takes minutes: FIREDRILL_REQUIRE=kinds")
	}
	stand, binary := newStand(t), buildFiredrill(t)
	t.Run("kinds", func(t *testing.T) {
		sideBySide(t, fixtures(), func(t *testing.T, f fixture) {
			runExample(t, stand.behind(t, f).world(), f, binary)
			if !f.stays {
				killExample(t, stand.behind(t, f).world(), f, binary)
			}
		})
	})
}

// An example is the experiment of a kind's page, with everything that it needs.
type example struct {
	fixture
	world
	binary, folder, file string
	environ              []string
}

func newExample(t *testing.T, w world, f fixture, binary string) example {
	t.Helper()
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
	t.Cleanup(application.Close)
	environ := append(w.environment(t), "PATH="+os.Getenv("PATH"), "HOME="+folder, "api="+application.URL)
	if f.id != nil {
		environ = append(environ, "id="+f.id(t, w))
	}
	return example{f, w, binary, folder, file, environ}
}

// firedrill is a command of the program that users have.
func (e example) firedrill(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.CommandContext(t.Context(), e.binary, append(args, "--state", filepath.Join(e.folder, "state"))...)
	cmd.Env = e.environ
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

func runExample(t *testing.T, w world, f fixture, binary string) {
	e := newExample(t, w, f, binary)
	before := e.look(t, w)
	cmd, out := e.firedrill(t, "run", e.file)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != f.exit {
		t.Errorf("exit code %d, want %d:\n%s", code, f.exit, out)
	}
	if after := f.look(t, w); after != before && !f.stays {
		t.Errorf("the state afterwards is not the one before:\n%s\n%s", before, after)
	}
}

// killExample kills the run while its fault is there, and has another process put everything back.
func killExample(t *testing.T, w world, f fixture, binary string) {
	e := newExample(t, w, f, binary)
	before := e.look(t, w)
	cmd, out := e.firedrill(t, "run", e.file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !e.applied() {
		select {
		case err := <-ended:
			t.Fatalf("the run ended before its fault was there: %v\n%s", err, out)
		case <-tick.C:
		}
	}
	_ = cmd.Process.Kill()
	<-ended
	again, out := e.firedrill(t, "recover")
	if err := again.Run(); err != nil || !strings.Contains(out.String(), "put back") {
		t.Errorf("recover: %v\n%s", err, out)
	}
	if after := e.look(t, w); after != before {
		t.Errorf("the state after a kill and recover is not the one before:\n%s\n%s", before, after)
	}
}

// applied says whether the journal tells that the fault is there.
func (e example) applied() bool {
	found, err := filepath.Glob(filepath.Join(e.folder, "state", "runs", "*", "journal.jsonl"))
	if err != nil || len(found) == 0 {
		return false
	}
	text, err := os.ReadFile(found[0])
	return err == nil && bytes.Contains(text, []byte(`"type":"applied"`))
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
