package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/firedrill-dev/firedrill/experiment"
)

// prometheusProbe asks a Prometheus server, or one that speaks its HTTP API, for the value of an expression now:
// https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
type prometheusProbe struct {
	client  *http.Client
	request experiment.HTTPRequest
	form    string
}

func newPrometheus(m experiment.Measure, d Deps) (asker, error) {
	if m.Probe.URL == "" || m.Probe.Query == "" {
		return nil, errors.New("a measure of prometheus needs url and query")
	}
	base, err := url.Parse(m.Probe.URL)
	if err != nil {
		return nil, fmt.Errorf("prometheus: %w", err)
	}
	headers := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if m.Probe.HTTP != nil {
		for name, value := range m.Probe.HTTP.Headers {
			headers[name] = value
		}
	}
	form := url.Values{"query": {m.Probe.Query}, "timeout": {m.Timeout.String()}}
	return &prometheusProbe{
		client:  newClient(d),
		request: experiment.HTTPRequest{Method: http.MethodPost, URL: base.JoinPath("api/v1/query").String(), Headers: headers},
		form:    form.Encode(),
	}, nil
}

func (p *prometheusProbe) ask(ctx context.Context) (reading, error) {
	resp, body, err := exchange(ctx, p.client, p.request, p.form)
	if err != nil {
		return reading{}, err
	}
	got := reading{class: classNoNumber}
	got.number, err = sampleOf(body)
	if err != nil {
		return got, fmt.Errorf("prometheus answered %s: %w", resp.Status, err)
	}
	got.class = "200"
	return got, nil
}

// queryAnswer is the answer to an instant query, success or not.
type queryAnswer struct {
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`
	Error     string `json:"error"`
	Data      struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// sampleOf finds the one number in an answer: a scalar, or a vector of one sample. No data and NaN are errors:
// a query that finds nothing says nothing.
func sampleOf(body []byte) (float64, error) {
	var answer queryAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("not what Prometheus answers: %w", err)
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", answer.ErrorType, answer.Error)
	}
	switch answer.Data.ResultType {
	case "scalar":
		return sampleValue(answer.Data.Result)
	case "vector":
		var samples []struct {
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(answer.Data.Result, &samples); err != nil {
			return 0, fmt.Errorf("vector: %w", err)
		}
		switch len(samples) {
		case 0:
			return 0, errors.New("the query finds no data")
		case 1:
			return sampleValue(samples[0].Value)
		}
		return 0, fmt.Errorf("the query yields %d numbers, not one: aggregate them, such as by sum(...)", len(samples))
	}
	return 0, fmt.Errorf("the query yields a %q, not a number", strings.TrimSpace(answer.Data.ResultType))
}

// sampleValue reads [time, "value"].
func sampleValue(raw json.RawMessage) (float64, error) {
	var pair []json.RawMessage
	var text string
	if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
		return 0, errors.New("a sample is not a pair of time and value")
	}
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return 0, fmt.Errorf("a sample's value: %w", err)
	}
	return finite(text)
}
