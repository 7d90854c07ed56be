package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/experiment"
)

// fakeS3 is a bucket with one object.
type fakeS3 struct {
	data      []byte // nil: there is none
	revision  int
	in        s3.PutObjectInput // as it was last written
	tags      string
	locked    types.ObjectLockMode
	calls     *faults
	interfere func() // once, before the next write
}

func (f *fakeS3) etag() *string { return aws.String(fmt.Sprintf(`"%d"`, f.revision)) }

func (f *fakeS3) edit(text string) { f.data = []byte(text); f.revision++ }

func (f *fakeS3) remove() { f.data = nil; f.revision++ }

func (f *fakeS3) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	before, after := f.calls.count()
	if err := errors.Join(before, after); err != nil {
		return nil, err
	}
	if f.data == nil {
		return nil, &types.NoSuchKey{}
	}
	out := &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(f.data)), ETag: f.etag(), ContentType: f.in.ContentType, Metadata: f.in.Metadata,
		CacheControl: f.in.CacheControl, ServerSideEncryption: f.in.ServerSideEncryption, SSEKMSKeyId: f.in.SSEKMSKeyId, ObjectLockMode: f.locked}
	if f.in.Expires != nil {
		out.ExpiresString = aws.String(f.in.Expires.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	}
	if f.tags != "" {
		out.TagCount = aws.Int32(1)
	}
	return out, nil
}

func (f *fakeS3) GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	before, after := f.calls.count()
	key, value, _ := strings.Cut(f.tags, "=")
	return &s3.GetObjectTaggingOutput{TagSet: []types.Tag{{Key: &key, Value: &value}}}, errors.Join(before, after)
}

// condition is what a write demands of the object.
func (f *fakeS3) condition(match, none *string) error {
	if interfere := f.interfere; interfere != nil {
		f.interfere = nil
		interfere()
	}
	switch {
	case match == nil && none == nil:
		return errors.New("a write without a condition")
	case match != nil && f.data == nil:
		return &smithy.GenericAPIError{Code: "NoSuchKey"}
	case match != nil && *match != *f.etag() || none != nil && f.data != nil:
		return &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	return nil
}

func (f *fakeS3) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	before, after := f.calls.count()
	if before != nil {
		return nil, before
	}
	if err := f.condition(in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(in.Body)
	f.in, f.tags = *in, aws.ToString(in.Tagging)
	f.edit(string(data))
	return &s3.PutObjectOutput{ETag: f.etag()}, errors.Join(err, after)
}

func (f *fakeS3) DeleteObject(_ context.Context, in *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	before, after := f.calls.count()
	if before != nil {
		return nil, before
	}
	if err := f.condition(in.IfMatch, nil); err != nil {
		return nil, err
	}
	f.remove()
	return &s3.DeleteObjectOutput{}, after
}

func s3Place(t *testing.T, name, text string, exists bool) place {
	p, _ := s3Fake(t, name, text, exists)
	return p
}

func s3Fake(t *testing.T, name, text string, exists bool) (place, *fakeS3) {
	f := &fakeS3{calls: &faults{}}
	deps := Deps{Lambda: shop("s3://shop/a/faults.json"), Remote: true, S3: func(_ context.Context, at Service) (S3API, error) {
		if at != (Service{Region: "eu-west-1"}) {
			t.Errorf("asked at %+v", at)
		}
		return f, nil
	}}
	p := place{name: name, target: experiment.Target{Lambda: "shop"}, deps: deps, calls: f.calls}
	metadata := map[string]string{"owner": "shop"}
	p.get = func() (string, bool) {
		if exists && f.data != nil && (aws.ToString(f.in.ContentType) != "text/plain" || !maps.Equal(f.in.Metadata, metadata) || f.tags != "team=shop" || aws.ToString(f.in.SSEKMSKeyId) != "k") {
			t.Errorf("a property was changed: %+v", f.in)
		}
		return string(f.data), f.data != nil
	}
	p.set, p.remove = f.edit, f.remove
	if exists {
		f.in = s3.PutObjectInput{ContentType: aws.String("text/plain"), Metadata: metadata, ServerSideEncryption: types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String("k")}
		f.tags = "team=shop"
		f.edit(text)
	}
	return p, f
}

// TestOvertakenObject: a write that somebody else was faster than is refused by S3, and made again on top of theirs.
func TestOvertakenObject(t *testing.T) {
	p, f := s3Fake(t, "s3", ownerText, true)
	a, undo := p.prepared(t, p.factory(), p.latency())
	f.interfere = func() { f.edit(strings.Replace(ownerText, "{", `{"cpu":{"enabled":false},`, 1)) }
	if err := a.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	if text, _ := p.get(); !strings.Contains(text, "cpu") || p.faults(t).Run() != "RUN" {
		t.Errorf("not merged: %s", text)
	}
	f.interfere = f.remove
	var drift *Drift
	if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
		t.Errorf("got %v", err)
	}
	p.is(t, "", false)
}

// TestLockedObject: its lock would not be that of what a run leaves there.
func TestLockedObject(t *testing.T) {
	p, f := s3Fake(t, "s3", "{}", true)
	f.locked = types.ObjectLockModeGovernance
	if _, err := p.action(t, p.factory(), p.latency()).Prepare(t.Context()); hint(err) == "" {
		t.Errorf("got %v", err)
	}
}
