package awsfault

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/firedrill-dev/firedrill/fault"
)

// limits are how long an HTTP client waits for an answer; 0 is for ever.
type limits struct {
	total  time.Duration // for the whole exchange
	silent error         // what it says when nothing comes for so long as ...
	after  time.Duration // ... this
}

// limitsOf reads a client's limits. What it does not know waits as long as the context allows. A nil client is
// what the SDK then makes, which has no limits.
func limitsOf(client aws.HTTPClient) limits {
	var l limits
	var transport *http.Transport
	switch client := client.(type) {
	case *awshttp.BuildableClient:
		l.total, transport = client.GetTimeout(), client.GetTransport()
		if read, ok := client.GetReadTimeout(); ok && read > 0 {
			l.after, l.silent = read, &awshttp.ResponseTimeoutError{TimeoutDur: read}
		}
	case *http.Client:
		l.total = client.Timeout
		transport, _ = client.Transport.(*http.Transport)
	}
	if transport != nil && transport.ResponseHeaderTimeout > 0 && (l.after == 0 || transport.ResponseHeaderTimeout < l.after) {
		l.after, l.silent = transport.ResponseHeaderTimeout, headerTimeout{}
	}
	return l
}

// headerTimeout is what http.Transport says when its ResponseHeaderTimeout is over, which net/http does not export.
type headerTimeout struct{}

// Error implements error.
func (headerTimeout) Error() string { return "net/http: timeout awaiting response headers" }

// Timeout tells the SDK, and net.Error, that it was a timeout.
func (headerTimeout) Timeout() bool { return true }

// Temporary is part of net.Error.
func (headerTimeout) Temporary() bool { return true }

// stand takes the place of the network for one attempt.
type stand struct {
	planned
	service string
	limits  limits
}

// handle waits and answers as planned. A nil response means that the request is to be sent, now.
//
// It runs a real http.Client on a transport of ours, inside of the SDK's own handler: timeouts, cancellations and
// broken connections become the errors that they are in reality, with nothing imitated but the network.
func (s stand) handle(ctx context.Context, request *smithyhttp.Request) (*smithyhttp.Response, error) {
	// Nobody reads the body; it is left as it is, for the request that may follow.
	request, err := request.SetStream(nil)
	if err != nil {
		return &smithyhttp.Response{Response: &http.Response{Header: http.Header{}, Body: http.NoBody}}, err
	}
	send := false
	client := &http.Client{Timeout: s.limits.total, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := s.roundTrip(r, request)
		if response == nil && err == nil {
			send = true
			response = &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}}
		}
		return response, err
	})}
	out, _, err := smithyhttp.NewClientHandlerWithOptions(client).Handle(ctx, request)
	response, ok := out.(*smithyhttp.Response)
	if send && err == nil {
		return nil, nil
	}
	if !ok && err == nil {
		err = errors.New("awsfault: the SDK's handler gives no HTTP response")
	}
	return response, err
}

// roundTrip is the network. Without a response and an error, the request is to be sent.
func (s stand) roundTrip(r *http.Request, request *smithyhttp.Request) (*http.Response, error) {
	if s.Hang || (s.limits.after > 0 && s.Delay >= s.limits.after) {
		return nil, s.limits.silence(r.Context())
	}
	if err := s.Wait(r.Context()); err != nil {
		return nil, err
	}
	switch {
	case s.batch != nil:
		if s.batch.empty {
			return s.batch.answer(r)
		}
		return nil, nil
	case s.ErrorType == "":
		return nil, nil
	case s.ErrorType == fault.AWSReset:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	e := resolve(s.service, protocolOf(s.service, request.Header), s.Injection)
	return e.response(r), nil
}

// silence waits until the client gives up.
func (l limits) silence(ctx context.Context) error {
	if l.after == 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(l.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return l.silent
	case <-ctx.Done():
		return ctx.Err()
	}
}

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
