package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A faultPlace says where a fault set is: one way of it.
type faultPlace struct {
	Lambda string `json:"lambda,omitempty"`
	File   string `json:"file,omitempty"`
	Param  string `json:"param,omitempty"` // of SSM Parameter Store
	S3     string `json:"s3,omitempty"`    // s3://BUCKET/KEY
	// A profile of AppConfig, with its application and environment.
	App     string `json:"app,omitempty"`
	Env     string `json:"env,omitempty"`
	Profile string `json:"profile,omitempty"`
	// How AWS is reached.
	Region   string `json:"region,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`

	saved    string // the name of a profile that says all this
	resolved bool
}

// ways are the flags that name a place, each with its value.
func (p *faultPlace) ways() []placeFlag {
	return []placeFlag{
		{"lambda", &p.Lambda, "a function, by name or ARN: the place that its own environment names"},
		{"param", &p.Param, "a parameter of SSM Parameter Store, by name"},
		{"profile", &p.Profile, "a configuration profile of AppConfig, by name or id; with --app and --env"},
		{"s3", &p.S3, "an object, as s3://BUCKET/KEY"},
		{"file", &p.File, "a file, as in FIREDRILL_CONFIG=file:PATH"},
	}
}

// reach are the flags that say where a profile belongs, and how AWS is reached.
func (p *faultPlace) reach() []placeFlag {
	return []placeFlag{
		{"app", &p.App, "with --profile: its application"},
		{"env", &p.Env, "with --profile: the environment that it is deployed to"},
		{"region", &p.Region, "AWS region (default $AWS_REGION)"},
		{"endpoint-url", &p.Endpoint, "address of the Lambda API, such as a running \"firedrill local\" (default $AWS_ENDPOINT_URL_LAMBDA, then AWS)"},
	}
}

// A placeFlag is one flag of a place.
type placeFlag struct {
	name  string
	value *string
	doc   string
}

// registerAll adds the flags that name a place, and the one for a saved one.
func (p *faultPlace) registerAll(cmd *cobra.Command) {
	p.register(cmd)
	cmd.Flags().StringVar(&p.saved, "target", "", "a place that was saved with \"firedrill faults profile add\" (default $"+profileVariable+")")
	_ = cmd.RegisterFlagCompletionFunc("target", completeProfiles)
}

// register adds the flags that name a place.
func (p *faultPlace) register(cmd *cobra.Command) {
	for _, f := range append(p.ways(), p.reach()...) {
		cmd.Flags().StringVar(f.value, f.name, "", f.doc)
		if f.name != "file" {
			_ = cmd.RegisterFlagCompletionFunc(f.name, cobra.NoFileCompletions)
		}
	}
}

// flags are the flags that name the place again, for hints.
func (p *faultPlace) flags() string {
	if p.saved != "" {
		return "--target " + quoted(p.saved)
	}
	var parts []string
	for _, f := range append(p.ways(), p.reach()...) {
		if *f.value != "" {
			parts = append(parts, "--"+f.name+" "+quoted(*f.value))
		}
	}
	return strings.Join(parts, " ")
}

// quoted is an argument as a shell wants it.
func quoted(arg string) string {
	if arg != "" && strings.Trim(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,") == "" {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// given are the names of the ways that are set.
func (p *faultPlace) given() []string {
	var names []string
	for _, f := range p.ways() {
		if *f.value != "" {
			names = append(names, "--"+f.name)
		}
	}
	return names
}

// check says what is wrong with the place as it was given.
func (p *faultPlace) check() error {
	if p.S3 != "" && !strings.HasPrefix(p.S3, "s3://") {
		return usage("write s3://BUCKET/KEY", "--s3 %s is not an object's address", p.S3)
	}
	if p.Profile != "" && (p.App == "" || p.Env == "") || p.Profile == "" && p.App+p.Env != "" {
		return usage("name all three: --app, --env and --profile", "a profile of AppConfig has an application and an environment")
	}
	if strings.Contains(p.App+p.Env+p.Profile, "/") {
		return usage("use their ids", "a name with a slash cannot be told from two names")
	}
	const hint = "name one place: --lambda NAME, --param NAME, --app NAME --env NAME --profile NAME, --s3 s3://BUCKET/KEY, --file PATH or --target SAVED"
	switch names := p.given(); len(names) {
	case 0:
		return usage(hint, "whose fault set?")
	case 1:
		return nil
	default:
		return usage(hint, "%s exclude each other", strings.Join(names, " and "))
	}
}

// target is the place as actions know it.
func (p *faultPlace) target() experiment.Target {
	if p.Profile != "" {
		return experiment.Target{AppConfig: p.App + "/" + p.Env + "/" + p.Profile}
	}
	return experiment.Target{Lambda: p.Lambda, File: p.File, SSM: p.Param, S3: strings.TrimPrefix(p.S3, "s3://")}
}

// resolve makes the place the saved one, where one is named, or the one that failure-lambda's variables name. Flags that say how AWS is reached win over it.
func (a *app) resolve(p *faultPlace) error {
	if p.resolved {
		return nil
	}
	given := p.given()
	if p.saved == "" && len(given) == 0 {
		p.saved = a.getenv(profileVariable)
	}
	if p.saved == "" {
		if len(given) == 0 && p.App+p.Env == "" {
			p.otherTool(a.getenv)
		}
		return p.check()
	}
	if len(given) > 0 {
		return usage("name one place", "--target and %s exclude each other", given[0])
	}
	saved, err := loadProfiles()
	if err != nil {
		return err
	}
	place, err := saved.find(p.saved)
	if err != nil {
		return err
	}
	place.saved, place.resolved = p.saved, true
	place.Region, place.Endpoint = cmp.Or(p.Region, place.Region), cmp.Or(p.Endpoint, place.Endpoint)
	*p = place
	return nil
}

// otherTool takes the place that failure-lambda's variables name, in the order in which a function reads them.
func (p *faultPlace) otherTool(getenv func(string) string) {
	if p.Profile = getenv("FAILURE_APPCONFIG_CONFIGURATION"); p.Profile != "" {
		p.App, p.Env = getenv("FAILURE_APPCONFIG_APPLICATION"), getenv("FAILURE_APPCONFIG_ENVIRONMENT")
		return
	}
	p.Param = getenv("FAILURE_INJECTION_PARAM")
}

// editor opens the place.
func (a *app) editor(ctx context.Context, p *faultPlace) (*action.Editor, error) {
	if err := a.resolve(p); err != nil {
		return nil, err
	}
	s := &session{endpoint: p.Endpoint, region: p.Region, vars: map[string]string{}, services: newServices(a.getenv, p.Region)}
	if s.endpoint == "" {
		s.endpoint = a.getenv("AWS_ENDPOINT_URL_LAMBDA")
	}
	e, err := s.faultSets().Editor(ctx, p.target())
	if err != nil {
		return nil, faultsError(err)
	}
	return e, nil
}

// look reads the place.
func (a *app) look(ctx context.Context, p *faultPlace) (*action.Editor, action.Content, error) {
	e, err := a.editor(ctx, p)
	if err != nil {
		return nil, action.Content{}, err
	}
	now, err := e.Read(ctx)
	if err != nil {
		return nil, now, faultsError(fmt.Errorf("%s: %w", e, err))
	}
	return e, now, nil
}
