package awsfault_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firedrill-dev/firedrill/fault"
)

func partial(t *testing.T, service string, percent int) string {
	return member(t, fault.Attributes{"service": service, "partial": percent})
}

// respond answers JSON, with the checksum that DynamoDB sends and the SDK checks.
func respond(w http.ResponseWriter, body any) {
	text, _ := json.Marshal(body)
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE(text)))
	_, _ = w.Write(text)
}

// checkSignature signs what arrived once more, as the service does: entries are taken out before the SDK signs.
func checkSignature(t *testing.T, cfg aws.Config, r *http.Request, body []byte) {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	again := r.Clone(t.Context())
	again.Header = http.Header{}
	for name := range strings.SplitSeq(signed, ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	keys, err := cfg.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, again, hex.EncodeToString(sum[:]), "dynamodb", cfg.Region, at); err != nil {
		t.Fatal(err)
	}
	if want, got := again.Header.Get("Authorization"), r.Header.Get("Authorization"); want != got {
		t.Errorf("signed %s, want %s", got, want)
	}
}

func key(i int) map[string]dynamodbtypes.AttributeValue {
	return map[string]dynamodbtypes.AttributeValue{"id": &dynamodbtypes.AttributeValueMemberS{Value: fmt.Sprint(i)}}
}

// What BatchWriteItem says is unprocessed was not sent; the rest was, and what the service itself left stays left.
func TestBatchWriteItem(t *testing.T) {
	for percent, failed := range map[int]int{50: 5, 1: 1, 100: 10} {
		w := newWorld(t, partial(t, "dynamodb", percent))
		sent := 0
		w.answer = func(rw http.ResponseWriter, r *http.Request, body []byte) {
			var request struct{ RequestItems map[string][]json.RawMessage }
			checkSignature(t, w.cfg, r, body)
			if err := json.Unmarshal(body, &request); err != nil || r.ContentLength != int64(len(body)) {
				t.Errorf("%s: %v", body, err)
			}
			for _, list := range request.RequestItems {
				sent += len(list)
			}
			respond(rw, map[string]any{"UnprocessedItems": map[string]any{"full": []any{map[string]any{"DeleteRequest": map[string]any{"Key": map[string]any{"id": map[string]any{"S": "own"}}}}}}})
		}
		items := map[string][]dynamodbtypes.WriteRequest{}
		for i := range 10 {
			table := []string{"orders", "full"}[i%2]
			items[table] = append(items[table], dynamodbtypes.WriteRequest{PutRequest: &dynamodbtypes.PutRequest{Item: key(i)}})
		}
		out, err := dynamodb.NewFromConfig(w.cfg).BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: items})
		if err != nil {
			t.Fatal(err)
		}
		left := len(out.UnprocessedItems["orders"]) + len(out.UnprocessedItems["full"])
		own := 1 // what the service did not process
		if failed == 10 {
			own = 0 // it was not asked
		}
		if left != failed+own || sent != 10-failed || int(w.served.Load()) != own {
			t.Errorf("%d%%: %d unprocessed, %d sent, %d served", percent, left, sent, w.served.Load())
		}
		if records := w.log.records(); len(records) != 1 || records[0].Fired != 1 {
			t.Errorf("recorded %v", records)
		}
	}
}

