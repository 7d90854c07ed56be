// Plain is a function that knows nothing of Firedrill.
package main

import (
	"context"
	"io"
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
		s := &shop.Shop{HTTP: http.DefaultClient}
		lambda.Start(s.Handle)
	}
}

// stream answers with an io.Reader, which the Lambda library streams.
func stream(context.Context) (io.Reader, error) { return pieces(), nil }

// page answers as a function URL with response streaming does: a prelude, then the body.
func page(context.Context) (*events.LambdaFunctionURLStreamingResponse, error) {
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 201, Headers: map[string]string{"Content-Type": "text/plain"}, Body: pieces()}, nil
}

func pieces() io.Reader {
	return io.MultiReader(strings.NewReader("first piece\n"), strings.NewReader(strings.Repeat("0123456789abcdef", 8192)), strings.NewReader("\x00last\r\n"))
}
