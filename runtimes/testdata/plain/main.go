// Plain is a function that knows nothing of Firedrill.
package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill/runtimes/testdata/shop"
)

func main() {
	switch os.Getenv("_HANDLER") {
	case "stream":
		lambda.Start(stream)
	case "page":
		lambda.Start(page)
	default:
		s := &shop.Shop{HTTP: http.DefaultClient, Dial: new(net.Dialer).DialContext}
		lambda.Start(s.Handle)
	}
}

// event names a URL that answers when the first piece of a stream has arrived.
type event struct{ Gate string }

// stream answers with an io.Reader, which the Lambda library streams.
func stream(_ context.Context, e event) (io.Reader, error) { return pieces(e), nil }

// page answers as a function URL with response streaming does: a prelude, then the body.
func page(_ context.Context, e event) (*events.LambdaFunctionURLStreamingResponse, error) {
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Headers: map[string]string{"Content-Type": "text/plain"}, Body: pieces(e)}, nil
}

func pieces(e event) io.Reader {
	return io.MultiReader(strings.NewReader("first piece\n"), gate(e.Gate), strings.NewReader(strings.Repeat("0123456789abcdef", 8192)), strings.NewReader("\x00last\r\n"))
}

// gate is an empty reader that waits for a URL to answer.
type gate string

// Read implements io.Reader.
func (g gate) Read([]byte) (int, error) {
	res, err := http.Get(string(g))
	if err != nil {
		return 0, err
	}
	_ = res.Body.Close()
	return 0, io.EOF
}
