package layer_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/deploy/layer"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// part is the path of a program that is not required everywhere.
func part(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), name) {
			t.Fatalf("FIREDRILL_REQUIRE names %s, and it is not in the PATH", name)
		}
		t.Skipf("there is no %s in the PATH", name)
	}
	return path
}

func TestSAMTemplate(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), part(t, "cfn-lint"), "sam/template.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTerraformModule applies the module in a stand-in for AWS. It needs the provider in the folder that
// FIREDRILL_TERRAFORM_PLUGINS names, since tests download nothing; without it only the format is checked.
func TestTerraformModule(t *testing.T) {
	terraform := part(t, "terraform")
	if out, err := exec.CommandContext(t.Context(), terraform, "fmt", "-check", "-diff", "terraform").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	plugins := os.Getenv("FIREDRILL_TERRAFORM_PLUGINS")
	if plugins == "" {
		t.Skip("FIREDRILL_TERRAFORM_PLUGINS is not set")
	}
	address, dir := moto.Start(t), t.TempDir()
	for _, arch := range layer.Arches() {
		var content bytes.Buffer
		program := map[layer.Arch]string{layer.X86: x86, layer.ARM64: arm64}[arch]
		if err := (layer.Contents{Arch: arch, Proxy: []byte(program)}).Write(&content); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, layer.FileName(arch)), content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	module, err := filepath.Abs("terraform")
	if err != nil {
		t.Fatal(err)
	}
	text := `provider "aws" {
  region                      = "eu-west-1"
  skip_credentials_validation = true
  skip_requesting_account_id  = false
  skip_metadata_api_check     = true
}
module "firedrill" {
  source     = "` + module + `"
  zips       = "` + dir + `"
  parameters = ["/firedrill/purchase"]
}
output "all" {
  value = module.firedrill
}
`
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), terraform, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+address, "AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s%s", args[0], err, out, &said)
		}
		return out
	}
	run("init", "-input=false", "-no-color", "-plugin-dir="+plugins)
	run("validate", "-no-color")
	run("apply", "-input=false", "-auto-approve", "-no-color")
	var all struct {
		Layers, Environment map[string]string
		Policy              string
	}
	if err := json.Unmarshal(run("output", "-json", "all"), &all); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(all.Layers["arm64"], ":layer:firedrill-arm64:1") || !strings.HasSuffix(all.Layers["x86_64"], ":layer:firedrill-x86_64:1") {
		t.Errorf("layers %v", all.Layers)
	}
	if all.Environment["AWS_LAMBDA_EXEC_WRAPPER"] != layer.WrapperPath {
		t.Errorf("environment %v", all.Environment)
	}
	var policy bytes.Buffer
	if err := json.Compact(&policy, []byte(all.Policy)); err != nil {
		t.Fatal(err)
	}
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"ReadTheFaultSet","Effect":"Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:eu-west-1:123456789012:parameter/firedrill/purchase"}]}`
	if policy.String() != want {
		t.Errorf("policy %s", &policy)
	}
}
