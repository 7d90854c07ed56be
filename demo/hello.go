package demo

import (
	"context"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
)

// hello greets: GET /hello?name=NAME.
func hello(_ context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	name := req.QueryStringParameters["name"]
	if name == "" {
		name = "you"
	}
	return answer(http.StatusOK, map[string]string{"message": "hello, " + name})
}
