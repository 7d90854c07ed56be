package awsfault

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/ec2query"
	awsxml "github.com/aws/aws-sdk-go-v2/aws/protocol/xml"

	"github.com/firedrill-dev/firedrill/fault"
)

// What no client of the other tests reads, the SDK's own readers of those protocols read.
func TestXMLErrors(t *testing.T) {
	request := &http.Request{Method: http.MethodPost, Header: http.Header{}}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, test := range []struct {
		service, word string
		header        http.Header
		status        int
		code          string
	}{
		{"ec2", fault.AWSThrottling, form, 503, "RequestLimitExceeded"},
		{"ec2", fault.AWSAccessDenied, form, 403, "UnauthorizedOperation"},
		{"iam", fault.AWSAccessDenied, form, 403, "AccessDenied"},
		{"route53", fault.AWSThrottling, http.Header{}, 400, "Throttling"},
		{"cloudfront", "NoSuchDistribution", http.Header{}, 404, "NoSuchDistribution"},
	} {
		e := resolve(test.service, protocolOf(test.service, test.header), fault.Injection{ErrorType: test.word, ErrorMessage: "a < b"})
		response := e.response(request)
		var code, message string
		if test.service == "ec2" {
			got, err := ec2query.GetErrorResponseComponents(response.Body)
			if err != nil {
				t.Error(err)
			}
			code, message = got.Code, got.Message
		} else {
			got, err := awsxml.GetErrorResponseComponents(response.Body, false)
			if err != nil {
				t.Error(err)
			}
			code, message = got.Code, got.Message
		}
		if code != test.code || message != "a < b" || response.StatusCode != test.status {
			t.Errorf("%s %s: %d %s %q", test.service, test.word, response.StatusCode, code, message)
		}
	}
}

// RFC 8949, appendix A, has these heads.
func TestCBORHeads(t *testing.T) {
	for n, want := range map[int]string{0: "\x60", 23: "\x77", 24: "\x78\x18", 255: "\x78\xff", 256: "\x79\x01\x00", 65536: "\x7a\x00\x01\x00\x00"} {
		if got := cborMap(strings.Repeat("x", n), ""); !strings.HasPrefix(got, "\xa1"+want) {
			t.Errorf("%d: %x", n, got[:min(len(got), 8)])
		}
	}
}

// Every word means something to every service and protocol.
func TestWords(t *testing.T) {
	for _, p := range []protocol{awsJSON, restJSON, cborRPC, query, ec2Query, restXML, s3XML} {
		for service := range words() {
			for _, word := range []string{fault.AWSThrottling, fault.AWSAccessDenied, fault.AWSInternal, fault.AWSUnavailable, fault.AWSRequestTimeout} {
				a, ok := lookup(service, p, word)
				if !ok || a.status < 400 {
					t.Errorf("%s of %q: %+v", word, service, a)
				}
			}
		}
	}
}
