package local_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/firedrill-dev/firedrill/local"
)

// A host with one function, here this test binary, and an event that comes in over the Lambda API. The AWS SDK and CLI
// do the same with --endpoint-url.
func ExampleStart() {
	ctx := context.Background()
	self, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := os.MkdirTemp("", "firedrill")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(state)
	file := fmt.Sprintf(`{version: 1, lambda: {listen: "127.0.0.1:0"}, functions: {
		echo: {command: [%q], timeout: 30s, environment: {LOCAL_TEST_FUNCTION: noop}}}}`, self)
	cfg, err := local.ParseFile("functions.yaml", []byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := local.Start(ctx, *cfg, local.Options{StateDir: state, BaseEnv: os.Environ()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close(ctx)
	answer, err := http.Post("http://"+host.LambdaAddr()+"/2015-03-31/functions/echo/invocations", "", strings.NewReader(`{"hello":"world"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(body), err)
	// Output: 200 {"hello":"world"} <nil>
}
