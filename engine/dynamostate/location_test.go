package dynamostate

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Location{
		"dynamodb:drills":                                {"drills", "", 30 * time.Second},
		"dynamodb:drills?region=eu-west-1":               {"drills", "eu-west-1", 30 * time.Second},
		"dynamodb:a.b-c_d?lease=1m&region=us-gov-east-1": {"a.b-c_d", "us-gov-east-1", time.Minute},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "drills", "dynamodb:", "dynamodb:x", "dynamodb:a/b", "dynamodb:drills?region=Paris", "dynamodb:drills?lease=1s", "dynamodb:drills?lease=soon",
		"dynamodb:drills?lease=1h", "dynamodb:drills?region=eu-west-1&region=eu-west-2", "dynamodb:drills?endpoint=x", "dynamodb:drills?%zz"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("dynamodb:drills?region=eu-west-1&lease=1m")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(at.String()); err != nil || again != at {
			t.Errorf("%q became %+v, then %+v: %v", text, at, again, err)
		}
	})
}
