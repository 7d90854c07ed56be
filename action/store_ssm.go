package action

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// SSMAPI is what the package needs of SSM Parameter Store. *ssm.Client has it.
type SSMAPI interface {
	GetParameter(ctx context.Context, in *ssm.GetParameterInput, opts ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	GetParameterHistory(ctx context.Context, in *ssm.GetParameterHistoryInput, opts ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error)
	PutParameter(ctx context.Context, in *ssm.PutParameterInput, opts ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameter(ctx context.Context, in *ssm.DeleteParameterInput, opts ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

const (
	// ssmLease is long because every write makes a version, and Parameter Store keeps a hundred of them.
	ssmLease = time.Minute
	// ssmSecretLease is longer, because the original of a secret parameter must not leave its history.
	ssmSecretLease = 5 * time.Minute
	ssmVersions    = 100 // that Parameter Store keeps
	ssmReserve     = 10  // of those, for writes of others

	ssmAttempts = 8
	ssmPause    = 100 * time.Millisecond
	ssmHistory  = 50 // versions on a page, the most there can be

	ssmStandard, ssmAdvanced = 4 << 10, 8 << 10 // bytes that a parameter of a tier holds
)

// ssmStore keeps a fault set in a parameter. Parameter Store knows no condition for a write, but it numbers the
// versions without a gap and keeps what was overwritten: a write whose number is not the next one has somebody
// else's under it, and that one is taken from the history and merged at once.
type ssmStore struct {
	place   location
	connect func(ctx context.Context, at Service) (SSMAPI, error)
}

// A parameter is one version of a parameter. Its version is 0 if there is none.
type parameter struct {
	snapshot
	version int64
}

func (s ssmStore) lease(wanted time.Duration) time.Duration {
	if s.place.Secret {
		return max(wanted, ssmSecretLease)
	}
	return max(wanted, ssmLease)
}

// recall implements recaller.
func (s ssmStore) recall(ctx context.Context, ref string) (snapshot, error) {
	api, err := s.client(ctx)
	if err != nil {
		return snapshot{}, err
	}
	p, err := s.get(ctx, api, s.place.Name+":"+ref)
	return p.snapshot, err
}

// keeps implements recaller.
func (s ssmStore) keeps(ref string, now snapshot) bool {
	first, err := strconv.Atoi(ref)
	last, err2 := strconv.Atoi(now.ref)
	return errors.Join(err, err2) == nil && last-first < ssmVersions-ssmReserve
}

func (s ssmStore) read(ctx context.Context) (snapshot, error) {
	api, err := s.client(ctx)
	if err != nil {
		return snapshot{}, err
	}
	p, err := s.get(ctx, api, s.place.Name)
	return p.snapshot, err
}

func (s ssmStore) client(ctx context.Context) (SSMAPI, error) {
	if s.connect == nil {
		return nil, noAccess(s.place, "SSM")
	}
	return s.connect(ctx, s.place.service())
}

// get reads the newest version, or the one that name ends with.
func (s ssmStore) get(ctx context.Context, api SSMAPI, name string) (parameter, error) {
	out, err := api.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return parameter{}, nil
	}
	if err != nil {
		return parameter{}, denied(s.place, "read", err, "ssm:GetParameter, and kms:Decrypt for a SecureString")
	}
	if out.Parameter == nil || out.Parameter.Value == nil {
		return parameter{}, fmt.Errorf("%s: the answer has no value", s.place)
	}
	return parameter{snapshot{
		data: []byte(*out.Parameter.Value), exists: true,
		ref: strconv.FormatInt(out.Parameter.Version, 10), secret: out.Parameter.Type == types.ParameterTypeSecureString,
	}, out.Parameter.Version}, nil
}

func (s ssmStore) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	api, err := s.client(ctx)
	if err != nil {
		return err
	}
	for range ssmAttempts {
		base, err := s.get(ctx, api, s.place.Name)
		if err != nil {
			return err
		}
		done, err := s.replace(ctx, api, base, change)
		if done || err != nil {
			return err
		}
		if err := pause(ctx, ssmPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: others write it all the time: gave up after %d attempts", s.place, ssmAttempts)
}

// replace makes one attempt from what was read; not done means that the parameter appeared or disappeared
// meanwhile.
func (s ssmStore) replace(ctx context.Context, api SSMAPI, base parameter, change func(snapshot) (snapshot, bool, error)) (done bool, err error) {
	next, write, err := change(base.snapshot)
	switch {
	case err != nil || !write:
		return true, err
	case !base.exists && !next.exists:
		return true, nil
	case !base.exists:
		return s.create(ctx, api, next)
	case !next.exists:
		return true, s.remove(ctx, api)
	}
	kept, err := s.properties(ctx, api)
	if err != nil {
		return true, err
	}
	var failure error
	for top := base.version; ; {
		version, err := s.put(ctx, api, kept, next)
		if err != nil || version == top+1 {
			return true, errors.Join(failure, err)
		}
		if version == 1 { // it was removed meanwhile, and this write brought it back
			return false, s.remove(ctx, api)
		}
		theirs, err := s.overwritten(ctx, api, version-1)
		if err != nil {
			return true, err
		}
		top = version
		if next, write, failure = change(theirs); failure != nil || !write {
			next = theirs // theirs stays: it only has to be put on top again
		} else if !next.exists {
			return true, s.remove(ctx, api)
		}
	}
}

// overwritten reads what somebody else wrote and a write of ours covered.
func (s ssmStore) overwritten(ctx context.Context, api SSMAPI, version int64) (snapshot, error) {
	p, err := s.get(ctx, api, fmt.Sprintf("%s:%d", s.place.Name, version))
	if err == nil && !p.exists {
		err = errors.New("there is no such version")
	}
	if err != nil {
		return snapshot{}, fmt.Errorf("%s: somebody else wrote version %d at the same time, and it could not be read for merging: %w", s.place, version, err)
	}
	return p.snapshot, nil
}

// create makes the parameter, unless somebody else did.
func (s ssmStore) create(ctx context.Context, api SSMAPI, next snapshot) (done bool, err error) {
	if err := s.size(next, types.ParameterTierStandard); err != nil {
		return true, err
	}
	_, err = api.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &s.place.Name, Value: aws.String(string(next.data)), Type: types.ParameterTypeString, Overwrite: aws.Bool(false),
	})
	var there *types.ParameterAlreadyExists
	if errors.As(err, &there) {
		return false, nil
	}
	return true, s.unwritten(err)
}

func (s ssmStore) remove(ctx context.Context, api SSMAPI) error {
	_, err := api.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &s.place.Name})
	var missing *types.ParameterNotFound
	if err == nil || errors.As(err, &missing) {
		return nil
	}
	return denied(s.place, "remove", err, "ssm:DeleteParameter")
}

