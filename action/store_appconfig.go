package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"
)

const (
	// appConfigLease is long because every write is a deployment.
	appConfigLease = 10 * time.Minute
	// appConfigDelay is what a deployment and the function's extension take until the function sees a change.
	appConfigDelay    = 2 * time.Minute
	appConfigAttempts = 20
	appConfigPause    = time.Second
	// appConfigMark is the description of the versions that hold fault sets of ours.
	appConfigMark = "Written by Firedrill, for the time of a run"

	typeFeatureFlags = "AWS.AppConfig.FeatureFlags"
)

// appConfigStore keeps a fault set in a hosted, free-form profile of AppConfig, or flags in one of theirs. A change is a new version and its
// deployment to the environment, all at once. Deployments of an environment are numbered without a gap: one whose
// number is not the next has others under it, and if they are of the same profile, theirs is merged.
type appConfigStore struct {
	place   location
	connect func(ctx context.Context, at Service) (AppConfigAPI, error)
	turns   *turns
	mark    string // the description of the versions that are ours to delete
}

// A deployed is what an environment runs of a profile.
type deployed struct {
	snapshot
	version     int32
	last        int32 // number of the environment's last deployment, of whatever profile
	contentType *string
	ours        bool
}

func (s appConfigStore) lease(wanted time.Duration) time.Duration { return max(wanted, appConfigLease) }

func (s appConfigStore) delay() time.Duration { return appConfigDelay }

func (s appConfigStore) client(ctx context.Context) (*appConfigClient, error) {
	if s.connect == nil {
		return nil, noAccess(s.place, "AppConfig")
	}
	api, err := s.connect(ctx, s.place.service())
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(s.place.Name, "/", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("the undo record names no AppConfig profile: %q", s.place.Name)
	}
	return &appConfigClient{api, s.place, parts[0], parts[1], parts[2], s.mark}, nil
}

func (s appConfigStore) read(ctx context.Context) (snapshot, error) {
	c, err := s.client(ctx)
	if err != nil {
		return snapshot{}, err
	}
	if _, err := c.strategy(ctx); err != nil { // what cannot be written is found out before anything is changed
		return snapshot{}, err
	}
	now, err := c.deployed(ctx)
	return now.snapshot, err
}

func (s appConfigStore) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	done, err := s.turns.take(ctx, c.application+"/"+c.environment) // which has one deployment at a time
	if err != nil {
		return err
	}
	defer done()
	now, err := c.awaited(ctx)
	if err != nil {
		return err
	}
	next, write, err := change(now.snapshot)
	if err != nil || !write {
		return err
	}
	var failure error
	for live := now; ; {
		if err := s.fits(ctx, next); err != nil {
			return errors.Join(failure, err)
		}
		version, ours, err := c.version(ctx, now, next)
		if err != nil {
			return errors.Join(failure, err)
		}
		number, err := c.deploy(ctx, version)
		if err != nil {
			return errors.Join(failure, err)
		}
		c.discard(ctx, live, version)
		live = deployed{version: version, ours: ours}
		theirs, covered, err := c.between(ctx, now.last, number)
		if err != nil || !covered {
			return errors.Join(failure, err)
		}
		now = theirs
		if next, write, failure = change(theirs.snapshot); failure != nil || !write {
			next = theirs.snapshot
		}
	}
}

// fits implements bounded.
func (s appConfigStore) fits(_ context.Context, next snapshot) error { return readable(s.place, next) }

// appConfigClient speaks of one profile in one environment.
type appConfigClient struct {
	AppConfigAPI
	place                             location
	application, environment, profile string
	mark                              string
}

// awaited is what the environment runs once no deployment of the profile is under way: it may be one of ours, whose
// process was killed.
func (c *appConfigClient) awaited(ctx context.Context) (deployed, error) {
	for range appConfigAttempts {
		now, err := c.deployed(ctx)
		if !errors.Is(err, errUnderWay) {
			return now, err
		}
		if err := pause(ctx, appConfigPause); err != nil {
			return now, err
		}
	}
	return c.deployed(ctx)
}