// A loop that sends the rest again, as the documentation of BatchGetItem says, gets everything, table settings kept.
func TestBatchGetItemLoop(t *testing.T) {
	w := newWorld(t, `{"awscall": {"enabled": true, "percentage": 60, "service": "dynamodb", "operation": "BatchGetItem", "partial": 40}}`)
	w.answer = func(rw http.ResponseWriter, _ *http.Request, body []byte) {
		var request struct {
			RequestItems map[string]struct {
				Keys           []json.RawMessage
				ConsistentRead bool
			}
		}
		if err := json.Unmarshal(body, &request); err != nil || !request.RequestItems["orders"].ConsistentRead {
			t.Errorf("%s: %v", body, err)
		}
		respond(rw, map[string]any{"Responses": map[string]any{"orders": request.RequestItems["orders"].Keys}})
	}
	left := map[string]dynamodbtypes.KeysAndAttributes{"orders": {ConsistentRead: aws.Bool(true)}}
	for i := range 10 {
		left["orders"] = dynamodbtypes.KeysAndAttributes{ConsistentRead: aws.Bool(true), Keys: append(left["orders"].Keys, key(i))}
	}
	got := map[string]bool{}
	for range 100 {
		out, err := dynamodb.NewFromConfig(w.cfg).BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: left})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range out.Responses["orders"] {
			got[item["id"].(*dynamodbtypes.AttributeValueMemberS).Value] = true
		}
		if left = out.UnprocessedKeys; len(left) == 0 {
			break
		}
	}
	if len(got) != 10 || len(w.log.records()) == 0 {
		t.Errorf("got %v, recorded %v", got, w.log.records())
	}
}

func TestSendMessageBatch(t *testing.T) {
	w := newWorld(t, partial(t, "sqs", 50))
	sent := map[string]bool{}
	w.answer = func(rw http.ResponseWriter, _ *http.Request, body []byte) {
		var request struct{ Entries []struct{ Id string } }
		if err := json.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		var done []any
		for _, e := range request.Entries {
			sent[e.Id] = true
			done = append(done, map[string]any{"Id": e.Id, "MessageId": "m", "MD5OfMessageBody": "9dd4e461268c8034f5c8564e155c67a6"}) // of "x"
		}
		respond(rw, map[string]any{"Successful": done})
	}
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String("https://sqs/q")}
	for i := range 4 {
		in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: aws.String("x")})
	}
	out, err := sqs.NewFromConfig(w.cfg).SendMessageBatch(t.Context(), in)
	if err != nil || len(out.Successful) != 2 || len(out.Failed) != 2 || len(sent) != 2 {
		t.Fatalf("%+v, %v, sent %v", out, err, sent)
	}
	for _, f := range out.Failed {
		if sent[*f.Id] || f.SenderFault || *f.Code != "InternalFailure" {
			t.Errorf("%s %s, sent %v", *f.Id, *f.Code, sent)
		}
	}
}

// placed answers each record of a list with its own data, so that order is seen.
func placed(t *testing.T, in, out, id, data string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(rw http.ResponseWriter, _ *http.Request, body []byte) {
		var request map[string]json.RawMessage
		var records []map[string]any
		if err := json.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal(request[in], &records); err != nil {
			t.Error(err)
		}
		var answers []any
		for _, r := range records {
			answers = append(answers, map[string]any{id: r[data]})
		}
		respond(rw, map[string]any{out: answers})
	}
}

