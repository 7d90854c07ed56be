package awsfault_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/awsfault"
)

// empty is an HTTP client that answers {} at once.
type empty struct{}

func (empty) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// BenchmarkCall compares a call without a network, bare and with what a fault set may be: "disabled" is the same
// code as "bare", so that their difference is the noise of the machine.
func BenchmarkCall(b *testing.B) {
	w := &world{}
	document := func(text string) []firedrill.Option {
		return append(w.options(b, text), firedrill.WithLog(io.Discard))
	}
	for _, bench := range []struct {
		name    string
		options []firedrill.Option // nil: not installed
	}{
		{"bare", nil},
		{"disabled", []firedrill.Option{firedrill.WithGetenv(noEnv)}},
		{"nothing armed", document(`{}`)},
		{"another service", document(`{"awscall": {"enabled": true, "service": "s3", "error": "internal"}}`)},
		{"spared", document(`{"awscall": {"enabled": true, "service": "dynamodb", "percentage": 0.000001, "error": "internal"}}`)},
		{"hit", document(`{"awscall": {"enabled": true, "service": "dynamodb", "error": "access-denied"}}`)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: empty{},
				Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", "")}
			if bench.options != nil {
				awsfault.Install(&cfg, bench.options...)
			}
			client := dynamodb.NewFromConfig(cfg)
			in := &dynamodb.GetItemInput{TableName: aws.String("orders"), Key: key(1)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.GetItem(b.Context(), in); (err != nil) != (bench.name == "hit") {
					b.Fatal(err)
				}
			}
		})
	}
}
