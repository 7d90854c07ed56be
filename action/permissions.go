package action

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// A Permission is one statement of an IAM policy that allows something.
type Permission struct {
	Actions   []string
	Resources []string
	// Conditions, as IAM writes them: operator, key, values.
	Conditions map[string]map[string][]string
}

// Permissions are what a fault set needs: of whoever runs the experiment, and of the functions that read it.
type Permissions struct {
	Runner, Function []Permission
}

// Permissions says what arming and disarming this fault set needs, and nothing more. The place is read, so that
// what exists already needs no permission to be deleted.
func (a *FaultSet) Permissions(ctx context.Context) (Permissions, error) {
	var out Permissions
	for _, function := range a.functions {
		h, err := a.factory.lookUp(ctx, function)
		if err != nil {
			return out, err
		}
		out.Runner = append(out.Runner, h.permissions()...)
	}
	s, err := a.factory.open(a.place, a.params.Run)
	if err != nil {
		return out, err
	}
	now, err := s.read(ctx)
	if err != nil {
		return out, err
	}
	if s, ok := s.(permitted); ok {
		p, err := s.permissions(ctx, now)
		out.Runner, out.Function = append(out.Runner, p.Runner...), p.Function
		return out, err
	}
	return out, nil
}

// A permitted store is guarded by IAM.
type permitted interface {
	permissions(ctx context.Context, now snapshot) (Permissions, error)
}

// permissions of a runner that looks a function up and counts its injections.
func (h host) permissions() []Permission {
	if h.arn.Region == "" {
		return nil
	}
	functions := []string{h.self.Function} // whose log is looked for, whatever the version
	if qualified(h.name) {
		functions = append(functions, h.self.Function+h.name[strings.LastIndex(h.name, ":"):])
	}
	logs := h.arn
	logs.Service, logs.Resource = "logs", "log-group:"+cmp.Or(h.logs, "/aws/lambda/"+plainName(h.self.Function))+":*"
	return []Permission{
		{Actions: []string{"lambda:GetFunctionConfiguration"}, Resources: functions},
		{Actions: []string{"logs:FilterLogEvents"}, Resources: []string{logs.String()}},
	}
}

// TargetPermissions are what finding a group of targets needs. Stacks may lie in stacks, whose names are not known before.
func TargetPermissions(t experiment.Target) []Permission {
	switch {
	case t.Tag != "":
		return []Permission{{Actions: []string{"tag:GetResources"}, Resources: []string{"*"}}}
	case t.Stack != "":
		return []Permission{{Actions: []string{"cloudformation:ListStackResources"}, Resources: []string{"*"}}}
	}
	return nil
}

// FunctionARN is the full name of a function, with its version if the name has one.
func (f *Factory) FunctionARN(ctx context.Context, function string) (string, error) {
	h, err := f.lookUp(ctx, function)
	if err != nil || !qualified(function) {
		return h.self.Function, err
	}
	return h.self.Function + function[strings.LastIndex(function, ":"):], nil
}

