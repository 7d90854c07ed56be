package fault

import (
	"bytes"
	"encoding/json"
	"time"
)

// A Record is one line of a host's log that tells what became of one injection, or of several alike. It is the
// proof that an experiment counts.
type Record struct {
	Time      time.Time `json:"time"`
	Run       string    `json:"run"` // the run that armed the set; "" where nobody's run did
	Kind      Kind      `json:"kind"`
	Function  string    `json:"function"`
	RequestID string    `json:"request_id"`
	Planned   int64     `json:"planned"`
	Fired     int64     `json:"fired"`
	Reason    string    `json:"reason,omitempty"` // why not all that was planned has fired
	Note      string    `json:"note,omitempty"`   // what came of it, for a Redelivery: how the two answers compare
}

// recordMark opens every record, so that a log is searched for a fixed text.
const recordMark = `{"firedrill":"injection",`

// AppendJSON appends the record as one line, with its line feed.
func (r Record) AppendJSON(dst []byte) []byte {
	r.Time = r.Time.UTC()
	body, err := json.Marshal(r)
	if err != nil {
		return dst // cannot be: text, numbers and times of this century always marshal
	}
	dst = append(dst, recordMark...)
	return append(append(dst, body[1:]...), '\n')
}

// ParseRecord reads a line of a log. It is false for lines that hold no record. A prefix, such as a time that
// a log driver puts in front, does no harm; nor does an envelope of JSON whose member "message" is the record or
// its text, as Lambda's JSON log format has it.
func ParseRecord(line []byte) (Record, bool) {
	var r Record
	at := bytes.Index(line, []byte(recordMark))
	if at < 0 {
		line = unwrapped(line)
		at = bytes.Index(line, []byte(recordMark))
	}
	if at < 0 {
		return r, false
	}
	if json.NewDecoder(bytes.NewReader(line[at:])).Decode(&r) != nil || r.Kind == "" || r.Planned < 0 || r.Fired < 0 {
		return Record{}, false
	}
	return r, true
}

// unwrapped is the text in the member "message" of a line that is a JSON object; nil if there is none.
func unwrapped(line []byte) []byte {
	if !bytes.Contains(line, []byte(`\"firedrill\"`)) {
		return nil
	}
	var envelope struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(line, &envelope) != nil {
		return nil
	}
	return []byte(envelope.Message)
}
