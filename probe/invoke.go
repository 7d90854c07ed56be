package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/firedrill-dev/firedrill/experiment"
)

// invokeProbe invokes a function and waits for its answer.
type invokeProbe struct {
	invoke   func(ctx context.Context, f Function, payload []byte) (InvokeResult, error)
	function Function
	payload  []byte
	answer   answerCheck
}

func newInvoke(m experiment.Measure, d Deps) (asker, error) {
	if d.Invoke == nil {
		return nil, errors.New("a measure of invoke needs access to functions")
	}
	payload := []byte(m.Probe.Body)
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	return &invokeProbe{d.Invoke, Function{m.Probe.Lambda, m.Probe.Account, m.Probe.Region}, payload, answerCheck{m.Probe.BodyContains, m.Probe.JSONPath}}, nil
}

func (p *invokeProbe) ask(ctx context.Context) (reading, error) {
	result, err := p.invoke(ctx, p.function, p.payload)
	if err != nil {
		return reading{}, err
	}
	if len(result.Payload) > maxAnswer {
		return reading{}, fmt.Errorf("the answer of %s has more than %d bytes", p.function.Name, maxAnswer)
	}
	if result.FunctionError != "" {
		return reading{class: "function-error", version: result.Version}, fmt.Errorf("function %s failed (%s): %s", p.function.Name, result.FunctionError, excerpt(result.Payload))
	}
	return p.answer.check(reading{class: "200", version: result.Version}, result.Payload)
}

// excerpt is the beginning of a text, for messages.
func excerpt(text []byte) string {
	const most = 200
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}
