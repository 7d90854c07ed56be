package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// DefaultInitTimeout is how long Lambda lets a function initialize.
	DefaultInitTimeout = 10 * time.Second
	// readHeaderTimeout bounds a client that connects and says nothing.
	readHeaderTimeout = 30 * time.Second
	// drainPatience is how long Close waits for answers that are being written.
	drainPatience = time.Second
	// retireEvery is how often environments without work are looked for.
	retireEvery = 30 * time.Second
)

// Options are what a Host needs of the process that runs it.
type Options struct {
	// ProxyCommand starts the layer's proxy: a layered function is run as ProxyCommand followed by its command.
	ProxyCommand []string
	// StateDir holds the fault sets (faults/NAME.json) and the functions that the host builds (bin/).
	StateDir string
	// Log receives the functions' logs and the host's own lines; nil for none. It is written from many goroutines, one
	// line at a time, and must not block for long.
	Log io.Writer
	// BaseEnv is the environment to take PATH, HOME, TMPDIR and LANG from, as from os.Environ. Builds get all of it.
	BaseEnv []string
	// Vars replace ${NAME} in commands and in values of environment variables; $$ is a dollar sign.
	Vars map[string]string
	// InitTimeout is how long a function may take to ask for its first event; 0 is DefaultInitTimeout.
	InitTimeout time.Duration
	// Seed makes the lots that aliases with weights draw the same each time; 0 is a new seed for each host.
	Seed uint64
}

// A StartError says why the host cannot start, and what to do about it.
type StartError struct {
	Subject string // what it is about: "functions.purchase.command", "http.listen"
	Err     error
	Hint    string // may be empty
}

// Error is one line, with the hint in parentheses.
func (e *StartError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%s: %v", e.Subject, e.Err)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Subject, e.Err, e.Hint)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// A Host runs the functions of one file. Its methods may be called from any goroutine.
type Host struct {
	cfg         Config
	opts        Options
	initTimeout time.Duration
	log         *logSink
	injections  injections
	launcher    *launcher
	router      *router

	life    context.Context // ends when Close has had its patience
	end     context.CancelFunc
	running sync.WaitGroup // everything that the host has started

	httpListener, lambdaListener net.Listener // httpListener may be nil
	servers                      []*http.Server

	mu           sync.Mutex
	functions    map[string]*function
	random       *rand.Rand // draws the lots of aliases
	inFlight     int
	environments int // processes that count against the limit
	all          map[*environment]struct{}
	closing      bool
	closed       chan struct{}
}

// Start checks and builds the functions, opens the listeners and serves until Close. No function runs before
// its first event. The context is for starting only; its values live on. The error is a *StartError, or the context's.
func Start(ctx context.Context, cfg Config, opts Options) (*Host, error) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &Host{
		cfg: cfg, opts: opts, life: life, end: end,
		initTimeout: opts.InitTimeout,
		log:         newLogSink(opts.Log, cfg.Functions),
		functions:   map[string]*function{},
		random:      newRandom(opts.Seed),
		all:         map[*environment]struct{}{},
		closed:      make(chan struct{}),
	}
	if h.initTimeout <= 0 {
		h.initTimeout = DefaultInitTimeout
	}
	if h.cfg.MaxEnvironments <= 0 {
		h.cfg.MaxEnvironments = DefaultMaxEnvironments
	}
	if err := h.prepare(ctx); err != nil {
		end()
		return nil, err
	}
	if err := h.listen(ctx); err != nil {
		end()
		return nil, err
	}
	h.launcher = newLauncher()
	h.serve()
	return h, nil
}

// prepare makes everything that can fail before anything is visible from outside.
func (h *Host) prepare(ctx context.Context) error {
	if h.opts.StateDir == "" {
		return &StartError{Subject: "state folder", Err: errors.New("none is given")}
	}
	state, err := filepath.Abs(h.opts.StateDir)
	if err != nil {
		return &StartError{Subject: "state folder", Err: err}
	}
	h.opts.StateDir = state
	if err := h.makeFaultDir(); err != nil {
		return err
	}
	if h.cfg.Dir, err = filepath.Abs(h.cfg.Dir); err != nil {
		return &StartError{Subject: "functions file", Err: err}
	}
	built, err := h.build(ctx)
	if err != nil {
		return err
	}
	for _, spec := range h.cfg.Functions {
		fn, err := h.newFunction(spec.clone(), built)
		if err != nil {
			return err
		}
		h.functions[spec.Name] = fn
	}
	if h.cfg.HTTP == nil {
		return nil
	}
	patterns := make([]pattern, 0, len(h.cfg.HTTP.Routes))
	for _, r := range h.cfg.HTTP.Routes {
		p, err := parseRoute(r.Key)
		if err != nil {
			return &StartError{Subject: "http.routes", Err: fmt.Errorf("%q: %w", r.Key, err)}
		}
		if h.functions[r.Function] == nil {
			return &StartError{Subject: "http.routes", Err: fmt.Errorf("%q: no such function: %q", r.Key, r.Function)}
		}
		if _, err := h.resolve(target{h.functions[r.Function], r.Qualifier}); err != nil {
			return &StartError{Subject: "http.routes", Err: fmt.Errorf("%q: function %q has no version or alias %q", r.Key, r.Function, r.Qualifier)}
		}
		p.function, p.qualifier = r.Function, r.Qualifier
		patterns = append(patterns, p)
	}
	h.router = newRouter(patterns)
	return nil
}