// errUnderWay says that a deployment is neither over nor taken back.
var errUnderWay = errors.New("a deployment is under way")

// deployed finds what the environment runs of the profile.
func (c *appConfigClient) deployed(ctx context.Context) (deployed, error) {
	var out deployed
	var token *string
	for {
		page, err := c.ListDeployments(ctx, &appconfig.ListDeploymentsInput{ApplicationId: &c.application, EnvironmentId: &c.environment, NextToken: token})
		if err != nil {
			return out, denied(c.place, "list the deployments of", err, "appconfig:ListDeployments")
		}
		for _, d := range page.Items { // newest first
			out.last = max(out.last, d.DeploymentNumber)
			full, err := c.deployment(ctx, d.DeploymentNumber)
			if err != nil {
				return out, err
			}
			if aws.ToString(full.ConfigurationProfileId) != c.profile {
				continue
			}
			switch full.State {
			case types.DeploymentStateComplete:
				return c.content(ctx, out, aws.ToString(full.ConfigurationVersion))
			case types.DeploymentStateRolledBack, types.DeploymentStateReverted:
				continue // what was there before is there again
			}
			return out, &Refused{Reason: c.place.String(), Err: fmt.Errorf("%w (number %d, %s)", errUnderWay, d.DeploymentNumber, full.State), Tip: "run it again when that is over"}
		}
		if token = page.NextToken; aws.ToString(token) == "" {
			return out, &Refused{Reason: c.place.String() + " has never been deployed, and what is deployed cannot be taken away again", Tip: "deploy {} to it first"}
		}
	}
}

func (c *appConfigClient) deployment(ctx context.Context, number int32) (*appconfig.GetDeploymentOutput, error) {
	out, err := c.GetDeployment(ctx, &appconfig.GetDeploymentInput{ApplicationId: &c.application, EnvironmentId: &c.environment, DeploymentNumber: &number})
	return out, denied(c.place, "read a deployment of", err, "appconfig:GetDeployment")
}

// content fetches a version's text.
func (c *appConfigClient) content(ctx context.Context, out deployed, version string) (deployed, error) {
	n, err := strconv.ParseInt(version, 10, 32)
	if err != nil {
		return out, fmt.Errorf("%s: its version %q is not a number", c.place, version)
	}
	out.version = int32(n)
	got, err := c.GetHostedConfigurationVersion(ctx, &appconfig.GetHostedConfigurationVersionInput{ApplicationId: &c.application, ConfigurationProfileId: &c.profile, VersionNumber: &out.version})
	if err != nil {
		return out, denied(c.place, "read", err, "appconfig:GetHostedConfigurationVersion")
	}
	out.snapshot = snapshot{data: got.Content, exists: true, ref: version}
	out.contentType, out.ours = got.ContentType, aws.ToString(got.Description) == c.mark
	return out, nil
}

// version finds or makes a version that holds next: the one that held it before, if it is still there.
func (c *appConfigClient) version(ctx context.Context, now deployed, next snapshot) (number int32, ours bool, err error) {
	if next.ref != "" {
		old, err := c.content(ctx, deployed{}, next.ref)
		var gone *types.ResourceNotFoundException
		switch {
		case err == nil && bytes.Equal(old.data, next.data):
			return old.version, old.ours, nil
		case err != nil && !errors.As(err, &gone):
			return 0, false, err
		}
	}
	out, err := c.CreateHostedConfigurationVersion(ctx, &appconfig.CreateHostedConfigurationVersionInput{
		ApplicationId: &c.application, ConfigurationProfileId: &c.profile, Content: next.data, ContentType: now.contentType, Description: &c.mark,
	})
	if err != nil {
		return 0, false, denied(c.place, "make a version of", err, "appconfig:CreateHostedConfigurationVersion")
	}
	return out.VersionNumber, true, nil
}

