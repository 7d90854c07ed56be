package awsfault

import (
	"encoding/json"
	"testing"
)

// Whatever a request and a response look like, splitting and telling end, in JSON or an error, and what is sent
// and what failed together are what was there.
func FuzzSplit(f *testing.F) {
	f.Add(`{"Records":[1,2,3]}`, `{"Records":[1,2]}`)
	f.Add(`{"Entries":[{"Id":"a"},{"Id":"b"}]}`, `{"Failed":null}`)
	f.Add(`{"RequestItems":{"t":[1],"u":[2,3]}}`, `{"UnprocessedItems":{"t":[4]}}`)
	f.Add(`{"RequestItems":{"t":{"Keys":[1,2]},"u":null}}`, `{"UnprocessedKeys":{"t":{"Keys":[4]}}}`)
	f.Add(`{"RequestItems":null}`, `null`)
	f.Fuzz(func(t *testing.T, requestText, responseText string) {
		for operation, shape := range shapes() {
			var request, response object
			if json.Unmarshal([]byte(requestText), &request) != nil || json.Unmarshal([]byte(responseText), &response) != nil ||
				request == nil || response == nil {
				return
			}
			every2nd := func(n int) []bool {
				failed := make([]bool, n)
				for i := range failed {
					failed[i] = i%2 == 0
				}
				return failed
			}
			tell, _, err := shape.split(request, every2nd, serviceError{code: "Code", status: 500})
			if err != nil || tell == nil {
				continue
			}
			if _, err := json.Marshal(request); err != nil {
				t.Errorf("%s: the request is no JSON: %v", operation, err)
			}
			if tell(response) == nil {
				if _, err := json.Marshal(response); err != nil {
					t.Errorf("%s: the response is no JSON: %v", operation, err)
				}
			}
		}
	})
}