func (h *Host) listen(ctx context.Context) error {
	var err error
	if h.lambdaListener, err = listen(ctx, "lambda.listen", h.cfg.LambdaListen); err != nil {
		return err
	}
	if h.cfg.HTTP == nil {
		return nil
	}
	if h.httpListener, err = listen(ctx, "http.listen", h.cfg.HTTP.Listen); err != nil {
		_ = h.lambdaListener.Close()
		return err
	}
	return nil
}

// wsaAddrInUse is Windows's own number for a port in use; no Unix uses it.
const wsaAddrInUse = syscall.Errno(10048)

func listen(ctx context.Context, subject, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err == nil {
		return l, nil
	}
	failed := &StartError{Subject: subject, Err: err}
	if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) {
		failed.Err = fmt.Errorf("%s is in use by another process: %w", address, err)
		failed.Hint = "stop that process, or choose another port; port 0 takes any free one"
	}
	return nil, failed
}

func (h *Host) serve() {
	h.servers = append(h.servers, newHTTPServer(http.HandlerFunc(h.serveLambda)))
	listeners := []net.Listener{h.lambdaListener}
	if h.httpListener != nil {
		h.servers = append(h.servers, newHTTPServer(http.HandlerFunc(h.serveHTTP)))
		listeners = append(listeners, h.httpListener)
	}
	for i, s := range h.servers {
		h.running.Go(func() {
			if err := s.Serve(listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				h.log.line("firedrill", []byte("server: "+err.Error()))
			}
		})
	}
	h.running.Go(func() {
		ticker := time.NewTicker(retireEvery)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				h.retireUnused(now)
			case <-h.life.Done():
				return
			}
		}
	})
}

func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
}

// errClosing refuses what comes while Close runs.
var errClosing = errors.New("the host is shutting down")

// join counts the caller among those that Close waits for; the caller then calls h.running.Done. False if Close has begun.
func (h *Host) join() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.running.Add(1)
	return true
}

// HTTPAddr is where the HTTP API listens, "" if there is none.
func (h *Host) HTTPAddr() string {
	if h.httpListener == nil {
		return ""
	}
	return h.httpListener.Addr().String()
}

// LambdaAddr is where the Lambda API listens: http://LambdaAddr is its endpoint URL.
func (h *Host) LambdaAddr() string { return h.lambdaListener.Addr().String() }

// Injections counts what the functions' logs say about one run, or about all if run is empty. Everything that a
// function wrote before the call is in it. A function that has just answered is given a moment to write what it has
// to: the layer answers first and writes then.
func (h *Host) Injections(run string) []Injection {
	ctx, cancel := context.WithTimeout(h.life, settleGrace)
	defer cancel()
	h.mu.Lock()
	var read sync.WaitGroup
	for env := range h.all {
		settled, pipe := env.settled, env.logs
		read.Go(func() {
			if settled != nil {
				select {
				case <-settled:
				case <-ctx.Done():
				}
			}
			pipe.sync("")
		})
	}
	h.mu.Unlock()
	read.Wait()
	return h.injections.of(run)
}

// Close stops listening, gives answers under way a moment (less if the context ends), kills all functions and
// returns when no process is left. Asynchronous events that wait are dropped. Further calls wait for the first.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		<-h.closed
		return nil
	}
	h.closing = true
	h.mu.Unlock()
	defer close(h.closed)

	ctx, cancel := context.WithTimeout(ctx, drainPatience)
	defer cancel()
	var drained sync.WaitGroup
	for _, s := range h.servers {
		drained.Go(func() { _ = s.Shutdown(ctx) }) // what is not done in time is ended below
	}
	drained.Wait()
	h.end()
	h.mu.Lock()
	for env := range h.all {
		env.kill()
	}
	h.mu.Unlock()
	for _, s := range h.servers {
		_ = s.Close()
	}
	h.running.Wait()
	h.launcher.close()
	return nil
}
