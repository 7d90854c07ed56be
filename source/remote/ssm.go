package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// parameter is a document in SSM Parameter Store, of type String or SecureString.
type parameter struct {
	service *service
	request []byte // the body of GetParameter
}

func openSSM(c *client, name string) (store, error) {
	if name == "" {
		return nil, errors.New("names no parameter")
	}
	s, err := openService(c, "ssm")
	if err != nil {
		return nil, err
	}
	request, err := json.Marshal(struct {
		Name           string
		WithDecryption bool
	}{name, true})
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return &parameter{s, request}, nil
}

func (p *parameter) fetch(ctx context.Context, _ string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.service.endpoint.String()+"/", bytes.NewReader(p.request))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	keys, err := p.service.credentials.get(ctx, time.Now())
	if err != nil {
		return answer{}, err
	}
	p.service.sign(r, p.request, keys, time.Now())
	r.Header["X-Idempotency-Key"] = nil // not sent: tells net/http that it may repeat a read on a connection that was dead
	resp, body, err := p.service.client.do(r)
	if err != nil {
		return answer{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return answer{}, p.refused(resp.StatusCode, body)
	}
	var out struct{ Parameter struct{ Value *string } }
	if err := json.Unmarshal(body, &out); err != nil || out.Parameter.Value == nil {
		return answer{}, &refusal{reason: "the answer of Parameter Store has no parameter's value"}
	}
	return answer{body: []byte(*out.Parameter.Value)}, nil
}

// refused reads the error that SSM answered with.
func (p *parameter) refused(status int, body []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &e) // what is no JSON has no type, and the status decides
	name := e.Type[strings.LastIndexByte(e.Type, '#')+1:]
	no := refused(status, excerpt([]byte(name+" "+e.Message)))
	switch name {
	case "ParameterNotFound", "ParameterVersionNotFound":
		no.reason = "there is no such parameter"
	case "ThrottlingException", "Throttling", "RequestLimitExceeded", "InternalServerError", "ServiceUnavailable":
		no.passing = true
	case "ExpiredTokenException", "UnrecognizedClientException":
		p.service.credentials.forget()
	case "AccessDeniedException":
		no.hint = "the function's role needs ssm:GetParameter, and kms:Decrypt for a SecureString"
	}
	return no
}
