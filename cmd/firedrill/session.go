package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/local"
)

// A session is the world that an experiment acts on: an AWS account, a running local host, or a local host of its own.
type session struct {
	endpoint string
	region   string      // of AWS; empty: as the environment says
	host     *local.Host // nil unless the session started one
	vars     map[string]string
	services *services
	signer   *envelope.Signer  // nil: fault sets are not signed
	audience []string          // of those in files
	logs     *action.Logs      // counts the injections of functions in AWS
	labels   map[string]string // of runs
	price    engine.Price      // of --price; what is zero is as usual

	mu     sync.Mutex // loads ask for the client from many goroutines, and experiments run side by side
	roles  []string   // that the experiments assume
	client *lambda.Client
	others map[string]*session // in other accounts and regions
}

// open prepares the world that the flags describe. Close it when the run is over.
func (a *app) open(ctx context.Context, in inputs, logs io.Writer) (*session, error) {
	vars, err := in.values()
	if err != nil {
		return nil, err
	}
	signer, err := a.signer(in.signing.keyFile)
	if err != nil {
		return nil, err
	}
	s := &session{endpoint: in.endpoint, vars: map[string]string{}, services: newServices(a.getenv, ""), signer: signer, audience: in.signing.audience}
	if s.endpoint == "" {
		s.endpoint = a.getenv("AWS_ENDPOINT_URL_LAMBDA")
	}
	s.logs = action.NewLogs(lazyLambda{s}, s.services.logs, s.services.metrics)
	if s.price, err = in.prices.parse(); err != nil {
		return nil, err
	}
	if s.labels, err = in.labels.all(a.getenv, in.local != "" || isLoopback(s.endpoint)); err != nil {
		return nil, err
	}
	if in.local != "" {
		if in.endpoint != "" {
			return nil, usage("use one of them", "--local and --endpoint-url exclude each other")
		}
		if err := s.startHost(ctx, a, in.local, logs); err != nil {
			return nil, err
		}
	}
	for name, value := range vars {
		s.vars[name] = value
	}
	return s, nil
}

func (s *session) startHost(ctx context.Context, a *app, file string, logs io.Writer) error {
	host, err := a.startHost(ctx, file, logs)
	if err != nil {
		return err
	}
	s.host = host
	s.endpoint = "http://" + host.LambdaAddr()
	s.vars["lambda"] = s.endpoint
	if addr := host.HTTPAddr(); addr != "" {
		s.vars["api"] = "http://" + addr
	}
	return nil
}

// close ends what the session started. It takes a context of its own because the caller's may be over.
func (s *session) close(ctx context.Context) error {
	if s.host == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.host.Close(ctx)
}

// lambda is the session's client, made when it is first needed: most experiments on HTTP need none.
func (s *session) lambda(ctx context.Context) (*lambda.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	client, err := s.newLambda(ctx)
	if err != nil {
		return nil, err
	}
	s.client = client
	return client, nil
}

// injections counts what a run injected into a function: as a host of ours read it from the function's log, or as
// the function's log in AWS tells.
func (s *session) injections(ctx context.Context, function, run, kind string) (action.Proof, error) {
	var list []local.Injection
	var err error
	switch {
	case s.host != nil:
		list = s.host.Injections(run)
	case isLoopback(s.endpoint):
		list, err = fetchInjections(ctx, s.endpoint, run)
	default:
		err = errNoHost
	}
	switch {
	case errors.Is(err, errNoHost) && s.logs == nil:
		return action.Proof{}, nil
	case errors.Is(err, errNoHost):
		return s.logs.Count(ctx, function, run, kind)
	case err != nil:
		return action.Proof{}, err
	}
	p := action.Proof{Known: true}
	for _, in := range list {
		if in.Function == function && in.Kind == kind {
			p.Planned += in.Planned
			p.Fired += in.Fired
		}
	}
	return p, nil
}

// errNoHost says that the Lambda API is not that of a host of ours, which would count.
var errNoHost = errors.New("it is no host of Firedrill's")

// fetchInjections asks a host of ours; errNoHost if it is none.
func fetchInjections(ctx context.Context, endpoint, run string) ([]local.Injection, error) {
	address := strings.TrimSuffix(endpoint, "/") + "/_firedrill/injections?run=" + url.QueryEscape(run)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("count injections: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("count injections: %w", err)
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "application/json" || resp.StatusCode == http.StatusNotFound {
		return nil, errNoHost
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("count injections: %s answered %s", endpoint, resp.Status)
	}
	var list []local.Injection
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxFile)).Decode(&list); err != nil {
		return nil, fmt.Errorf("count injections: %w", err)
	}
	return list, nil
}

// startHost starts the functions of a functions file on this machine.
func (a *app) startHost(ctx context.Context, file string, logs io.Writer) (*local.Host, error) {
	config, err := a.parseFunctions(file)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, &failure{code: exitError, err: fmt.Errorf("find the running firedrill: %w", err)}
	}
	state, err := filepath.Abs(filepath.Join(a.localFolder(), "local"))
	if err != nil {
		return nil, &failure{code: exitError, err: err}
	}
	host, err := local.Start(ctx, *config, local.Options{
		ProxyCommand: proxyCommand(self),
		StateDir:     state,
		Log:          logs,
		BaseEnv:      os.Environ(),
		Vars:         map[string]string{"self": self},
	})
	if err != nil {
		var start *local.StartError
		if errors.As(err, &start) {
			return nil, &failure{code: exitError, err: fmt.Errorf("%s: %s: %w", file, start.Subject, start.Err), hint: start.Hint}
		}
		return nil, &failure{code: exitError, err: err}
	}
	return host, nil
}

// parseFunctions reads a functions file.
func (a *app) parseFunctions(file string) (*local.Config, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	config, err := local.ParseFile(file, data)
	if err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	return config, nil
}

// proxyCommand is how to start the layer's proxy: the small binary beside this one or, where only this one is
// installed, this one itself.
func proxyCommand(self string) []string {
	beside := filepath.Join(filepath.Dir(self), "firedrill-proxy")
	if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
		return []string{beside}
	}
	return []string{self, "proxy", "--"}
}
