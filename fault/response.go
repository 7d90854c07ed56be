package fault

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// corruption is what happens to a response. The zero value mangles nothing.
type corruption struct {
	replace bool
	body    string  // of replace
	share   float64 // of the body that mangling leaves
	status  int     // replaces statusCode and keeps the rest, where it is not 0

	failures []string // ids of records to report as failed
}

// Mangling cuts a body between these shares, as failure-lambda does.
const (
	mangleMin = 0.3
	mangleMax = 0.8
)

// preludeEnd parts the JSON prelude of a streamed HTTP response from its body: eight zero bytes, as the AWS
// Lambda developer guide says under "Response streaming".
const preludeEnd = "\x00\x00\x00\x00\x00\x00\x00\x00"

// Corrupt rewrites the response of the handler, for an injection that stands after it. changed is false where
// the response has nothing to corrupt: mangling needs a text, a status and
// failed records need a JSON object. The response is
// not modified. A streamed HTTP response (a JSON prelude, eight zero bytes, the body) is understood too.
func (i Injection) Corrupt(response []byte) (out []byte, changed bool) {
	if i.corrupt == nil {
		return response, false
	}
	if len(i.corrupt.failures) > 0 {
		return failItems(response, i.corrupt.failures)
	}
	if prelude, body, ok := bytes.Cut(response, []byte(preludeEnd)); ok && isObject(prelude) {
		return i.corrupt.stream(prelude, body)
	}
	var object map[string]json.RawMessage
	if isObject(response) {
		if err := json.Unmarshal(response, &object); err != nil {
			object = nil
		}
	}
	return i.corrupt.buffered(response, object)
}

func (c *corruption) buffered(response []byte, object map[string]json.RawMessage) ([]byte, bool) {
	switch {
	case c.status != 0:
		if object == nil {
			return response, false
		}
		object["statusCode"] = strconv.AppendInt(nil, int64(c.status), 10)
	case c.replace:
		if object == nil {
			object = map[string]json.RawMessage{}
		}
		object["body"] = encode(c.body)
	default:
		var body *string // a pointer, because null is no text
		if json.Unmarshal(object["body"], &body) != nil || body == nil {
			return response, false
		}
		object["body"] = encode(c.mangle(*body))
	}
	return encode(object), true
}

func (c *corruption) stream(prelude, body []byte) ([]byte, bool) {
	switch {
	case c.status != 0:
		var object map[string]json.RawMessage
		if json.Unmarshal(prelude, &object) == nil {
			prelude, _ = c.buffered(prelude, object)
		}
	case c.replace:
		body = []byte(c.body)
	default:
		body = []byte(c.mangle(string(body)))
	}
	return bytes.Join([][]byte{prelude, body}, []byte(preludeEnd)), true
}

// mangle cuts a text at the corruption's share of its characters and appends three U+FFFD.
func (c *corruption) mangle(text string) string {
	keep := int(float64(utf8.RuneCountInString(text)) * c.share)
	for at := range text {
		if keep == 0 {
			text = text[:at]
			break
		}
		keep--
	}
	return text + "\uFFFD\uFFFD\uFFFD"
}

func isObject(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{' && json.Valid(text)
}

// encode is json.Marshal without its escapes for HTML, so that texts stay as people wrote them. What is
// encoded here always can be: texts, numbers and JSON.
func encode(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// ErrorBody is the JSON by which a runtime reports the error of an Exception or FailAfter to Lambda.
func (i Injection) ErrorBody() []byte {
	return encode(struct {
		Message string   `json:"errorMessage"`
		Type    string   `json:"errorType"`
		Trace   []string `json:"stackTrace"`
	}{i.ErrorMessage, i.ErrorType, []string{}})
}

// StreamPayload is Payload in the form of a streamed HTTP response: status and headers as a JSON prelude, eight
// zero bytes, the body. Its content type is StreamContentType.
func (i Injection) StreamPayload() []byte {
	prelude := encode(struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
	}{i.Status, i.Headers})
	return append(append(prelude, preludeEnd...), i.Body...)
}

// StreamContentType marks a streamed HTTP response that begins with a prelude.
const StreamContentType = "application/vnd.awslambda.http-integration-response"
