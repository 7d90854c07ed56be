package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/demo"
)

// TestVersionsOfTheShop runs demo/versions.yaml: while inventory fails, the fourth version of purchase fails and the others do not, and
// only then.
func TestVersionsOfTheShop(t *testing.T) {
	t.Parallel()
	data, err := fs.ReadFile(demo.Files, demo.VersionsFile)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\n    timeout: ", "\n    environment: {"+asFiredrill+`: "1"}`+"\n    timeout: ")
	host := startLocal(t, text)
	client, err := newLambda(t.Context(), host.lambda, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	// Until it is so: a busy machine may start a function slowly, and a fault set is read beside the first invocations.
	until := func(version string, sold bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); buy(t, client, version) != sold; {
			if time.Now().After(deadline) {
				t.Fatalf("version %s never comes to sold: %v\n%s", version, sold, host.logs)
			}
		}
	}
	for _, version := range []string{"1", "2", "3", "4"} {
		until(version, true)
	}
	faults := faultFile(t, client, "inventory")
	if err := os.WriteFile(faults, []byte(`{"exception": {"enabled": true}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	until("4", false)
	for _, version := range []string{"1", "2", "3"} {
		if !buy(t, client, version) {
			t.Errorf("while inventory fails, version %s sells nothing", version)
		}
	}
}

// buy invokes a version of purchase, and says whether it took the order.
func buy(t *testing.T, client *lambda.Client, version string) bool {
	t.Helper()
	out, err := client.Invoke(context.WithoutCancel(t.Context()), &lambda.InvokeInput{
		FunctionName: aws.String("purchase:" + version), Payload: []byte(`{"body":"{\"sku\":\"A1\"}"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.ExecutedVersion); got != version {
		t.Errorf("version %s answers as %s", version, got)
	}
	var resp struct{ StatusCode int }
	if err := json.Unmarshal(out.Payload, &resp); err != nil {
		t.Fatal(err)
	}
	return out.FunctionError == nil && resp.StatusCode < 300 // 202: charged later
}

// faultFile is where a function's fault set is.
func faultFile(t *testing.T, client *lambda.Client, function string) string {
	t.Helper()
	out, err := client.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		t.Fatal(err)
	}
	path, ok := strings.CutPrefix(out.Environment.Variables["FIREDRILL_CONFIG"], "file:")
	if !ok {
		t.Fatalf("no fault set: %v", out.Environment.Variables)
	}
	return path
}
