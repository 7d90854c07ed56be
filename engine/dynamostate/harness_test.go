package dynamostate

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/firedrill-dev/firedrill/internal/moto"
)

// impatience bounds one attempt: long enough for a busy machine, short enough that a hung one is soon repeated.
const impatience = 3 * time.Second

// newTable makes a table in a moto of the test's own.
func newTable(t testing.TB, lease time.Duration) (*Table, *moto.Relay) {
	t.Helper()
	relay := moto.NewRelay(t, moto.Start(t))
	table := tableAt(relay.URL, lease)
	if _, err := table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return table, relay
}

// tableAt is the same table, as another machine sees it.
func tableAt(url string, lease time.Duration) *Table {
	return New(aws.Config{
		Region: moto.Region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &http.Client{Timeout: impatience},
	}, Location{Table: "drills", Lease: lease})
}
