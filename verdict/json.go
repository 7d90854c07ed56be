package verdict

import (
	"encoding/json"
	"math"
)

// JSON has neither infinity nor NaN: both are null. Reading back, a null end of an interval is open (Low is -Inf, High
// is +Inf) and a null estimate is NaN. Latencies are known better: of requests that were made, what is null was never
// answered.

// MarshalJSON implements json.Marshaler.
func (in Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal(intervalJSON{finite(in.Low), finite(in.High), finite(in.Confidence)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (in *Interval) UnmarshalJSON(data []byte) error {
	var j intervalJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*in = Interval{Low: or(j.Low, math.Inf(-1)), High: or(j.High, math.Inf(1)), Confidence: or(j.Confidence, 0)}
	return nil
}

type intervalJSON struct {
	Low        *float64 `json:"low"`
	High       *float64 `json:"high"`
	Confidence *float64 `json:"confidence"`
}

// plainFinding has Finding's fields and none of its methods.
type plainFinding Finding

// findingJSON is a Finding with an estimate that may be null.
type findingJSON struct {
	plainFinding
	Estimate *float64 `json:"estimate"`
}

// MarshalJSON implements json.Marshaler.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(findingJSON{plainFinding(f), finite(f.Estimate)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (f *Finding) UnmarshalJSON(data []byte) error {
	var j findingJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*f = Finding(j.plainFinding)
	f.Estimate = or(j.Estimate, math.NaN())
	if f.Expectation.Unit == Seconds && f.Expectation.Relative == "" && f.Samples > 0 {
		f.Estimate = or(j.Estimate, math.Inf(1))
		if math.IsInf(f.Interval.Low, -1) { // a latency is at least 0, so that its interval always has a lower end
			f.Interval.Low = math.Inf(1)
		}
	}
	return nil
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func or(x *float64, otherwise float64) float64 {
	if x == nil {
		return otherwise
	}
	return *x
}
