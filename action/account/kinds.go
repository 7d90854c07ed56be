package account

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A kind is one sort of change. Each lives in a file of its own.
type kind struct {
	experiment.Kind
	service string // as in AWS_ENDPOINT_URL_SERVICE, in lower case
	// undo is how long making one change, or taking it back, may take, where that is longer than for others.
	undo time.Duration
	// open gives access to the kind's resources.
	open func(cfg aws.Config) change
	// needs are the permissions to change one resource and to take it back; id is as find told it.
	needs func(id string) []action.Permission
	// also are permissions on what the attributes name; nil: they name nothing of the account.
	also func(id string, with fault.Attributes) []action.Permission
	// self says that the fault could take the runner's own permissions away, and with them the undo: the role that it works
	// as is no target.
	self bool
}

// permissions are all that one change needs.
func (k kind) permissions(id string, with fault.Attributes) []action.Permission {
	all := k.needs(id)
	if k.also != nil {
		all = append(all, k.also(id, with)...)
	}
	return all
}

// kinds lists every kind. To add one, write its file and name it here.
func kinds() []kind {
	return []kind{
		apigatewayDeployment(),
		apigatewayThrottle(),
		apigatewayv2CORS(),
		apigatewayv2Throttle(),
		autoscalingSuspend(),
		autoscalingTerminate(),
		dynamodbCapacity(),
		dynamodbDeny(),
		dynamodbMaxThroughput(),
		ec2Reboot(),
		ec2Stop(),
		ec2Terminate(),
		eventsRule(),
		iamBoundary(),
		iamDeny(),
		kmsDeny(),
		lambdaAliasWeights(),
		ecsStopTasks(),
		lambdaConcurrency(),
		lambdaEnvironment(),
		lambdaEventSource(),
		lambdaLayer(),
		lambdaMemory(),
		lambdaTimeout(),
		route53HealthCheck(),
		route53Weights(),
		s3CORS(),
		s3Deny(),
		secretsmanagerDeny(),
		snsDeny(),
		sqsDeny(),
		networkACL(),
		securityGroup(),
		ssmCPUStress(),
		ssmDiskFill(),
		ssmKillProcess(),
		ssmMemoryStress(),
		ssmNetworkLatency(),
	}
}

// Kinds describes every kind, for experiment files.
func Kinds() []experiment.Kind {
	var out []experiment.Kind
	for _, k := range kinds() {
		out = append(out, k.Kind)
	}
	return out
}

// deliveries are the kinds of changes that no experiment makes, but a rollout: they stay if all goes well.
func deliveries() []kind { return []kind{lambdaAliasShift()} }

func kindByName(name string) (kind, bool) {
	for _, k := range append(kinds(), deliveries()...) {
		if string(k.Kind.Kind) == name {
			return k, true
		}
	}
	return kind{}, false
}

// A change is what a kind does to its resources; a setting or a deed.
type change interface {
	// find is the identity of a resource that is called by name or ARN: its ARN, where it has one. It is an error if
	// there is no such resource, or if it cannot take the fault at all.
	find(ctx context.Context, name string) (id string, err error)
	// prepare reads the resource and says what will become of it. It changes nothing.
	prepare(ctx context.Context, o order) (prepared, error)
	apply(ctx context.Context, o order, s states) error
	// revert is as Action.Revert; drift is what somebody else changed meanwhile.
	revert(ctx context.Context, o order, s states) (drift string, err error)
	// inEffect says whether the change is there now.
	inEffect(ctx context.Context, o order, s states) (bool, error)
	// rehearse shows that taking back would be allowed, without any effect. It returns errNotRehearsed if it cannot.
	rehearse(ctx context.Context, o order) error
}
