package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// ErrNotRehearsed says that nothing shows whether a fault set could be put back, but doing it.
var ErrNotRehearsed = errors.New("not rehearsed")

// A rehearsing store can show that its documents could be put back: it asks for a write on a condition that cannot hold. AWS looks at
// permissions before it looks at conditions, so the answer that the condition does not hold means that the write is allowed.
type rehearsing interface {
	rehearse(ctx context.Context, now snapshot) error
}

// Rehearse shows, without changing anything, that the fault set could be put back. It is ErrNotRehearsed where that would have an effect.
func (a *FaultSet) Rehearse(ctx context.Context) error {
	s, err := a.factory.open(a.place, a.params.Run)
	if err != nil {
		return err
	}
	r, ok := s.(rehearsing)
	if !ok {
		return ErrNotRehearsed
	}
	now, err := s.read(ctx)
	if err != nil {
		return err
	}
	return r.rehearse(ctx, now)
}

// emptySet is what would be written if a condition should hold after all: a fault set without faults.
const emptySet = "{}"

// rehearse asks for a new parameter of a name that is taken. What would be deleted, or encrypted, is not rehearsed: no condition guards
// that.
func (s ssmStore) rehearse(ctx context.Context, now snapshot) error {
	if !now.exists || now.secret {
		return ErrNotRehearsed
	}
	api, err := s.client(ctx)
	if err != nil {
		return err
	}
	_, err = api.PutParameter(ctx, &ssm.PutParameterInput{Name: &s.place.Name, Value: aws.String(emptySet), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(false)})
	var taken *ssmtypes.ParameterAlreadyExists
	if errors.As(err, &taken) {
		return nil
	}
	if err != nil {
		return denied(s.place, "rehearse a write to", err, "ssm:PutParameter")
	}
	_, err = api.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &s.place.Name}) // somebody removed it at this moment, and this made it anew
	return errors.Join(fmt.Errorf("%s was removed by somebody else at this moment", s.place), err)
}

// impossibleTag is the ETag of no object.
const impossibleTag = `"firedrill-rehearsal"`

// rehearse asks for a new object in the place of the one that is there or, where there is none, for the deletion of one that cannot be.
func (s s3Store) rehearse(ctx context.Context, now snapshot) error {
	api, err := s.client(ctx)
	if err != nil {
		return err
	}
	bucket, key := s.names()
	if !now.exists {
		_, err := api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: aws.String(impossibleTag)})
		if overtaken(err) {
			return nil
		}
		return denied(s.place, "rehearse the deletion of", err, "s3:DeleteObject")
	}
	out, err := api.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(emptySet), IfNoneMatch: aws.String("*")})
	if overtaken(err) {
		return nil
	}
	if err != nil {
		return denied(s.place, "rehearse a write to", err, "s3:PutObject")
	}
	_, err = api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: out.ETag}) // as above
	return errors.Join(fmt.Errorf("%s was removed by somebody else at this moment", s.place), err)
}

// impossibleRevision is the revision of no function.
const impossibleRevision = "00000000-0000-0000-0000-000000000000"

// rehearse asks for a change of a revision that the function does not have. The change itself is none.
func (s envStore) rehearse(ctx context.Context, _ snapshot) error {
	if s.api == nil {
		return noAccess(s.place, "Lambda")
	}
	_, err := s.api.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &s.place.Function, RevisionId: aws.String(impossibleRevision)})
	var stale *lambdatypes.PreconditionFailedException
	var busy *lambdatypes.ResourceConflictException
	if err == nil || errors.As(err, &stale) || errors.As(err, &busy) {
		return nil
	}
	return denied(s.place, "rehearse a change of", err, "lambda:UpdateFunctionConfiguration")
}

// rehearse makes a file beside the fault set and removes it again, as every write does.
func (s fileStore) rehearse(ctx context.Context, _ snapshot) error {
	dir := filepath.Dir(s.path)
	unlock, err := lockFolder(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fault set %s: its folder is %w", s.path, errGone)
	}
	if err != nil {
		return fmt.Errorf("fault set %s: wait for another writer: %w", s.path, err)
	}
	defer unlock()
	f, err := os.CreateTemp(dir, s.temporary())
	if err != nil {
		return &Refused{Reason: fmt.Sprintf("fault set %s could not be written", s.path), Err: err, Tip: "its folder must be writable for whoever runs the experiment"}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
