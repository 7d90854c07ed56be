package awsfault

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/firedrill-dev/firedrill/fault"
)

// object is a JSON object of which only some members matter.
type object = map[string]json.RawMessage

// shape knows the entries of a batch operation.
type shape interface {
	// split takes the entries that fail out of the request; fails is called once, with the number of entries. The
	// function it returns tells of them in the service's response. empty says that no entry is left to send, and then
	// the response to change is empty, too.
	split(request object, fails func(n int) []bool, e serviceError) (tell func(response object) error, empty bool, err error)
}

// shapes are the operations that can fail in part, by service and operation.
func shapes() map[[2]string]shape {
	sqs := byID{}
	return map[[2]string]shape{
		{"dynamodb", "BatchWriteItem"}: writes{},
		{"dynamodb", "BatchGetItem"}:   reads{},

		{"sqs", "SendMessageBatch"}:             sqs,
		{"sqs", "DeleteMessageBatch"}:           sqs,
		{"sqs", "ChangeMessageVisibilityBatch"}: sqs,

		{"kinesis", "PutRecords"}:      byPlace{"Records", "Records", "FailedRecordCount"},
		{"eventbridge", "PutEvents"}:   byPlace{"Entries", "Entries", "FailedEntryCount"},
		{"firehose", "PutRecordBatch"}: byPlace{"Records", "RequestResponses", "FailedPutCount"},
	}
}

// batch is a request that was split.
type batch struct {
	tell  func(response object) error
	empty bool // nothing is left to send
}

// split takes the failing entries out of a request that is not signed yet. Where that cannot be, it says why, and
// leaves the request as it is.
func split(request *smithyhttp.Request, service, operation string, i fault.Injection) (_ *smithyhttp.Request, b *batch, reason string) {
	shape, ok := shapes()[[2]string{service, operation}]
	protocol := protocolOf(service, request.Header)
	if !ok || protocol != awsJSON {
		return request, nil, fault.Unsupported + ": the operation has no entries that Firedrill knows"
	}
	body, err := bodyOf(request)
	if err != nil {
		return request, nil, "the request cannot be read: " + err.Error()
	}
	if i.ErrorType == "" {
		i.ErrorType = fault.AWSInternal
		if service == "kinesis" || service == "firehose" {
			// What these say of single records as a rule.
			i.ErrorType = map[string]string{"kinesis": fault.AWSThrottling, "firehose": fault.AWSUnavailable}[service]
		}
	}
	b = &batch{}
	if b.tell, b.empty, err = shape.split(body, i.FailedEntries, resolve(service, protocol, i)); err != nil {
		return request, nil, "the request cannot be split: " + err.Error()
	}
	if b.tell == nil {
		return request, nil, "the batch is empty"
	}
	text, err := json.Marshal(body)
	if err != nil {
		return request, nil, "the request cannot be split: " + err.Error()
	}
	changed, err := request.SetStream(bytes.NewReader(text))
	if err != nil {
		return request, nil, "the request cannot be split: " + err.Error()
	}
	return changed, b, ""
}

// bodyOf reads a request's body, and rewinds it.
func bodyOf(request *smithyhttp.Request) (object, error) {
	if !request.IsStreamSeekable() {
		return nil, errors.New("it is a stream")
	}
	text, err := io.ReadAll(request.GetStream())
	if err == nil {
		err = request.RewindStream()
	}
	if err != nil {
		return nil, err
	}
	var body object
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, err
	}
	if body == nil {
		return nil, errors.New("it is null")
	}
	return body, nil
}

// answer is the response where no entry is left to send.
func (b *batch) answer(r *http.Request) (*http.Response, error) {
	body := object{}
	if err := b.tell(body); err != nil {
		return nil, err
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {r.Header.Get("Content-Type")}, "X-Amzn-Requestid": {requestID}}
	return httpResponse(r, http.StatusOK, header, string(text)), nil
}

// merge tells of the failed entries in the response to the others. If it cannot, it is an error: entries that were
// never sent must not look as if they had been.
func (b *batch) merge(raw any) error {
	response, ok := raw.(*smithyhttp.Response)
	if !ok || response.StatusCode >= 300 {
		return nil // the SDK makes an error of it, for all entries
	}
	body, err := responseBody(response)
	if err == nil {
		err = b.tell(body)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(body)
	}
	if err != nil {
		return &smithy.DeserializationError{Err: fmt.Errorf("awsfault: tell of the entries that were made to fail: %w", err)}
	}
	response.Body = io.NopCloser(bytes.NewReader(text))
	response.ContentLength = int64(len(text))
	for _, stale := range []string{"Content-Length", "Content-Encoding", "X-Amz-Crc32"} {
		response.Header.Del(stale)
	}
	return nil
}

// responseBody reads a response to its end and closes it.
func responseBody(response *smithyhttp.Response) (object, error) {
	var content io.Reader = response.Body
	if response.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(response.Body)
		if err != nil {
			return nil, err
		}
		content = unzipped
	}
	body := object{}
	err := json.NewDecoder(content).Decode(&body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if body == nil {
		body = object{}
	}
	return body, err
}
