package action

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
)

// AppConfigAPI is what the package needs of AppConfig. *appconfig.Client has it.
type AppConfigAPI interface {
	appConfigNames
	appConfigReader
	appConfigWriter
}

// appConfigNames finds the ids of things by their names.
type appConfigNames interface {
	ListApplications(ctx context.Context, in *appconfig.ListApplicationsInput, opts ...func(*appconfig.Options)) (*appconfig.ListApplicationsOutput, error)
	ListEnvironments(ctx context.Context, in *appconfig.ListEnvironmentsInput, opts ...func(*appconfig.Options)) (*appconfig.ListEnvironmentsOutput, error)
	ListConfigurationProfiles(ctx context.Context, in *appconfig.ListConfigurationProfilesInput, opts ...func(*appconfig.Options)) (*appconfig.ListConfigurationProfilesOutput, error)
	ListDeploymentStrategies(ctx context.Context, in *appconfig.ListDeploymentStrategiesInput, opts ...func(*appconfig.Options)) (*appconfig.ListDeploymentStrategiesOutput, error)
}

type appConfigReader interface {
	ListDeployments(ctx context.Context, in *appconfig.ListDeploymentsInput, opts ...func(*appconfig.Options)) (*appconfig.ListDeploymentsOutput, error)
	GetDeployment(ctx context.Context, in *appconfig.GetDeploymentInput, opts ...func(*appconfig.Options)) (*appconfig.GetDeploymentOutput, error)
	GetHostedConfigurationVersion(ctx context.Context, in *appconfig.GetHostedConfigurationVersionInput, opts ...func(*appconfig.Options)) (*appconfig.GetHostedConfigurationVersionOutput, error)
}

type appConfigWriter interface {
	CreateHostedConfigurationVersion(ctx context.Context, in *appconfig.CreateHostedConfigurationVersionInput, opts ...func(*appconfig.Options)) (*appconfig.CreateHostedConfigurationVersionOutput, error)
	StartDeployment(ctx context.Context, in *appconfig.StartDeploymentInput, opts ...func(*appconfig.Options)) (*appconfig.StartDeploymentOutput, error)
	DeleteHostedConfigurationVersion(ctx context.Context, in *appconfig.DeleteHostedConfigurationVersionInput, opts ...func(*appconfig.Options)) (*appconfig.DeleteHostedConfigurationVersionOutput, error)
}

// named is an id and the name that people use for it.
type named struct{ id, name string }

// identify turns the names of a profile into ids: names may change while a run is under way.
func (f *Factory) identify(ctx context.Context, place location) (location, error) {
	place.Title = place.Name
	if f.deps.AppConfig == nil {
		return place, noAccess(place, "AppConfig")
	}
	api, err := f.deps.AppConfig(ctx, place.service())
	if err != nil {
		return place, err
	}
	parts := strings.Split(place.Name, "/")
	applications, err := pages(func(token *string) ([]named, *string, error) {
		out, err := api.ListApplications(ctx, &appconfig.ListApplicationsInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		var all []named
		for _, a := range out.Items {
			all = append(all, named{aws.ToString(a.Id), aws.ToString(a.Name)})
		}
		return all, out.NextToken, nil
	})
	if err != nil {
		return place, denied(place, "find the application of", err, "appconfig:ListApplications")
	}
	application, err := pick(place, "application", parts[0], applications)
	if err != nil {
		return place, err
	}
	environments, err := pages(func(token *string) ([]named, *string, error) {
		out, err := api.ListEnvironments(ctx, &appconfig.ListEnvironmentsInput{ApplicationId: &application, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		var all []named
		for _, e := range out.Items {
			all = append(all, named{aws.ToString(e.Id), aws.ToString(e.Name)})
		}
		return all, out.NextToken, nil
	})
	if err != nil {
		return place, denied(place, "find the environment of", err, "appconfig:ListEnvironments")
	}
	environment, err := pick(place, "environment", parts[1], environments)
	if err != nil {
		return place, err
	}
	profile, err := f.identifyProfile(ctx, api, place, application, parts[2])
	place.Name = application + "/" + environment + "/" + profile
	return place, err
}

// identifyProfile finds a profile that a run can write: hosted, and free-form, or of feature flags.
func (f *Factory) identifyProfile(ctx context.Context, api AppConfigAPI, place location, application, want string) (string, error) {
	refusals := map[string]error{}
	profiles, err := pages(func(token *string) ([]named, *string, error) {
		out, err := api.ListConfigurationProfiles(ctx, &appconfig.ListConfigurationProfilesInput{ApplicationId: &application, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		var all []named
		for _, p := range out.Items {
			id := aws.ToString(p.Id)
			all = append(all, named{id, aws.ToString(p.Name)})
			switch {
			case place.Flags && aws.ToString(p.Type) != typeFeatureFlags:
				refusals[id] = &Refused{Reason: place.String() + " holds no feature flags", Tip: "name a profile of type " + typeFeatureFlags}
			case !place.Flags && aws.ToString(p.Type) == typeFeatureFlags:
				refusals[id] = &Refused{Reason: place.String() + " holds feature flags, which have no room for match conditions and nothing that AppConfig would not check against their declaration", Tip: "keep the fault set in a free-form profile"}
			case aws.ToString(p.LocationUri) != "hosted":
				refusals[id] = &Refused{Reason: fmt.Sprintf("%s is not kept in AppConfig but in %s", place, aws.ToString(p.LocationUri)), Tip: "keep the " + place.holds() + " in a hosted profile"}
			}
		}
		return all, out.NextToken, nil
	})
	if err != nil {
		return "", denied(place, "find", err, "appconfig:ListConfigurationProfiles")
	}
	id, err := pick(place, "profile", want, profiles)
	if err != nil {
		return "", err
	}
	return id, refusals[id]
}

// pages collects all pages of a list.
func pages(list func(token *string) ([]named, *string, error)) ([]named, error) {
	var all []named
	var token *string
	for {
		some, next, err := list(token)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if token = next; aws.ToString(token) == "" {
			return all, nil
		}
	}
}

// pick finds what a name or an id means.
func pick(place location, what, want string, all []named) (string, error) {
	found := ""
	for _, n := range all {
		if n.id == want {
			return n.id, nil
		}
		if n.name != want {
			continue
		}
		if found != "" {
			return "", &Refused{Reason: fmt.Sprintf("%s: two %ss have the name %q", place, what, want), Tip: "name it by its id"}
		}
		found = n.id
	}
	if found == "" {
		return "", &Refused{Reason: fmt.Sprintf("%s: there is no %s %q", place, what, want), Tip: "check its spelling, the region and the account"}
	}
	return found, nil
}
