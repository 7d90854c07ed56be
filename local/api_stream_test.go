package local

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// The real SDK reads what InvokeWithResponseStream answers.
func TestInvokeWithResponseStream(t *testing.T) {
	h := startHost(t, oneFunction(t, nil), nil)
	client := sdk(h)
	large := `"` + strings.Repeat("z", 3*maxStreamPiece) + `"`
	for _, c := range []struct {
		name              string
		do                command
		text, code, error string
	}{
		{"echo", command{Payload: json.RawMessage(`{"a":1}`)}, `{"a":1}`, "", ""},
		{"many pieces", command{Payload: json.RawMessage(large)}, large, "", ""},
		{"error", command{Do: "fail", Text: "no stock"}, "", "Unhandled", `"errorMessage":"no stock"`},
		{"crash", command{Do: "exit"}, "", "Unhandled", "Runtime.ExitError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{
				FunctionName: aws.String("hello"), Payload: event0(c.do), LogType: types.LogTypeTail,
			})
			if err != nil {
				t.Fatal(err)
			}
			stream := out.GetStream()
			defer stream.Close()
			var text strings.Builder
			var end *types.InvokeWithResponseStreamCompleteEvent
			for event := range stream.Events() {
				switch event := event.(type) {
				case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
					text.Write(event.Value.Payload)
				case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
					end = &event.Value
				}
			}
			if err := stream.Err(); err != nil || end == nil {
				t.Fatalf("the stream ended with %v, %+v", err, end)
			}
			if text.String() != c.text || aws.ToString(end.ErrorCode) != c.code || !strings.Contains(aws.ToString(end.ErrorDetails), c.error) {
				t.Errorf("%q, %+v", text.String(), *end)
			}
			if log, err := base64.StdEncoding.DecodeString(aws.ToString(end.LogResult)); err != nil || !strings.Contains(string(log), "END RequestId") {
				t.Errorf("log %q, %v", log, err)
			}
		})
	}
	out, err := client.InvokeWithResponseStream(t.Context(), &lambda.InvokeWithResponseStreamInput{FunctionName: aws.String("nobody")})
	if err == nil {
		_ = out.GetStream().Close()
	}
	wantException(t, err, "ResourceNotFoundException", http.StatusNotFound)
}

// A stream that fails keeps what had arrived before.
func TestStreamThatFails(t *testing.T) {
	events := string(streamEvents(invocation{}, outcome{result: runtimeapi.Result{Failed: true, Partial: []byte("half"), Payload: []byte(`{"errorType":"Boom"}`)}}))
	piece, end := strings.Index(events, "half"), strings.Index(events, `"ErrorDetails":"{\"errorType\":\"Boom\"}"`)
	if piece < 0 || end < piece {
		t.Errorf("events %q", events)
	}
}
