package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/firedrill-dev/firedrill/action/group"
	"github.com/firedrill-dev/firedrill/experiment"
)

// Variables of a function that matter here, those of package source/remote among them.
const (
	variableConfig   = "FIREDRILL_CONFIG"
	variableDisabled = "FIREDRILL_DISABLED"
	variableOff      = "FAILURE_LAMBDA_DISABLED"

	variableFailureApplication = "FAILURE_APPCONFIG_APPLICATION"
	variableFailureEnvironment = "FAILURE_APPCONFIG_ENVIRONMENT"
	variableFailureProfile     = "FAILURE_APPCONFIG_CONFIGURATION"
	variableFailureParam       = "FAILURE_INJECTION_PARAM"
	variableChaosParam         = "CHAOS_PARAM"
)

// locate finds the fault set of a single target.
func (f *Factory) locate(ctx context.Context, t experiment.Target) (location, error) {
	switch {
	case t.Lambda != "":
		return f.locateFunction(ctx, t.Lambda)
	case t.File != "":
		s, err := newFileStore(t.File, location{}.holds())
		return location{Kind: kindFile, Path: s.path}, err
	case t.SSM != "":
		return f.direct(ctx, kindSSM, t.SSM)
	case t.S3 != "":
		return f.direct(ctx, kindS3, t.S3)
	case t.AppConfig != "":
		return f.direct(ctx, kindAppConfig, t.AppConfig)
	}
	return location{}, errors.New("the target is empty: name a lambda or the place of a fault set")
}

// direct is a place that the experiment names itself: in this process's own account and region.
func (f *Factory) direct(ctx context.Context, kind, name string) (location, error) {
	if why, tip := malformed(kind, name); why != "" {
		return location{}, &Refused{Reason: fmt.Sprintf("target %s %s %s", kind, name, why), Tip: tip}
	}
	here, err := f.home(ctx, kind)
	if err != nil {
		return location{}, err
	}
	if here.Region == "" {
		return location{}, &Refused{Reason: fmt.Sprintf("target %s %s is in a region that is not known", kind, name), Tip: "set AWS_REGION"}
	}
	place := location{Kind: kind, Name: name, Region: here.Region, Account: here.Account, Endpoint: here.Endpoint}
	if kind == kindS3 {
		place.Account = ""
	}
	return f.known(ctx, place)
}

