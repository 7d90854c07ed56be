package fault

import (
	"bytes"
	"encoding/json"
	"reflect"
)

func redeliveryKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Redelivery, After: true,
			Doc: "the handler gets the same event twice, as at-least-once delivery may do, and its two answers are compared",
			Attributes: []Attribute{
				{Name: "answer", Type: TypeText, Values: []string{"first", "second"}, Doc: "the one that the caller gets; default first"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			second := v.text("answer", "first") == "second"
			return behaviour{after: true, effect: func(moment) Injection { return Injection{Second: second} }}, nil
		},
	}
}

// Notes on a Redelivery that fired, for Record.Note.
const (
	AnsweredAlike       = "the second answer is the same"
	AnsweredDifferently = "the second answer differs from the first"
	AnsweredOnce        = "the second delivery failed"
)

// CompareAnswers says how the second answer to one event compares with the first. JSON is compared by its values,
// numbers by their digits; anything else by its bytes.
func CompareAnswers(first, second []byte) (note string) {
	if bytes.Equal(first, second) || sameJSON(first, second) {
		return AnsweredAlike
	}
	return AnsweredDifferently
}

func sameJSON(a, b []byte) bool {
	var values [2]any
	for n, text := range [][]byte{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if !json.Valid(text) || decoder.Decode(&values[n]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
