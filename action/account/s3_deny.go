package account

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// bucketPolicyAPI is what the kind needs of Amazon S3.
type bucketPolicyAPI interface {
	GetBucketPolicy(ctx context.Context, in *s3.GetBucketPolicyInput, opts ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	PutBucketPolicy(ctx context.Context, in *s3.PutBucketPolicyInput, opts ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error)
	DeleteBucketPolicy(ctx context.Context, in *s3.DeleteBucketPolicyInput, opts ...func(*s3.Options)) (*s3.DeleteBucketPolicyOutput, error)
}

// s3Deny denies the use of a bucket by a statement in its policy.
func s3Deny() kind {
	undo := []string{"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}
	objects := []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
	k := denialKind("s3-deny", "Deny the use of a bucket by its policy", bucket(), append(objects, "s3:ListBucket"), undo)
	k.Attributes = append(k.Attributes, fault.Attribute{Name: "keys", Type: fault.TypeTexts, Doc: "objects that are denied, with * and ? as wildcards, such as orders/*; default: all, and the bucket itself"})
	actions := k.Check
	k.Check = func(with fault.Attributes) []fault.Problem { return append(actions(with), checkKeys(with)...) }
	k.open = func(cfg aws.Config) change {
		at := partition(cfg.Region)
		return bucketDenial(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }), at, objects).setting()
	}
	k.needs = func(id string) []action.Permission {
		return []action.Permission{{Resources: []string{id}, Actions: undo}}
	}
	return k
}

// checkKeys finds actions on the whole bucket where only some keys are denied.
func checkKeys(with fault.Attributes) []fault.Problem {
	var out []fault.Problem
	for _, name := range texts(with, "actions") {
		if len(texts(with, "keys")) > 0 && strings.Contains(name, "Bucket") {
			out = append(out, fault.Problem{Field: "keys", Message: "does not go with " + name + ", which is about the whole bucket", Hint: "leave one of them out"})
		}
	}
	return out
}

func bucketDenial(api bucketPolicyAPI, at string, objects []string) denial {
	read := func(ctx context.Context, name string) (policy string, err error) {
		out, err := api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &name})
		switch {
		case hasCode(err, "NoSuchBucketPolicy"):
			return "", nil
		case hasCode(err, "PermanentRedirect", "MovedPermanently", "301"):
			return "", &action.Refused{Reason: "bucket " + name + " is in another region", Err: err, Tip: "say it in the target: region: REGION"}
		case err != nil:
			return "", explain("bucket "+name+": read its policy", err, "NoSuchBucket")
		}
		return aws.ToString(out.Policy), nil
	}
	return denial{
		what: "bucket policy",
		lookup: func(ctx context.Context, name string) (string, error) {
			name = bucketName(name)
			_, err := read(ctx, name)
			if errors.Is(err, errGone) {
				return "", missing("bucket", name, "Amazon S3", nil)
			}
			return "arn:" + at + ":s3:::" + name, err
		},
		read: func(ctx context.Context, id string) (string, string, error) {
			policy, err := read(ctx, bucketName(id))
			return policy, "", err
		},
		write: func(ctx context.Context, id, policy, _ string) error {
			var err error
			if name := bucketName(id); policy == "" {
				_, err = api.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &name})
			} else {
				_, err = api.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
			}
			return explain("bucket "+bucketName(id)+": change its policy", err, "NoSuchBucket")
		},
		deny: func(o order) statement {
			keys := texts(o.With, "keys")
			if len(keys) == 0 {
				return deniedBy(o, append(objects, "s3:ListBucket"), []string{o.ID, o.ID + "/*"})
			}
			var within []string
			for _, key := range keys {
				within = append(within, o.ID+"/"+key)
			}
			return deniedBy(o, objects, within)
		},
		limits: policyLimits{size: 20 << 10, spaces: true, source: `Amazon S3 user guide, "Bucket policies": at most 20 KB`},
	}
}

// bucket is the target of faults on buckets.
func bucket() experiment.Resource {
	return experiment.Resource{Key: "bucket", Doc: "An S3 bucket, by name or ARN", Tagged: "s3", CloudFormation: "AWS::S3::Bucket"}
}

// bucketName is the name in an ARN, or the name itself.
func bucketName(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }

// partition is the part of AWS that a region belongs to, as ARNs have it.
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