// expand is one target for each that a condition means; of is the size of the group that they are picked from, 0 if
// each was named.
func (f *Factory) expand(ctx context.Context, c experiment.Condition) (targets []experiment.Target, of int, err error) {
	t := c.Target
	functions := t.Functions
	switch {
	case t.Tag != "":
		functions, err = f.tagged(ctx, t.Tag)
	case t.Stack != "":
		functions, err = f.inStack(ctx, t.Stack)
	case t.Lambda != "":
		functions = []string{t.Lambda}
	case len(functions) == 0:
		return []experiment.Target{t}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	picked, of, err := group.Pick(functions, t, c.Seed)
	if err != nil {
		return nil, 0, err
	}
	if len(functions) > 0 && t.Tag == "" && t.Stack == "" && len(picked) == of {
		picked, of = functions, 0 // in the order in which they were named
	}
	for _, function := range picked {
		targets = append(targets, experiment.Target{Lambda: function})
	}
	return targets, of, nil
}

// tagged finds the functions with a tag.
func (f *Factory) tagged(ctx context.Context, tag string) ([]string, error) {
	if f.deps.Tagged == nil {
		return nil, &Refused{Reason: "target tag " + tag + ": functions on this machine have no tags", Tip: "name them: lambda: [NAME, NAME]"}
	}
	key, value, _ := strings.Cut(tag, "=")
	return f.deps.Tagged(ctx, key, value)
}

// inStack finds the functions of a CloudFormation stack.
func (f *Factory) inStack(ctx context.Context, stack string) ([]string, error) {
	if f.deps.InStack == nil {
		return nil, &Refused{Reason: "target stack " + stack + ": functions on this machine are in no stack", Tip: "name them: lambda: [NAME, NAME]"}
	}
	return f.deps.InStack(ctx, stack)
}

// plainName is a function's name without its ARN and its version.
func plainName(function string) string {
	if a, err := arn.Parse(function); err == nil {
		function = strings.TrimPrefix(a.Resource, "function:")
	}
	name, _, _ := strings.Cut(function, ":")
	return name
}

// A host is a function as its own configuration describes it.
type host struct {
	name string // as the experiment names it
	arn  arn.ARN
	env  map[string]string
	self location // of the function's own environment; the variable is not known yet
	// version is set where the name ends with one, or with an alias: its environment never changes.
	version string
	logs    string // the log group, if it is not the usual one
}

// locateFunction finds a function's fault set by its own configuration.
func (f *Factory) locateFunction(ctx context.Context, function string) (location, error) {
	h, err := f.lookUp(ctx, function)
	if err != nil {
		return location{}, err
	}
	for _, off := range []string{variableDisabled, variableOff} {
		if strings.EqualFold(h.env[off], "true") {
			return location{}, &Refused{Reason: fmt.Sprintf("function %s has %s=true: its own kill switch is on", function, off), Tip: "it must be switched off by whoever switched it on"}
		}
	}
	place, err := f.locateConfig(ctx, h)
	place.reader = h.reader()
	return place, err
}

// lookUp reads a function's configuration.
func (f *Factory) lookUp(ctx context.Context, function string) (host, error) {
	h := host{name: function, self: location{Kind: kindEnv, Function: function, Embedded: f.deps.Embedded, Endpoint: f.deps.Endpoint}}
	out, err := envStore{f.deps.Lambda, h.self, f.deps.Endpoint}.configuration(ctx)
	if errors.Is(err, errGone) {
		return h, &Refused{Reason: "function " + function + " was not found", Err: err, Tip: "check its name, region and account; for functions on this machine: firedrill run FILE --local FUNCTIONS"}
	}
	if err != nil {
		return h, err
	}
	if out.LoggingConfig != nil {
		h.logs = aws.ToString(out.LoggingConfig.LogGroup)
	}
	if out.Environment != nil {
		h.env = out.Environment.Variables
	}
	if v := aws.ToString(out.Version); v != "$LATEST" && qualified(function) {
		h.version = v
	}
	if text := aws.ToString(out.FunctionArn); text != "" {
		h.arn, _ = arn.Parse(text) // what is no ARN has no region, and is found out where one is needed
		h.self.Function = text
		if qualified(text) {
			h.self.Function = text[:strings.LastIndex(text, ":")]
		}
	}
	return h, nil
}

// qualified says that a function's name ends with a version or an alias.
func qualified(function string) bool {
	if a, err := arn.Parse(function); err == nil {
		return strings.Count(a.Resource, ":") > 1
	}
	return !strings.HasPrefix(function, "arn:") && strings.Contains(function, ":")
}

// locateConfig reads a function's FIREDRILL_CONFIG, or the variables of other tools, as the function does.
func (f *Factory) locateConfig(ctx context.Context, h host) (location, error) {
	config := strings.TrimSpace(h.env[variableConfig])
	scheme, rest, _ := strings.Cut(config, ":")
	switch {
	case config == "":
		return f.locateOther(ctx, h)
	case strings.HasPrefix(config, "{"):
		return h.variable(variableConfig)
	case scheme == "env":
		return h.variable(rest)
	case scheme == "file":
		return f.locateFile(h, rest)
	case scheme == "ssm":
		return f.inService(ctx, h, kindSSM, variableConfig, rest)
	case scheme == "s3":
		return f.inService(ctx, h, kindS3, variableConfig, strings.TrimPrefix(rest, "//"))
	case scheme == "appconfig":
		return f.inService(ctx, h, kindAppConfig, variableConfig, rest)
	}
	return location{}, h.refuse(variableConfig, config, "is not a source that can be written", "use ssm:NAME, s3://BUCKET/KEY, appconfig:APPLICATION/ENVIRONMENT/PROFILE, file:PATH, env:NAME or inline JSON")
}

// locateOther reads the variables of other tools, in the order in which a function does.
func (f *Factory) locateOther(ctx context.Context, h host) (location, error) {
	if profile := h.env[variableFailureProfile]; profile != "" {
		return f.inService(ctx, h, kindAppConfig, variableFailureProfile, h.env[variableFailureApplication]+"/"+h.env[variableFailureEnvironment]+"/"+profile)
	}
	for _, name := range []string{variableFailureParam, variableChaosParam} {
		if parameter := h.env[name]; parameter != "" {
			return f.inService(ctx, h, kindSSM, name, parameter)
		}
	}
	return location{}, &Refused{Reason: "function " + h.name + " has not opted in: it has no " + variableConfig, Tip: "give it Firedrill's SDK or layer, and set " + variableConfig + " to ssm:NAME, file:PATH or {}"}
}

func (h host) refuse(variable, value, why, tip string) error {
	return &Refused{Reason: fmt.Sprintf("function %s: %s=%s %s", h.name, variable, value, why), Tip: tip}
}

// variable is the place of a fault set in the function's own environment.
func (h host) variable(name string) (location, error) {
	if name == "" {
		return location{}, h.refuse(variableConfig, "env:", "names no variable", "write env:NAME")
	}
	if h.version != "" {
		return location{}, h.refuse(variableConfig, name, "is in the environment of version "+h.version+", which never changes", "let the function read its fault set elsewhere (ssm:NAME, s3://BUCKET/KEY), or name the function without a version")
	}
	place := h.self
	place.Variable = name
	return place, nil
}

func (f *Factory) locateFile(h host, path string) (location, error) {
	switch {
	case f.deps.Remote:
		return location{}, h.refuse(variableConfig, "file:"+path, "is a file on another machine", "use ssm:NAME, env:NAME or inline JSON")
	case !filepath.IsAbs(path):
		return location{}, h.refuse(variableConfig, "file:"+path, "is not absolute: which file it means depends on the function's working directory", "write the whole path")
	}
	s, err := newFileStore(path, location{}.holds())
	return location{Kind: kindFile, Path: s.path, Embedded: f.deps.Embedded}, err
}

// inService is a place in a service of AWS where a function reads it: in the function's region and account or,
// for a function on this machine, at the endpoint that its environment names.
func (f *Factory) inService(ctx context.Context, h host, kind, variable, name string) (location, error) {
	if why, tip := malformed(kind, name); why != "" {
		return location{}, h.refuse(variable, name, why, tip)
	}
	if h.arn.Region == "" {
		return location{}, h.refuse(variable, name, "is in a region that is not known", "its ARN says none: "+h.self.Function)
	}
	place := location{Kind: kind, Name: name, Region: h.arn.Region, Account: h.arn.AccountID}
	if kind == kindS3 || !f.deps.Remote {
		place.Account = "" // the names of buckets are the world's, and functions here have no account
	}
	if f.deps.Remote {
		here, err := f.home(ctx, kind)
		place.Endpoint = here.Endpoint
		if err != nil {
			return location{}, err
		}
		return f.known(ctx, place)
	}
	own := "AWS_ENDPOINT_URL_" + strings.ToUpper(kind)
	place.Endpoint = cmp.Or(h.env[own], h.env["AWS_ENDPOINT_URL"])
	if place.Endpoint == "" {
		here, err := f.home(ctx, kind)
		if err != nil || here.Endpoint == "" {
			return location{}, h.refuse(variable, name, "is read from "+strings.ToUpper(kind)+" at no address that is known", "a function on this machine says where: "+own+" in its environment")
		}
		place.Endpoint = here.Endpoint
	}
	return f.known(ctx, place)
}

// known is the place under the name by which it is written.
func (f *Factory) known(ctx context.Context, place location) (location, error) {
	if place.Kind == kindAppConfig {
		return f.identify(ctx, place)
	}
	return place, nil
}

// home is where this process itself asks a service, with its own region, account and endpoint.
func (f *Factory) home(ctx context.Context, kind string) (Service, error) {
	if f.deps.Home == nil {
		return Service{}, nil
	}
	return f.deps.Home(ctx, kind)
}

// malformed says what is wrong with a name in a service.
func malformed(kind, name string) (why, tip string) {
	if kind == kindAppConfig {
		if parts := strings.Split(name, "/"); len(parts) != 3 || slices.Contains(parts, "") {
			return "is not an AppConfig profile", "write APPLICATION/ENVIRONMENT/PROFILE"
		}
		return "", ""
	}
	if kind == kindS3 {
		if bucket, key, _ := strings.Cut(name, "/"); bucket == "" || key == "" || strings.ContainsAny(bucket, "@:?#%\\ ") {
			return "is not an object's address", "write s3://BUCKET/KEY"
		}
		return "", ""
	}
	switch {
	case name == "":
		return "names nothing", "write " + kind + ":NAME"
	case strings.HasPrefix(name, "arn:"):
		return "is a parameter's ARN, and parameters are written by name", "write ssm:NAME"
	case strings.Contains(name, ":"):
		return "names one version of a parameter, which never changes", "write ssm:NAME without a version or label"
	}
	return "", ""
}