// Where responses go by place, each stays in its place.
func TestPlaces(t *testing.T) {
	check := func(t *testing.T, i int, id, code *string, want string) (failed int32) {
		if code != nil {
			if id != nil || *code != want {
				t.Errorf("%d: %v %s", i, id, *code)
			}
			return 1
		}
		if id == nil || *id != fmt.Sprint(i) {
			t.Errorf("%d is answered as another", i)
		}
		return 0
	}
	t.Run("kinesis", func(t *testing.T) {
		w := newWorld(t, partial(t, "kinesis", 30))
		w.answer = placed(t, "Records", "Records", "SequenceNumber", "PartitionKey")
		in := &kinesis.PutRecordsInput{StreamName: aws.String("s")}
		for i := range 10 {
			in.Records = append(in.Records, kinesistypes.PutRecordsRequestEntry{Data: []byte("x"), PartitionKey: aws.String(fmt.Sprint(i))})
		}
		out, err := kinesis.NewFromConfig(w.cfg).PutRecords(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var failed int32
		for i, r := range out.Records {
			failed += check(t, i, r.SequenceNumber, r.ErrorCode, "ProvisionedThroughputExceededException")
		}
		if failed != 3 || *out.FailedRecordCount != 3 {
			t.Errorf("%d failed, counted %d", failed, *out.FailedRecordCount)
		}
	})
	t.Run("eventbridge", func(t *testing.T) {
		w := newWorld(t, member(t, fault.Attributes{"service": "eventbridge", "partial": 50, "error": "throttling"}))
		w.answer = placed(t, "Entries", "Entries", "EventId", "DetailType")
		in := &eventbridge.PutEventsInput{}
		for i := range 6 {
			in.Entries = append(in.Entries, eventbridgetypes.PutEventsRequestEntry{DetailType: aws.String(fmt.Sprint(i)), Detail: aws.String("{}"), Source: aws.String("s")})
		}
		out, err := eventbridge.NewFromConfig(w.cfg).PutEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var failed int32
		for i, r := range out.Entries {
			failed += check(t, i, r.EventId, r.ErrorCode, "ThrottlingException")
		}
		if failed != 3 || out.FailedEntryCount != 3 {
			t.Errorf("%d failed, counted %d", failed, out.FailedEntryCount)
		}
	})
	t.Run("firehose", func(t *testing.T) {
		w := newWorld(t, partial(t, "firehose", 100))
		in := &firehose.PutRecordBatchInput{DeliveryStreamName: aws.String("d"), Records: []firehosetypes.Record{{Data: []byte("x")}, {Data: []byte("y")}}}
		out, err := firehose.NewFromConfig(w.cfg).PutRecordBatch(t.Context(), in)
		if err != nil || len(out.RequestResponses) != 2 || *out.FailedPutCount != 2 || *out.RequestResponses[1].ErrorCode != "ServiceUnavailableException" || w.served.Load() != 0 {
			t.Errorf("%+v, %v, served %d", out, err, w.served.Load())
		}
	})
}

// A compressed response is read and handed on plain.
func TestPartialOfACompressedResponse(t *testing.T) {
	w := newWorld(t, partial(t, "dynamodb", 50))
	w.answer = func(rw http.ResponseWriter, r *http.Request, _ []byte) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Error("the request does not ask for gzip")
		}
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		_, _ = io.WriteString(z, `{"UnprocessedItems":{}}`)
		_ = z.Close()
	}
	client := dynamodb.NewFromConfig(w.cfg, func(o *dynamodb.Options) { o.EnableAcceptEncodingGzip = true })
	out, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]dynamodbtypes.WriteRequest{
		"orders": {{PutRequest: &dynamodbtypes.PutRequest{Item: key(1)}}, {PutRequest: &dynamodbtypes.PutRequest{Item: key(2)}}}}})
	if err != nil || len(out.UnprocessedItems["orders"]) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// Entries that were never sent do not look as if they had been, even if the response makes no sense.
func TestPartialNeverHidesALoss(t *testing.T) {
	w := newWorld(t, partial(t, "kinesis", 50))
	in := &kinesis.PutRecordsInput{StreamName: aws.String("s"), Records: []kinesistypes.PutRecordsRequestEntry{
		{Data: []byte("x"), PartitionKey: aws.String("1")}, {Data: []byte("x"), PartitionKey: aws.String("2")}}}
	if out, err := kinesis.NewFromConfig(w.cfg).PutRecords(t.Context(), in); err == nil {
		t.Errorf("%+v", out)
	}
}

// What has no entries passes, and is counted as planned with the reason.
func TestPartialOfNoBatch(t *testing.T) {
	w := newWorld(t, partial(t, "dynamodb", 50))
	err := calls["dynamodb"](t.Context(), w.cfg)
	if got := w.log.records(); err != nil || w.served.Load() != 1 || len(got) != 1 || got[0].Fired != 0 || got[0].Reason == "" {
		t.Errorf("%v, %v", err, got)
	}
}
