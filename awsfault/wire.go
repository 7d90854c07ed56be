package awsfault

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

// protocol is how a service writes its errors: see the protocol specifications of Smithy, smithy.io/2.0/aws/protocols.
type protocol int

const (
	awsJSON  protocol = iota // 1.0 and 1.1
	restJSON                 // restJson1
	cborRPC                  // rpcv2Cbor
	query                    // awsQuery
	ec2Query                 // ec2Query
	restXML                  // restXml
	s3XML                    // restXml without a wrapper around the error
)

// service is a service's name as the tables have it: lower case, without spaces.
func service(ctx context.Context) string {
	return strings.ToLower(strings.ReplaceAll(awsmiddleware.GetServiceID(ctx), " ", ""))
}

// protocolOf tells the protocol from a request that the SDK has made. A service may speak several; the request is
// in the one that its client speaks. The two REST protocols do not differ in every request, so those services
// which speak XML are named.
func protocolOf(service string, header http.Header) protocol {
	switch {
	case header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return cborRPC
	case header.Get("X-Amz-Target") != "":
		return awsJSON
	case strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		if service == "ec2" {
			return ec2Query
		}
		return query
	}
	switch service {
	case "s3":
		return s3XML
	case "s3control", "cloudfront", "route53":
		return restXML
	}
	return restJSON
}

// serviceError is an error as a service sends it.
type serviceError struct {
	protocol protocol
	service  string
	code     string
	message  string
	status   int
}

// requestID stands where a service names the request, so that nobody looks for it in the service's logs.
const requestID = "injected-by-firedrill"

// fault says who is to blame, in the words of the XML protocols.
func (e serviceError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

// response writes the error as an answer to r.
func (e serviceError) response(r *http.Request) *http.Response {
	header := http.Header{}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("X-Amzn-Requestid", requestID)
	var body string
	switch e.protocol {
	case awsJSON:
		header.Set("Content-Type", r.Header.Get("Content-Type"))
		body = e.json(map[string]string{"__type": e.code})
	case restJSON:
		header.Set("Content-Type", "application/json")
		header.Set("X-Amzn-Errortype", e.code)
		body = e.json(map[string]string{})
	case cborRPC:
		header.Set("Content-Type", "application/cbor")
		header.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = cborMap("__type", e.code, "message", e.message)
	default:
		header.Set("Content-Type", "text/xml")
		header.Set("X-Amz-Request-Id", requestID)
		body = e.xml()
	}
	if r.Header.Get("X-Amzn-Query-Mode") == "true" {
		// For services that spoke awsQuery once: the code and the fault as they were there.
		header.Set("X-Amzn-Query-Error", e.code+";"+e.fault())
	}
	return httpResponse(r, e.status, header, body)
}

// json is the error's body; more are members beside the message.
func (e serviceError) json(more map[string]string) string {
	more["message"] = e.message
	if e.service == "lambda" {
		more["Message"] = e.message // both are in use, by error
		more["Type"] = map[string]string{"Sender": "User", "Receiver": "Service"}[e.fault()]
	}
	body, err := json.Marshal(more)
	if err != nil {
		return "{}" // cannot be: text always marshals
	}
	return string(body)
}

func (e serviceError) xml() string {
	inner := element("Code", e.code) + element("Message", e.message)
	id := element("RequestId", requestID)
	switch e.protocol {
	case s3XML:
		return xml.Header + "<Error>" + inner + id + element("HostId", requestID) + "</Error>"
	case ec2Query:
		return xml.Header + "<Response><Errors><Error>" + inner + "</Error></Errors>" + element("RequestID", requestID) + "</Response>"
	}
	return "<ErrorResponse><Error>" + element("Type", e.fault()) + inner + "</Error>" + id + "</ErrorResponse>"
}

func element(name, text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a Builder does not fail
	return "<" + name + ">" + escaped.String() + "</" + name + ">"
}

// cborMap is a map of texts, given as names and values (RFC 8949, section 3.1).
func cborMap(pairs ...string) string {
	return cborHead(5, len(pairs)/2) + cborTexts(pairs)
}

func cborTexts(texts []string) string {
	var out strings.Builder
	for _, text := range texts {
		out.WriteString(cborHead(3, len(text)))
		out.WriteString(text)
	}
	return out.String()
}

// cborHead is the head of a value: its major type and its size.
func cborHead(major byte, n int) string {
	switch {
	case n < 24:
		return string([]byte{major<<5 | byte(n)})
	case n < 1<<8:
		return string([]byte{major<<5 | 24, byte(n)})
	case n < 1<<16:
		return string([]byte{major<<5 | 25, byte(n >> 8), byte(n)})
	}
	return string([]byte{major<<5 | 26, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// httpResponse is an answer that no server gave.
func httpResponse(r *http.Request, status int, header http.Header, text string) *http.Response {
	var body io.ReadCloser = http.NoBody
	if r.Method != http.MethodHead {
		body = io.NopCloser(strings.NewReader(text))
	}
	return &http.Response{
		Status: strconv.Itoa(status) + " " + http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: int64(len(text)), Request: r,
	}
}
