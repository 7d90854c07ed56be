package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/action"
)

// An assumption is a role of another account, and the run for which it is assumed.
type assumption struct{ arn, externalID, run string }

// account is the number of the account that the role is in; empty without a role.
func (a assumption) account() string {
	role, err := arn.Parse(a.arn)
	if err != nil {
		return ""
	}
	return role.AccountID
}

// tagRun is the session tag that names the run, so that the account's own log tells whose doing it was.
const tagRun = "firedrill-run"

const (
	// sessionTime is the longest that every role allows, even to a session of another role (AWS STS API reference,
	// "AssumeRole", DurationSeconds): an undo must not fail because the own credentials have run out meanwhile.
	sessionTime = time.Hour
	// sessionMargin is how long before its end a session is renewed, so that no call is under way then, and clocks may differ.
	sessionMargin = 2 * time.Minute
)

// assume gives the credentials of the role. They renew themselves, so that an undo hours later has them, too.
func (s *services) assume(ctx context.Context) (aws.CredentialsProvider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.assumed != nil {
		return s.assumed, nil
	}
	at, err := (&services{getenv: s.getenv, region: s.region}).homeOfTokens(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := s.ownConfig(ctx, "sts", at)
	if err != nil {
		return nil, err
	}
	provider := aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), s.role.arn, func(o *stscreds.AssumeRoleOptions) {
		o.Duration = sessionTime
		o.RoleSessionName = "firedrill-" + s.role.run
		o.Tags = []ststypes.Tag{{Key: aws.String(tagRun), Value: aws.String(s.role.run)}}
		if s.role.externalID != "" {
			o.ExternalID = aws.String(s.role.externalID)
		}
	}), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = sessionMargin })
	if _, err := provider.Retrieve(ctx); err != nil {
		return nil, s.role.refused(err)
	}
	s.assumed = provider
	return provider, nil
}

// homeOfTokens is where credentials are exchanged; the account does not matter.
func (s *services) homeOfTokens(ctx context.Context) (action.Service, error) {
	at, err := s.home(ctx, "sts")
	at.Account = ""
	return at, err
}

// refused says why a role could not be assumed, and what its owner must allow.
func (a assumption) refused(err error) error {
	f := &failure{code: exitUsage, err: fmt.Errorf("assume the role %s: %w", a.arn, err)}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "AccessDenied" {
		f.hint = "its trust policy must allow you sts:AssumeRole and sts:TagSession, with the external id if it asks for one: firedrill policy FILE --for trust:NAME; and your own policy both of them on the role"
	}
	return f
}
