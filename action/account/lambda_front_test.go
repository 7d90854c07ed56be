package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// A lambdaFront stands in front of the stand-in for AWS and adds what that lacks of AWS Lambda: functions and aliases have
// revisions, which writes may insist on, and what was changed is under way for a while, if asked for. All else goes through.
type lambdaFront struct {
	behind http.Handler

	mu        sync.Mutex
	slow      map[string]bool // accounts in which updates take a few looks
	revisions map[string]int  // by account and path
	underWay  map[string]int  // looks until it is done
	failing   map[string]bool // accounts in which the next update fails
	failed    map[string]bool // what the last update of has failed
	switching map[string]bool // mappings of which the update is to deliver or not
}

const looksUnderWay = 4 // the answer to the update itself is the first

func frontLambda(next http.Handler) http.Handler { return newLambdaFront(next) }

func newLambdaFront(next http.Handler) *lambdaFront {
	return &lambdaFront{behind: next, slow: map[string]bool{}, revisions: map[string]int{}, underWay: map[string]int{}, failing: map[string]bool{}, failed: map[string]bool{}, switching: map[string]bool{}}
}

// takeTime lets updates in an account be under way for a while.
func (f *lambdaFront) takeTime(account string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slow[account] = true
}

// failNext lets the next update in an account fail after it was accepted.
func (f *lambdaFront) failNext(account string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing[account] = true
}

var lambdaPath = regexp.MustCompile(`^/2015-03-31/(functions/([^/]+)/(configuration|aliases/[^/]+)|event-source-mappings/[^/]+)/?$`)

func (f *lambdaFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := lambdaPath.FindStringSubmatch(r.URL.EscapedPath())
	if match == nil || (r.Method != http.MethodGet && r.Method != http.MethodPut) {
		f.behind.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	account := r.Header.Get("x-moto-account-id")
	key := account + " " + resourceOf(match)
	mapping := match[2] == ""
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if f.refuse(w, key, mapping, body) {
			return
		}
		f.switching[key] = bytes.Contains(body, []byte(`"Enabled"`))
	}
	answer := httptest.NewRecorder()
	f.behind.ServeHTTP(answer, r)
	if r.Method == http.MethodPut && answer.Code < http.StatusMultipleChoices {
		f.revisions[key]++
		f.failed[key] = f.failing[account]
		delete(f.failing, account)
		if f.slow[account] {
			f.underWay[key] = looksUnderWay
		}
	}
	f.write(w, answer, key, mapping)
}

// resourceOf is one name for what clients call by name or ARN, with an alias or without.
func resourceOf(match []string) string {
	name, err := url.PathUnescape(match[2])
	if err != nil || name == "" {
		return match[1]
	}
	if _, after, ok := strings.Cut(name, ":function:"); ok {
		name = after
	}
	return name + " " + match[3]
}

// refuse answers writes that AWS Lambda would not take.
func (f *lambdaFront) refuse(w http.ResponseWriter, key string, mapping bool, body []byte) bool {
	var in struct{ RevisionId string }
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return true
	}
	status, code := 0, ""
	switch {
	case f.underWay[key] > 0 && mapping:
		status, code = http.StatusBadRequest, "ResourceInUseException"
	case f.underWay[key] > 0:
		status, code = http.StatusConflict, "ResourceConflictException"
	case in.RevisionId != "" && in.RevisionId != f.revision(key):
		status, code = http.StatusPreconditionFailed, "PreconditionFailedException"
	default:
		return false
	}
	w.Header().Set("X-Amzn-Errortype", code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"Message":"%s by the front"}`, code)
	return true
}

func (f *lambdaFront) revision(key string) string {
	return fmt.Sprintf("revision-%d", f.revisions[key])
}

// write passes an answer on, with what the front knows better.
func (f *lambdaFront) write(w http.ResponseWriter, answer *httptest.ResponseRecorder, key string, mapping bool) {
	body := answer.Body.Bytes()
	var told map[string]any
	if answer.Code < http.StatusMultipleChoices && json.Unmarshal(body, &told) == nil {
		busy := f.underWay[key] > 0
		switch {
		case mapping && busy && f.switching[key]:
			told["State"] = map[any]string{"Enabled": "Enabling", "Disabled": "Disabling"}[told["State"]]
		case mapping && busy:
			told["State"] = "Updating"
		case !mapping:
			told["RevisionId"] = f.revision(key)
			told["LastUpdateStatus"] = map[bool]string{true: "InProgress", false: "Successful"}[busy]
			if f.failed[key] {
				told["LastUpdateStatus"] = "Failed"
			}
		}
		if busy {
			f.underWay[key]--
		}
		body, _ = json.Marshal(told) // it was JSON
	}
	for name, values := range answer.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}
