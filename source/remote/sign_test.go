package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

const suiteToken = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

// The signatures are those that AWS publishes: its Signature Version 4 test suite, and "Signature Calculations
// for the Authorization Header" of the S3 API reference.
func TestSignAgainstPublishedVectors(t *testing.T) {
	suite := keys{id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	withToken := suite
	withToken.token = suiteToken
	reference := keys{id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	suiteTime, referenceTime := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, method, address, service string
		fields                         http.Header
		body                           string
		keys                           keys
		at                             time.Time
		want                           string
	}{
		{"get-vanilla", "GET", "https://example.amazonaws.com/", "service", nil, "", suite, suiteTime,
			"host;x-amz-date 5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "https://example.amazonaws.com/", "service", nil, "", suite, suiteTime,
			"host;x-amz-date 5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-sts-header-before", "POST", "https://example.amazonaws.com/", "service", nil, "", withToken, suiteTime,
			"host;x-amz-date;x-amz-security-token 85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
		{"post-x-www-form-urlencoded", "POST", "https://example.amazonaws.com/", "service",
			http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "Param1=value1", suite, suiteTime,
			"content-type;host;x-amz-date ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"S3: GET Object", "GET", "https://examplebucket.s3.amazonaws.com/test.txt", "s3",
			http.Header{"Range": {"bytes=0-9"}}, "", reference, referenceTime,
			"host;range;x-amz-content-sha256;x-amz-date f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"S3: PUT Object", "PUT", "https://examplebucket.s3.amazonaws.com/test%24file.text", "s3",
			http.Header{"Date": {"Fri, 24 May 2013 00:00:00 GMT"}, "X-Amz-Storage-Class": {"REDUCED_REDUNDANCY"}}, "Welcome to Amazon S3.", reference, referenceTime,
			"date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class 98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, c.address, nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range c.fields {
				r.Header[name] = values
			}
			(&service{name: c.service, region: "us-east-1"}).sign(r, []byte(c.body), c.keys, c.at)
			names, signature, _ := strings.Cut(c.want, " ")
			want := "AWS4-HMAC-SHA256 Credential=" + c.keys.id + "/" + c.at.Format("20060102") + "/us-east-1/" + c.service +
				"/aws4_request, SignedHeaders=" + names + ", Signature=" + signature
			if got := r.Header.Get("Authorization"); got != want {
				t.Errorf("\n%s, want\n%s", got, want)
			}
		})
	}
}

// Any key of S3, signed by us and by AWS's own library.
func TestSignAsAWSDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(1, 40, -1).Draw(t, "key")
		token := rapid.SampledFrom([]string{"", "session/token=="}).Draw(t, "token")
		etag := rapid.SampledFrom([]string{"", `"abc"`, `W/"a  b"`}).Draw(t, "etag")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		path := "/" + key
		ours, theirs := request(t, path, etag), request(t, path, etag)
		(&service{name: "s3", region: "eu-west-1"}).sign(ours, nil, keys{"id", "secret", token}, at)

		empty := sha256.Sum256(nil)
		payload := hex.EncodeToString(empty[:])
		theirs.Header.Set("X-Amz-Content-Sha256", payload)
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret", SessionToken: token},
			theirs, payload, "s3", "eu-west-1", at); err != nil {
			t.Fatal(err)
		}
		if got, want := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); got != want {
			t.Fatalf("%q:\n%s, want\n%s", key, got, want)
		}
	})
}

func request(t *rapid.T, path, etag string) *http.Request {
	r, err := http.NewRequest("GET", (&url.URL{Scheme: "https", Host: "b.example", Path: path, RawPath: encodePath(path)}).String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	return r
}