// deploy deploys a version and waits until it is in force.
func (c *appConfigClient) deploy(ctx context.Context, version int32) (number int32, err error) {
	strategy, err := c.strategy(ctx)
	if err != nil {
		return 0, err
	}
	for range appConfigAttempts {
		out, err := c.StartDeployment(ctx, &appconfig.StartDeploymentInput{
			ApplicationId: &c.application, EnvironmentId: &c.environment, ConfigurationProfileId: &c.profile,
			ConfigurationVersion: aws.String(strconv.Itoa(int(version))), DeploymentStrategyId: &strategy, Description: &c.mark,
		})
		var busy *types.ConflictException
		switch {
		case err == nil:
			return out.DeploymentNumber, c.settle(ctx, out.DeploymentNumber)
		case !errors.As(err, &busy):
			return 0, denied(c.place, "deploy", err, "appconfig:StartDeployment")
		}
		if err := pause(ctx, appConfigPause); err != nil {
			return 0, fmt.Errorf("%s: another deployment is still under way: %w", c.place, err)
		}
	}
	return 0, fmt.Errorf("%s: another deployment is still under way: gave up after %d attempts", c.place, appConfigAttempts)
}

// settle waits for the end of a deployment.
func (c *appConfigClient) settle(ctx context.Context, number int32) error {
	for {
		out, err := c.deployment(ctx, number)
		if err != nil {
			return err
		}
		switch out.State {
		case types.DeploymentStateComplete:
			return nil
		case types.DeploymentStateRolledBack, types.DeploymentStateReverted:
			return fmt.Errorf("%s: deployment %d was taken back (%s)", c.place, number, out.State)
		}
		if err := pause(ctx, appConfigPause); err != nil {
			return fmt.Errorf("%s: deployment %d is still under way: %w", c.place, number, err)
		}
	}
}

// strategy finds one that deploys at once and is over then: only so can a run stop.
func (c *appConfigClient) strategy(ctx context.Context) (id string, err error) {
	var token *string
	for {
		out, err := c.ListDeploymentStrategies(ctx, &appconfig.ListDeploymentStrategiesInput{NextToken: token})
		if err != nil {
			return "", denied(c.place, "find a deployment strategy for", err, "appconfig:ListDeploymentStrategies")
		}
		for _, s := range out.Items {
			if s.DeploymentDurationInMinutes == 0 && s.FinalBakeTimeInMinutes == 0 && aws.ToFloat32(s.GrowthFactor) == 100 {
				return aws.ToString(s.Id), nil
			}
		}
		if token = out.NextToken; aws.ToString(token) == "" {
			return "", &Refused{Reason: c.place.String() + ": the account has no deployment strategy that deploys at once and without a bake time, so that a run could not be stopped",
				Tip: "make one: aws appconfig create-deployment-strategy --name firedrill --deployment-duration-in-minutes 0 --growth-factor 100 --final-bake-time-in-minutes 0 --replicate-to NONE"}
		}
	}
}

// discard deletes a version of ours that is not deployed any more. One that cannot be deleted does no harm.
func (c *appConfigClient) discard(ctx context.Context, old deployed, instead int32) {
	if old.ours && old.version != instead {
		_, _ = c.DeleteHostedConfigurationVersion(ctx, &appconfig.DeleteHostedConfigurationVersionInput{ApplicationId: &c.application, ConfigurationProfileId: &c.profile, VersionNumber: &old.version})
	}
}

// between finds what somebody else deployed of this profile after one deployment and before another, and which that
// other one covers.
func (c *appConfigClient) between(ctx context.Context, last, number int32) (theirs deployed, covered bool, err error) {
	for n := number - 1; n > last; n-- {
		d, err := c.deployment(ctx, n)
		if err != nil {
			return theirs, false, err
		}
		if aws.ToString(d.ConfigurationProfileId) == c.profile && d.State == types.DeploymentStateComplete {
			theirs, err = c.content(ctx, deployed{last: number}, aws.ToString(d.ConfigurationVersion))
			return theirs, err == nil, err
		}
	}
	return theirs, false, nil
}