// arn names a resource of a service in the location's region and account.
func (l location) arn(service, resource string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(l.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(l.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	region, account := l.Region, cmp.Or(l.Account, "*")
	if service == "s3" { // whose names are the world's
		region, account = "", ""
	}
	return strings.Join([]string{"arn", partition, service, region, account, resource}, ":")
}

func (s envStore) permissions(context.Context, snapshot) (Permissions, error) {
	return Permissions{Runner: []Permission{{
		Actions: []string{"lambda:GetFunctionConfiguration", "lambda:UpdateFunctionConfiguration"}, Resources: []string{s.place.Function},
	}}}, nil
}

func (s ssmStore) permissions(ctx context.Context, now snapshot) (Permissions, error) {
	it := []string{s.place.arn("ssm", "parameter/"+strings.TrimPrefix(s.place.Name, "/"))}
	out := Permissions{
		Runner:   []Permission{{Actions: []string{"ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"}, Resources: it}},
		Function: []Permission{{Actions: []string{"ssm:GetParameter"}, Resources: it}},
	}
	if !now.exists {
		out.Runner[0].Actions = append(out.Runner[0].Actions, "ssm:DeleteParameter")
		return out, nil
	}
	api, err := s.client(ctx)
	if err != nil {
		return out, err
	}
	kept, err := s.properties(ctx, api)
	key := aws.ToString(kept.KeyId)
	if err != nil || kept.Type != types.ParameterTypeSecureString {
		return out, err
	}
	// A write to a secret parameter that somebody removes at that moment brings it back, and must remove it again.
	out.Runner[0].Actions = append(out.Runner[0].Actions, "ssm:DeleteParameter")
	if key == "" || key == "alias/aws/ssm" { // AWS's own key is open to the account's users of Parameter Store
		return out, nil
	}
	writes := []string{"kms:Decrypt", "kms:Encrypt"}
	if kept.Tier == types.ParameterTierAdvanced {
		writes = []string{"kms:Decrypt", "kms:GenerateDataKey"}
	}
	out.Runner = append(out.Runner, s.place.keyPermission(key, writes))
	out.Function = append(out.Function, s.place.keyPermission(key, writes[:1]))
	return out, nil
}

// keyPermission allows the use of a key, which may be named by its alias.
func (l location) keyPermission(key string, actions []string) Permission {
	switch {
	case strings.HasPrefix(key, "arn:") && strings.Contains(key, ":key/"):
		return Permission{Actions: actions, Resources: []string{key}}
	case strings.Contains(key, "alias/"):
		alias := key[strings.Index(key, "alias/"):]
		return Permission{Actions: actions, Resources: []string{l.arn("kms", "key/*")}, Conditions: map[string]map[string][]string{
			"ForAnyValue:StringEquals": {"kms:ResourceAliases": {alias}},
		}}
	}
	return Permission{Actions: actions, Resources: []string{l.arn("kms", "key/"+key)}}
}

func (s s3Store) permissions(_ context.Context, now snapshot) (Permissions, error) {
	bucket, key := s.names()
	it := []string{s.place.arn("s3", s.place.Name)}
	list := Permission{Actions: []string{"s3:ListBucket"}, Resources: []string{s.place.arn("s3", *bucket)},
		Conditions: map[string]map[string][]string{"StringEquals": {"s3:prefix": {*key}}}}
	actions := []string{"s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"}
	if !now.exists {
		actions = []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"}
	}
	return Permissions{
		Runner:   []Permission{{Actions: actions, Resources: it}, list},
		Function: []Permission{{Actions: []string{"s3:GetObject"}, Resources: it}, list},
	}, nil
}

func (s appConfigStore) permissions(context.Context, snapshot) (Permissions, error) {
	parts := strings.SplitN(s.place.Name, "/", 3)
	arn := func(resource string) string { return s.place.arn("appconfig", resource) }
	application, environment, profile := "application/"+parts[0], "/environment/"+parts[1], "/configurationprofile/"+parts[2]
	return Permissions{
		Runner: []Permission{
			{Actions: []string{"appconfig:ListApplications", "appconfig:ListDeploymentStrategies"}, Resources: []string{"*"}},
			{Actions: []string{"appconfig:ListConfigurationProfiles", "appconfig:ListEnvironments"}, Resources: []string{arn(application)}},
			{Actions: []string{"appconfig:GetDeployment", "appconfig:ListDeployments"},
				Resources: []string{arn(application), arn(application + environment), arn(application + environment + "/deployment/*")}},
			{Actions: []string{"appconfig:StartDeployment"}, Resources: []string{arn(application), arn(application + environment),
				arn(application + environment + "/deployment/*"), arn(application + profile), arn("deploymentstrategy/*")}},
			{Actions: []string{"appconfig:CreateHostedConfigurationVersion", "appconfig:DeleteHostedConfigurationVersion", "appconfig:GetHostedConfigurationVersion"},
				Resources: []string{arn(application), arn(application + profile), arn(application + profile + "/hostedconfigurationversion/*")}},
		},
		Function: []Permission{{Actions: []string{"appconfig:GetLatestConfiguration", "appconfig:StartConfigurationSession"},
			Resources: []string{arn(application + environment + "/configuration/" + parts[2])}}},
	}, nil
}