// properties reads what a write must name again, or it would be lost: the newest version's tier, key, pattern.
func (s ssmStore) properties(ctx context.Context, api SSMAPI) (types.ParameterHistory, error) {
	var newest types.ParameterHistory
	var token *string
	for {
		out, err := api.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: &s.place.Name, WithDecryption: aws.Bool(false), MaxResults: aws.Int32(ssmHistory), NextToken: token})
		if err != nil {
			return newest, denied(s.place, "read the properties of", err, "ssm:GetParameterHistory")
		}
		for _, p := range out.Parameters {
			if p.Version >= newest.Version {
				newest = p
			}
		}
		if token = out.NextToken; aws.ToString(token) == "" {
			return newest, nil
		}
	}
}

// put writes a new version with the properties of the old one.
func (s ssmStore) put(ctx context.Context, api SSMAPI, kept types.ParameterHistory, next snapshot) (version int64, err error) {
	if err := s.size(next, kept.Tier); err != nil {
		return 0, err
	}
	in := &ssm.PutParameterInput{
		Name: &s.place.Name, Value: aws.String(string(next.data)), Overwrite: aws.Bool(true),
		Tier: kept.Tier, DataType: kept.DataType, Description: kept.Description, AllowedPattern: kept.AllowedPattern,
	}
	if kept.Type == types.ParameterTypeSecureString { // the others' type is kept without being named
		in.Type, in.KeyId = kept.Type, kept.KeyId
	}
	var policies []string
	for _, p := range kept.Policies {
		policies = append(policies, aws.ToString(p.PolicyText))
	}
	if len(policies) > 0 {
		in.Policies = aws.String("[" + strings.Join(policies, ",") + "]")
	}
	out, err := api.PutParameter(ctx, in)
	if err != nil {
		return 0, s.unwritten(err)
	}
	return out.Version, nil
}

// unwritten explains why a write was refused.
func (s ssmStore) unwritten(err error) error {
	var full *types.ParameterMaxVersionLimitExceeded
	if errors.As(err, &full) {
		return &Refused{Reason: fmt.Sprintf("%s: its oldest version has a label, so that there is no room for another version", s.place), Err: err, Tip: "move the label to a newer version: aws ssm label-parameter-version"}
	}
	return denied(s.place, "write", err, "ssm:PutParameter, and kms:Encrypt for a SecureString")
}

// fits implements bounded.
func (s ssmStore) fits(ctx context.Context, next snapshot) error {
	if len(next.data) <= ssmStandard {
		return nil
	}
	api, err := s.client(ctx)
	if err != nil {
		return err
	}
	p, err := s.get(ctx, api, s.place.Name)
	if err != nil || !p.exists {
		return errors.Join(err, s.size(next, types.ParameterTierStandard))
	}
	kept, err := s.properties(ctx, api)
	if err != nil {
		return err
	}
	return s.size(next, kept.Tier)
}

func (s ssmStore) size(next snapshot, tier types.ParameterTier) error {
	limit := ssmStandard
	if tier == types.ParameterTierAdvanced {
		limit = ssmAdvanced
	}
	if len(next.data) <= limit {
		return nil
	}
	return &Refused{Reason: fmt.Sprintf("%s: the fault set would have %d bytes, and a parameter of its tier holds %d", s.place, len(next.data), limit), Tip: "shorten the fault set, make it an advanced parameter, or keep it in S3"}
}
