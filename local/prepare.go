package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// inherited are the developer's variables that a function may see. Not the rest: credentials live there.
func inherited() []string {
	names := []string{"PATH", "HOME", "TMPDIR", "LANG", "FIREDRILL_DISABLED", "FAILURE_LAMBDA_DISABLED", "FIREDRILL_PRELOAD"}
	if runtime.GOOS == "windows" { // without these, processes do not start there
		names = append(names, "SYSTEMROOT", "USERPROFILE", "TEMP", "TMP", "PATHEXT")
	}
	return names
}

// reservedVariables are set by the host and by nobody else, as in Lambda.
func reservedVariables() []string {
	return []string{
		"_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_RUNTIME_API",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE",
	}
}

// environ is the environment of one process: a little of the developer's, what Lambda sets, then the function's own.
// AWS clients are led to this host with keys that open nothing; a function may override that, knowingly.
func (h *Host) environ(v *version, spec Function, api string) []string {
	var env []string
	for _, name := range inherited() {
		if value, ok := lookup(h.opts.BaseEnv, name); ok {
			env = append(env, name+"="+value)
		}
	}
	endpoint := "http://" + h.LambdaAddr()
	own := make([]string, 0, len(spec.Environment))
	for name, value := range spec.Environment {
		own = append(own, name+"="+value)
	}
	slices.Sort(own)
	env = append(env,
		"AWS_REGION="+h.cfg.Region, "AWS_DEFAULT_REGION="+h.cfg.Region,
		"AWS_ENDPOINT_URL="+endpoint, "AWS_ENDPOINT_URL_LAMBDA="+endpoint,
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"TZ=:UTC")
	env = append(env, own...)
	return append(env,
		"_HANDLER="+spec.Handler,
		"LAMBDA_TASK_ROOT="+v.dir, "LAMBDA_RUNTIME_DIR="+v.dir,
		"AWS_LAMBDA_RUNTIME_API="+api,
		"AWS_LAMBDA_FUNCTION_NAME="+spec.Name,
		"AWS_LAMBDA_FUNCTION_VERSION="+v.name,
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", spec.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+spec.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME="+time.Now().UTC().Format("2006/01/02")+"/["+v.name+"]"+strings.ReplaceAll(newID(), "-", ""),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand")
}

// lookup finds a variable; where one is given twice the last one counts, as in os/exec.
func lookup(env []string, name string) (string, bool) {
	for _, e := range slices.Backward(env) {
		if key, value, ok := strings.Cut(e, "="); ok && (key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name)) {
			return value, true
		}
	}
	return "", false
}

// faultFile is where a function's fault set lives, unless its own environment says otherwise.
func (h *Host) faultFile(name string) string {
	return filepath.Join(h.opts.StateDir, "faults", name+".json")
}

func (h *Host) makeFaultDir() error {
	if err := os.MkdirAll(filepath.Dir(h.faultFile("x")), 0o755); err != nil {
		return &StartError{Subject: "state folder", Err: err, Hint: "choose a folder that can be written to"}
	}
	return nil
}

// newFunction makes a function with its versions and aliases.
func (h *Host) newFunction(spec Function, built map[string]string) (*function, error) {
	fn := &function{
		name: spec.Name, aliases: map[string]*alias{},
		queue: make(chan struct{}, maxQueued), concurrency: spec.Concurrency,
	}
	subject := "functions." + spec.Name
	var err error
	if fn.latest, err = h.newVersion(fn, latest, subject, spec, built); err != nil {
		return nil, err
	}
	for _, published := range spec.Versions {
		number := strconv.Itoa(published.Number)
		v, err := h.newVersion(fn, number, subject+".versions."+number, published.Function, built)
		if err != nil {
			return nil, err
		}
		fn.published = append(fn.published, v)
	}
	for _, a := range spec.Aliases {
		if err := h.checkRouting(fn, a); err != nil {
			return nil, &StartError{Subject: subject + ".aliases." + a.Name, Err: err}
		}
		fn.aliases[a.Name] = newAlias(a, "")
	}
	return fn, nil
}

