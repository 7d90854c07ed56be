package cloudwatch

import (
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// FuzzExpressions: whatever is asked for is answered or refused.
func FuzzExpressions(f *testing.F) {
	for _, text := range []string{"a / b * 100", "FILL(a, REPEAT)", "SUM([a, -b])", "(1 + a", "a a", "REPEAT"} {
		f.Add(text, text)
	}
	f.Add(`ALARM("x") AND NOT (OK(y) OR TRUE)`, `filter a = 1 | stats count(*) as n`)
	f.Fuzz(func(t *testing.T, text, query string) {
		e := &evaluator{world: New().world(Account, Region), from: time.Unix(0, 0), to: time.Unix(600, 0), now: time.Unix(600, 0), done: map[string]operand{"a": {points: map[time.Time]float64{time.Unix(0, 0): 1}}}}
		_, _ = e.expression(text)
		_, _ = e.evaluateRule(text)
		_, _ = answerQuery(query, []LogEvent{{Message: text}})
		if value, err := cbor.Decode([]byte(text)); err == nil {
			_ = plain(value)
		}
		_ = accountOf(text)
	})
}
