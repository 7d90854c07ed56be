package verdict

import (
	"math"
	"testing"
	"time"
)

// decodeGroup makes observations of bytes, three of each: every kind there is.
func decodeGroup(data []byte) []Observation {
	var obs []Observation
	for ; len(data) >= 3; data = data[3:] {
		o := Observation{At: began.Add(time.Duration(data[0]) * time.Second / 4), Value: float64(data[1]) / 100, Class: "200"}
		switch data[2] % 8 {
		case 0:
			o.Value, o.Failed, o.Class = math.Inf(1), true, "dropped"
		case 1:
			o.Failed, o.Class = true, TimedOut
		case 2:
			o.Value, o.Failed = math.NaN(), true
		case 3:
			o.Value, o.Failed = -o.Value, data[1]%2 == 0
		case 4:
			o.Span = time.Second
		case 5:
			o.Value = math.Exp(700 * o.Value)
		}
		obs = append(obs, o)
	}
	return obs
}

func FuzzJudgeAgainst(f *testing.F) {
	f.Add("p95 <= +10%", []byte("abcdef"), []byte("ghijkl"), []byte{}, 0.01)
	f.Add("mean > -5ms", []byte{1, 2, 7, 2, 3, 7}, []byte{1, 2, 0, 2, 3, 1}, []byte{9, 9, 2}, 2.0)
	f.Add("slower <= 55%", []byte{1, 2, 5, 2, 200, 5}, []byte{1, 2, 3, 2, 3, 3}, []byte{}, math.NaN())
	f.Fuzz(func(t *testing.T, text string, subject, control, lost []byte, alpha float64) {
		e, err := ParseExpectation(text)
		if err != nil || len(subject)+len(control)+len(lost) > 3000 {
			return
		}
		got := JudgeAgainst(e, decodeGroup(subject), decodeGroup(control), Versus{From: began, To: began.Add(time.Minute), Alpha: alpha, Lost: decodeGroup(lost)})
		in := got.Interval
		if math.IsNaN(in.Low) || math.IsNaN(in.High) || in.Low > in.High || got.Reason == "" || got.Cause != "" && got.Outcome != Inconclusive {
			t.Errorf("%+v", got)
		}
		if got.Outcome == Held && !(e.Satisfied(in.Low) && e.Satisfied(in.High)) {
			t.Errorf("held: %+v", got)
		}
	})
}