// newVersion finds a version's program and completes its environment.
func (h *Host) newVersion(fn *function, name, subject string, spec Function, built map[string]string) (*version, error) {
	spec.Versions, spec.Aliases = nil, nil
	dir := h.cfg.Dir
	if spec.Dir != "" {
		if dir = spec.Dir; !filepath.IsAbs(dir) {
			dir = filepath.Join(h.cfg.Dir, dir)
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &StartError{Subject: subject + ".dir", Err: fmt.Errorf("%s is not a folder", dir)}
	}
	argv := slices.Clone(spec.Command)
	if spec.Go != "" {
		argv = []string{built[spec.Go]}
	}
	for i := range argv {
		var err error
		if argv[i], err = expand(argv[i], h.opts.Vars); err != nil {
			return nil, &StartError{Subject: subject + ".command", Err: err}
		}
	}
	program, err := h.findProgram(argv[0])
	if err != nil {
		return nil, &StartError{
			Subject: subject + ".command", Err: err,
			Hint: "a path with a slash is relative to the functions file, any other name is looked up in PATH",
		}
	}
	argv[0] = program
	if spec.Layer {
		if argv, err = h.layered(argv); err != nil {
			return nil, &StartError{Subject: subject + ".layer", Err: err}
		}
	}
	for name, value := range spec.Environment {
		if spec.Environment[name], err = expand(value, h.opts.Vars); err != nil {
			return nil, &StartError{Subject: subject + ".environment." + name, Err: err}
		}
	}
	if !namesFaultSet(spec.Environment) {
		if spec.Environment == nil {
			spec.Environment = map[string]string{}
		}
		spec.Environment["FIREDRILL_CONFIG"] = "file:" + h.faultFile(spec.Name)
	}
	return &version{fn: fn, name: name, argv: argv, dir: dir, timeout: spec.Timeout, spec: spec, revision: newID(), modified: time.Now()}, nil
}

// namesFaultSet reports whether an environment says by itself where the fault set is, in our words or in those of the
// tools whose documents Firedrill reads.
func namesFaultSet(environment map[string]string) bool {
	if _, own := environment["FIREDRILL_CONFIG"]; own {
		return true
	}
	for _, name := range []string{"FAILURE_APPCONFIG_CONFIGURATION", "FAILURE_INJECTION_PARAM", "CHAOS_PARAM"} {
		if environment[name] != "" {
			return true
		}
	}
	return false
}

func (h *Host) layered(argv []string) ([]string, error) {
	if len(h.opts.ProxyCommand) == 0 {
		return nil, errors.New("the layer's proxy is not available here")
	}
	proxy, err := h.findProgram(h.opts.ProxyCommand[0])
	if err != nil {
		return nil, err
	}
	return slices.Concat([]string{proxy}, h.opts.ProxyCommand[1:], argv), nil
}

// findProgram returns the absolute path of an executable file.
func (h *Host) findProgram(name string) (string, error) {
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(h.cfg.Dir, name)
		}
		return exec.LookPath(name) // checks that it is an executable file
	}
	path, _ := lookup(h.opts.BaseEnv, "PATH")
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // "." in PATH would run what happens to lie about
		}
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("%q: executable file not found in PATH", name)
}

// expand replaces ${NAME}; $$ is a dollar sign, and a dollar before anything else is itself.
func expand(s string, vars map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), nil
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			s = after[1:]
		case strings.HasPrefix(after, "{"):
			name, rest, closed := strings.Cut(after[1:], "}")
			value, ok := vars[name]
			if !closed || !ok {
				return "", fmt.Errorf("unknown variable ${%s}; $$ stands for a dollar sign", clip(name))
			}
			b.WriteString(value)
			s = rest
		default:
			b.WriteByte('$')
			s = after
		}
	}
}

// build compiles each Go package once and returns its program. Go's own cache makes this quick when nothing changed.
func (h *Host) build(ctx context.Context) (map[string]string, error) {
	programs := map[string]string{}
	add := func(pkg string) {
		if pkg == "" {
			return
		}
		sum := sha256.Sum256([]byte(h.cfg.Dir + "\x00" + pkg))
		name := fmt.Sprintf("%s-%x", filepath.Base(pkg), sum[:4])
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		programs[pkg] = filepath.Join(h.opts.StateDir, "bin", name)
	}
	for _, f := range h.cfg.Functions {
		add(f.Go)
		for _, v := range f.Versions {
			add(v.Go)
		}
	}
	if len(programs) == 0 {
		return programs, nil
	}
	compiler, err := h.findProgram("go")
	if err != nil {
		return nil, &StartError{Subject: "functions", Err: err, Hint: "functions with go: need the Go toolchain; or build them and use command:"}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	for pkg, program := range programs {
		wg.Go(func() {
			cmd := exec.CommandContext(ctx, compiler, "build", "-o", program, pkg)
			cmd.Dir, cmd.Env = h.cfg.Dir, h.opts.BaseEnv
			if out, err := cmd.CombinedOutput(); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, &StartError{Subject: "go build " + pkg, Err: fmt.Errorf("%w\n%s", err, out)})
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return programs, errors.Join(failures...)
}
