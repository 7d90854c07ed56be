package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// A stand is AWS's stand-in, with any number of accounts.
type stand struct {
	endpoint string
	accounts *atomic.Int64
	buckets  *sync.Map // name: the world that has it; bucket names are the same for all accounts
}

func newStand(t *testing.T) *stand {
	return &stand{endpoint: moto.Start(t), accounts: &atomic.Int64{}, buckets: &sync.Map{}}
}

// behind is the same stand as seen through the server that a fixture has put before it.
func (s *stand) behind(t *testing.T, f fixture) *stand {
	t.Helper()
	if f.front == nil {
		return s
	}
	to, err := url.Parse(s.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f.front(httputil.NewSingleHostReverseProxy(to)))
	t.Cleanup(server.Close)
	return &stand{endpoint: server.URL, accounts: s.accounts, buckets: s.buckets}
}

// sideBySide runs a test for each of some fixtures. They wait for services more than they compute, so that there are more of
// them at a time than parallel tests.
func sideBySide(t *testing.T, list []fixture, test func(t *testing.T, f fixture)) {
	slots := make(chan struct{}, 8)
	var running sync.WaitGroup
	for _, f := range list {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			t.Run(f.kind, func(t *testing.T) { test(t, f) })
		})
	}
	running.Wait()
}

// A world is one account of a stand, with nothing in it.
type world struct {
	stand   *stand
	account string
	cfg     aws.Config // for fixtures; its calls never fail
	wire    *wire      // of the change under test
	calls   *calls     // that the change under test made
}

func (s *stand) world() world {
	account := fmt.Sprintf("%012d", 200_000_000_000+s.accounts.Add(1))
	w := world{stand: s, account: account, wire: &wire{account: account}, calls: &calls{}}
	w.cfg = aws.Config{
		Region: moto.Region, BaseEndpoint: &s.endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &http.Client{Transport: &wire{account: account}}, RetryMaxAttempts: 5,
	}
	return w
}

// factory makes changes as a process would that has just started.
func (w world) factory() *Factory {
	cfg := w.cfg.Copy()
	cfg.HTTPClient = &http.Client{Transport: w.wire}
	cfg.APIOptions = append(cfg.APIOptions, w.calls.watch)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} } // a failure that is mended by a second attempt shows nothing
	return NewFactory(Deps{
		Place: func(context.Context, string, *experiment.Account, string) (Place, error) {
			return Place{Account: w.account, Region: moto.Region, Endpoint: w.stand.endpoint}, nil
		},
		Config: func(context.Context, string, Place, string) (aws.Config, error) { return cfg, nil },
		Selves: func(context.Context) ([]string, error) {
			return []string{"arn:aws:sts::" + w.account + ":assumed-role/runner/01J", "arn:aws:iam::" + w.account + ":role/shop"}, nil
		},
	})
}

// failAt lets the nth call from now fail.
func (w world) failAt(n int, how failure) { w.wire.set(n, &how) }

// failFrom lets the nth call from now fail, and none after it get through.
func (w world) failFrom(n int, how failure) {
	w.wire.set(n, &how)
	w.wire.mu.Lock()
	w.wire.dead = true
	w.wire.mu.Unlock()
}

// heal ends that, and says whether the call came.
func (w world) heal() bool { return w.wire.set(0, nil) }

// A wire carries calls to one account of the stand-in, and lets one of them fail.
type wire struct {
	account string

	mu   sync.Mutex
	left int  // calls until the one that fails; 0: it was
	dead bool // after that none gets through
	how  *failure
}

func (c *wire) set(n int, how *failure) (hit bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hit = c.how != nil && c.left <= 0
	c.left, c.how, c.dead = n, how, false
	return hit
}

// RoundTrip implements http.RoundTripper.
func (c *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("x-moto-account-id", c.account)
	c.mu.Lock()
	how := c.how
	c.left--
	due, dead := how != nil && c.left == 0, c.dead && c.left < 0
	c.mu.Unlock()
	if dead {
		return nil, errors.New("killed")
	}
	if due {
		return how.via(http.DefaultTransport, r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return whole(resp)
}

// whole reads an answer to its end. A connection that breaks in the middle, which does happen among thousands, is then an error of
// the connection: AWS's client tries again, and the case is about the failure that it is meant to be about.
func whole(resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// calls are the permissions that calls needed.
type calls struct {
	mu   sync.Mutex
	made map[string]bool
}

// watch notes each call by the name that IAM has for it.
func (c *calls) watch(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("WatchCalls", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		c.mu.Lock()
		if c.made == nil {
			c.made = map[string]bool{}
		}
		c.made[permissionFor(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx))] = true
		c.mu.Unlock()
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

func (c *calls) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.made))
}

// permissionFor is the action of IAM that allows an operation ("Service authorization reference"). Mostly they have one name.
func permissionFor(service, operation string) string {
	prefixes := map[string]string{"EventBridge": "events", "API Gateway": "apigateway", "ApiGatewayV2": "apigateway"}
	prefix, ok := prefixes[service]
	if !ok {
		prefix = strings.ToLower(strings.ReplaceAll(service, " ", ""))
	}
	if prefix == "apigateway" { // which knows methods only
		for verb, method := range map[string]string{"Get": "GET", "Update": "PATCH", "Put": "PUT", "Delete": "DELETE", "Create": "POST"} {
			if strings.HasPrefix(operation, verb) {
				return "apigateway:" + method
			}
		}
	}
	others := map[string]string{
		"s3:GetBucketCors": "s3:GetBucketCORS", "s3:PutBucketCors": "s3:PutBucketCORS", "s3:DeleteBucketCors": "s3:PutBucketCORS",
		"s3:HeadBucket": "s3:ListBucket",
	}
	if other, ok := others[prefix+":"+operation]; ok {
		return other
	}
	return prefix + ":" + operation
}

func readPage(t *testing.T, kind string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "account", kind+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
