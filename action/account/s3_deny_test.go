package account

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// A policy as somebody has typed it: it must come back to the letter.
const typedPolicy = `{
  "Version": "2012-10-17",   "Id": "shop",
  "Statement": [
    {"Sid": "Reports", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["ACTION"],
     "Resource": "RESOURCE"}
  ]
}`

func typed(action, resource string) string {
	return strings.NewReplacer("ACTION", action, "RESOURCE", resource).Replace(typedPolicy)
}

// withStatement is what a program makes of a policy that adds a statement of its own.
func withStatement(t *testing.T, policy, action, resource string) string {
	t.Helper()
	if policy == "" {
		policy = noPolicy
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		t.Fatal(err)
	}
	list, ok := doc["Statement"].([]any)
	if !ok {
		list = []any{doc["Statement"]}
	}
	doc["Statement"] = append(list, map[string]any{"Sid": "Theirs", "Effect": "Allow", "Principal": map[string]string{"AWS": "*"}, "Action": action, "Resource": resource})
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

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
	const name, arn = "shop-invoices", "arn:aws:s3:::shop-invoices"
	read := func(t *testing.T, w world) string {
		t.Helper()
		out, err := bucketClient(w).GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String(name)})
		if hasCode(err, "NoSuchBucketPolicy") {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		return *out.Policy
	}
	put := func(t *testing.T, w world, policy string) {
		t.Helper()
		if _, err := bucketClient(w).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(name), Policy: &policy}); err != nil {
			t.Fatal(err)
		}
	}
	bare := func(t *testing.T, w world) {
		t.Helper()
		makeBucket(t, w, name)
		if _, err := bucketClient(w).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(name), Key: aws.String("1.pdf"), Body: strings.NewReader("invoice")}); err != nil {
			t.Fatal(err)
		}
	}
	return fixture{
		kind: "s3-deny", target: experiment.Target{Resources: []string{name}}, with: fault.Attributes{},
		setup: func(t *testing.T, w world) {
			bare(t, w)
			put(t, w, typed("s3:GetObject", arn+"/reports/*"))
		},
		bare:   bare,
		state:  func(t *testing.T, w world) any { return read(t, w) },
		edit:   func(t *testing.T, w world) { put(t, w, typed("s3:PutObject", arn+"/*")) },
		beside: func(t *testing.T, w world) { put(t, w, withStatement(t, read(t, w), "s3:GetObject", arn+"/theirs/*")) },
		unseen: []string{"s3:DeleteBucketPolicy"},
		api: func(_ *testing.T, w world) http.Handler { // reads the invoice from the bucket, which enforces its policy
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				out, err := bucketClient(w).GetObject(r.Context(), &s3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("1.pdf")})
				if err != nil {
					http.Error(rw, err.Error(), http.StatusBadGateway)
					return
				}
				_ = out.Body.Close()
			})
		},
		exit: 3, // disproved: the application has no answer to it
	}
}
