package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// bucketCORSAPI is what the kind needs of Amazon S3.
type bucketCORSAPI interface {
	GetBucketCors(ctx context.Context, in *s3.GetBucketCorsInput, opts ...func(*s3.Options)) (*s3.GetBucketCorsOutput, error)
	PutBucketCors(ctx context.Context, in *s3.PutBucketCorsInput, opts ...func(*s3.Options)) (*s3.PutBucketCorsOutput, error)
	DeleteBucketCors(ctx context.Context, in *s3.DeleteBucketCorsInput, opts ...func(*s3.Options)) (*s3.DeleteBucketCorsOutput, error)
}

// s3CORS lets browsers refuse what pages of other origins load from a bucket, or send to it.
func s3CORS() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "s3-cors", Doc: "Break a bucket's CORS rules, so that browsers refuse to use it from other origins",
				Attributes: []fault.Attribute{{Name: "origin", Type: fault.TypeText, Doc: "the only origin that every rule allows meanwhile; default: all rules are removed"}},
			},
			Target: bucket(),
			Check:  checkOrigin,
		},
		service: "s3",
		open: func(cfg aws.Config) change {
			return bucketCORS(s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil }), partition(cfg.Region))
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{"s3:GetBucketCORS", "s3:PutBucketCORS"}}}
		},
	}
}

// checkOrigin judges the origin that a fault on CORS puts in place of others.
func checkOrigin(with fault.Attributes) []fault.Problem {
	origin, given := with["origin"].(string)
	if given && (!strings.Contains(origin, "://") || strings.Contains(origin, "*")) {
		return []fault.Problem{{Field: "origin", Value: origin, Message: "is not an origin", Hint: "such as https://nobody.example"}}
	}
	return nil
}

// bucketCORS are a bucket's CORS rules; none: there is no configuration of them.
func bucketCORS(api bucketCORSAPI, partition string) setting[[]types.CORSRule] {
	read := func(ctx context.Context, id string) ([]types.CORSRule, error) {
		name := bucketName(id)
		out, err := api.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: &name})
		switch {
		case hasCode(err, "NoSuchCORSConfiguration"):
			return nil, nil
		case hasCode(err, "PermanentRedirect", "MovedPermanently", "301"):
			return nil, &action.Refused{Reason: "bucket " + name + " is in another region", Err: err, Tip: "say it in the target: region: REGION"}
		case err != nil:
			return nil, explain("bucket "+name+": read its CORS rules", err, "NoSuchBucket")
		case len(out.CORSRules) == 0:
			return nil, nil
		}
		return out.CORSRules, nil
	}
	return setting[[]types.CORSRule]{
		what: "CORS rules",
		lookup: func(ctx context.Context, name string) (string, error) {
			_, err := read(ctx, name)
			if errors.Is(err, errGone) {
				return "", missing("bucket", bucketName(name), "Amazon S3", nil)
			}
			return "arn:" + partition + ":s3:::" + bucketName(name), err
		},
		read: read,
		want: func(now []types.CORSRule, o order) ([]types.CORSRule, error) {
			origin, ok := o.With["origin"].(string)
			if !ok {
				return nil, nil
			}
			after := slices.Clone(now)
			for i := range after {
				after[i].AllowedOrigins = []string{origin}
			}
			return after, nil
		},
		write: func(ctx context.Context, id string, _, to []types.CORSRule) error {
			name := bucketName(id)
			var err error
			if len(to) == 0 {
				_, err = api.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: &name})
			} else {
				_, err = api.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &name, CORSConfiguration: &types.CORSConfiguration{CORSRules: to}})
			}
			return explain("bucket "+name+": change its CORS rules", err, "NoSuchBucket")
		},
		take: takeCORS,
		say: func(before, after []types.CORSRule) (string, string) {
			undo := fmt.Sprintf("put back the %d CORS rules that are there now", len(before))
			if len(after) == 0 {
				return "remove all CORS rules", undo
			}
			return "allow only " + after[0].AllowedOrigins[0] + " in every CORS rule", undo
		},
		eventual: true, // Amazon S3 user guide, "Amazon S3 data consistency model": so are configurations of buckets
	}
}

// takeCORS puts back each rule that is as we have made it. If all were removed, whoever has written some since has written
// the rules as they shall be.
func takeCORS(now, before, after []types.CORSRule) (next []types.CORSRule, drift string) {
	if len(now) == 0 && len(after) == 0 {
		return before, ""
	}
	next = slices.Clone(now)
	mended := 0
	for i, broken := range after {
		at := slices.IndexFunc(next, func(r types.CORSRule) bool { return text(r) == text(broken) })
		if at >= 0 {
			next[at] = before[i]
			mended++
		}
	}
	if mended < len(before) && text(next) != text(before) {
		return next, "its CORS rules were changed to " + text(now)
	}
	return next, ""
}
