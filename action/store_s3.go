package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// S3API is what the package needs of S3. *s3.Client has it.
type S3API interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, opts ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error)
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, opts ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

const (
	s3Attempts = 8
	s3Pause    = 100 * time.Millisecond
)

// s3Store keeps a fault set in an object. Each write says which object it replaces, by its ETag, so that S3 refuses
// it if somebody else was faster.
type s3Store struct {
	place   location
	connect func(ctx context.Context, at Service) (S3API, error)
}

// An object is a document with what else a write must say again.
type object struct {
	snapshot
	etag *string
	kept s3.PutObjectInput
	tags int32
}

func (s s3Store) lease(wanted time.Duration) time.Duration { return wanted }

// names are the bucket and the key.
func (s s3Store) names() (bucket, key *string) {
	b, k, _ := strings.Cut(s.place.Name, "/")
	return &b, &k
}

func (s s3Store) client(ctx context.Context) (S3API, error) {
	if s.connect == nil {
		return nil, noAccess(s.place, "S3")
	}
	return s.connect(ctx, s.place.service())
}

func (s s3Store) read(ctx context.Context) (snapshot, error) {
	api, err := s.client(ctx)
	if err != nil {
		return snapshot{}, err
	}
	o, err := s.get(ctx, api)
	return o.snapshot, err
}

func (s s3Store) get(ctx context.Context, api S3API) (object, error) {
	bucket, key := s.names()
	out, err := api.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return object{}, nil
	}
	if err != nil {
		return object{}, denied(s.place, "read", err, "s3:GetObject and, to tell a missing object from a forbidden one, s3:ListBucket")
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, readLimit+1))
	if err != nil {
		return object{}, fmt.Errorf("read %s: %w", s.place, err)
	}
	switch {
	case len(data) > readLimit:
		return object{}, &Refused{Reason: fmt.Sprintf("%s is larger than %d bytes", s.place, readLimit), Tip: "no fault set is: is this the right object?"}
	case out.ObjectLockMode != "" || out.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn:
		return object{}, &Refused{Reason: s.place.String() + " is locked: a new version of it would not be", Tip: "keep fault sets where objects are not locked"}
	case out.ETag == nil:
		return object{}, fmt.Errorf("read %s: the answer has no ETag", s.place)
	}
	return object{snapshot: snapshot{data: data, exists: true}, etag: out.ETag, kept: keptOf(out), tags: aws.ToInt32(out.TagCount)}, nil
}

// keptOf is what S3 would forget of an object that is written without saying it again.
func keptOf(out *s3.GetObjectOutput) s3.PutObjectInput {
	in := s3.PutObjectInput{
		CacheControl: out.CacheControl, ContentDisposition: out.ContentDisposition, ContentEncoding: out.ContentEncoding,
		ContentLanguage: out.ContentLanguage, ContentType: out.ContentType, Metadata: out.Metadata, StorageClass: out.StorageClass,
		ServerSideEncryption: out.ServerSideEncryption, SSEKMSKeyId: out.SSEKMSKeyId, BucketKeyEnabled: out.BucketKeyEnabled,
		WebsiteRedirectLocation: out.WebsiteRedirectLocation,
	}
	if at, err := http.ParseTime(aws.ToString(out.ExpiresString)); err == nil {
		in.Expires = &at
	}
	return in
}

func (s s3Store) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	api, err := s.client(ctx)
	if err != nil {
		return err
	}
	for range s3Attempts {
		now, err := s.get(ctx, api)
		if err != nil {
			return err
		}
		next, write, err := change(now.snapshot)
		if err != nil || !write || !now.exists && !next.exists {
			return err
		}
		if err = s.replace(ctx, api, now, next); !overtaken(err) {
			return denied(s.place, "write", err, "s3:PutObject and s3:DeleteObject")
		}
		if err := pause(ctx, s3Pause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: others write it all the time: gave up after %d attempts", s.place, s3Attempts)
}

// overtaken says that a write was refused because the object is not the one that was read.
func overtaken(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey":
		return true
	}
	return false
}

// replace writes or removes the object if it is still the one that was read.
func (s s3Store) replace(ctx context.Context, api S3API, now object, next snapshot) error {
	bucket, key := s.names()
	if !next.exists {
		_, err := api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, IfMatch: now.etag})
		return err
	}
	if err := s.fits(ctx, next); err != nil {
		return err
	}
	in := now.kept
	in.Bucket, in.Key, in.Body = bucket, key, bytes.NewReader(next.data)
	if now.exists {
		in.IfMatch = now.etag
	} else {
		in.IfNoneMatch, in.ContentType = aws.String("*"), aws.String("application/json")
	}
	if now.tags > 0 {
		tags, err := api.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: key})
		if err != nil {
			return denied(s.place, "read the tags of", err, "s3:GetObjectTagging and s3:PutObjectTagging")
		}
		in.Tagging = aws.String(encodeTags(tags.TagSet))
	}
	_, err := api.PutObject(ctx, &in)
	return err
}

func encodeTags(tags []types.Tag) string {
	query := url.Values{}
	for _, tag := range tags {
		query.Add(aws.ToString(tag.Key), aws.ToString(tag.Value))
	}
	return query.Encode()
}

// fits implements bounded.
func (s s3Store) fits(_ context.Context, next snapshot) error { return readable(s.place, next) }
