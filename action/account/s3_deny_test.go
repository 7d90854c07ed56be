package account

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func bucketClient(w world) *s3.Client {
	return s3.NewFromConfig(w.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// makeBucket makes an empty bucket. Their names are the same for all accounts: the one of a test before goes.
func makeBucket(t *testing.T, w world, name string) {
	t.Helper()
	if owner, ok := w.stand.buckets.Swap(name, w); ok {
		dropBucket(t, owner.(world), name)
	}
	if _, err := bucketClient(w).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: moto.Region}}); err != nil {
		t.Fatal(err)
	}
}

func dropBucket(t *testing.T, w world, name string) {
	t.Helper()
	api := bucketClient(w)
	_, err := api.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	list, err := api.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Contents {
		if _, err := api.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: o.Key}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
}

func bucketFixture() fixture {
	const name = "shop-invoices"
	f := policyHome{
		arn: func(world) string { return "arn:aws:s3:::" + name + "/*" }, action: "s3:GetObject",
		make: func(t *testing.T, w world) {
			makeBucket(t, w, name)
			if _, err := bucketClient(w).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("1.pdf"), Body: strings.NewReader("invoice")}); err != nil {
				t.Fatal(err)
			}
		},
		read: func(t *testing.T, w world) string {
			out, err := bucketClient(w).GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String(name)})
			if hasCode(err, "NoSuchBucketPolicy") {
				return ""
			}
			if err != nil {
				t.Fatal(err)
			}
			return *out.Policy
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := bucketClient(w).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(name), Policy: &policy}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("s3-deny", name, fault.Attributes{})
	f.unseen = []string{"s3:DeleteBucketPolicy"}
	f.api = func(_ *testing.T, w world) http.Handler { // reads the invoice from the bucket, which enforces its policy
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			out, err := bucketClient(w).GetObject(r.Context(), &s3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("1.pdf")})
			if err != nil {
				http.Error(rw, err.Error(), http.StatusBadGateway)
				return
			}
			_ = out.Body.Close()
		})
	}
	f.exit = 3 // disproved: the application has no answer to it
	return f
}
