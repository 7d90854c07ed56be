// Twoaccounts shows an experiment in two accounts of AWS that an alarm stops, on this machine:
//
//	go run ./demo/twoaccounts
//
// It needs moto_server, a stand-in for AWS, in the PATH. In account 222222222222 a shop hands out invoices from a bucket and
// counts its errors in CloudWatch, where an alarm watches them; in account 111111111111 a function sends mail. The runner
// works in the latter, and assumes a role in the former. It denies the bucket and throttles the function. The shop fails,
// the alarm fires, the run ends at once, and everything is put back. The program exits with 1 if it is not.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/firedrill-dev/firedrill/internal/cloudwatch"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// The accounts.
const (
	accountRunner = "111111111111"
	accountShop   = "222222222222"
)

// stopped is what "firedrill run" exits with when the run was stopped.
const stopped = 5

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := show(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(1)
	}
}

func show(ctx context.Context) error {
	address, end, err := moto.Run(ctx)
	if err != nil {
		return err
	}
	defer end()
	monitoring := httptest.NewServer(cloudwatch.New())
	defer monitoring.Close()
	a, err := enter(ctx, address, monitoring.URL, accountRunner)
	if err != nil {
		return err
	}
	b, err := enter(ctx, address, monitoring.URL, accountShop)
	if err != nil {
		return err
	}
	if err := errors.Join(a.makeMail(ctx), b.makeShop(ctx)); err != nil {
		return err
	}
	shop := httptest.NewUnstartedServer(http.HandlerFunc(b.invoice))
	shop.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	shop.Start()
	defer shop.Close()
	before, err := look(ctx, a, b)
	if err != nil {
		return err
	}
	fmt.Println("before:   ", before)
	code, err := run(ctx, a, shop.URL, filepath.Join("demo", "twoaccounts", "experiment.yaml"))
	if err != nil {
		return err
	}
	after, err := look(ctx, a, b)
	if err != nil {
		return err
	}
	fmt.Println("afterwards:", after)
	switch {
	case code != stopped:
		return fmt.Errorf("the run exited with %d, not with %d: the alarm did not stop it", code, stopped)
	case before != after:
		return errors.New("the accounts are not as they were")
	}
	fmt.Println("The alarm stopped the run, and both accounts are as they were.")
	return nil
}

// run runs the experiment as a user does, in the runner's account.
func run(ctx context.Context, a account, shop, file string) (code int, err error) {
	state, err := os.MkdirTemp("", "firedrill-accounts")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(state)
	binary := filepath.Join(state, "firedrill")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/firedrill").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build firedrill, from the top of the repository: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, binary, "run", file, "--var", "api="+shop, "--state", state)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), a.environment...)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
