package account

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// TestServiceThatRewritesPolicies: some services keep what a policy means, and not how it was written.
func TestServiceThatRewritesPolicies(t *testing.T) {
	f := bucketFixture()
	f.front = func(moto http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut || !r.URL.Query().Has("policy") {
				moto.ServeHTTP(w, r)
				return
			}
			text, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body := canonical(string(text))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(body))), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			moto.ServeHTTP(w, r)
		})
	}
	stand := newStand(t).behind(t, f)
	for name, try := range map[string]func(t *testing.T, s *subject){
		"restores exactly": restoresExactly, "somebody else's edit beside": besideEdit, "somebody else's edit": otherEdit,
	} {
		t.Run(name, func(t *testing.T) { try(t, newSubject(t, stand, f)) })
	}
}

// TestServiceThatTellsLate: what was written is told only some looks later. A change whose reply was lost, and which is not
// to be seen yet, is taken back all the same.
func TestServiceThatTellsLate(t *testing.T) {
	f := bucketFixture()
	f.front = func(moto http.Handler) http.Handler { return &late{next: moto} }
	s := newSubject(t, newStand(t).behind(t, f), f)
	undo := s.prepare(t)
	lost := failures[len(failures)-1]
	if lost.name != "reply lost" {
		t.Fatal("the failures are in another order")
	}
	s.failAt(2, lost) // the write, after the look
	if err := s.change.Apply(t.Context(), undo); err == nil {
		t.Error("Apply does not tell of the reply that was lost")
	}
	if !s.heal() {
		t.Fatal("the write was not made")
	}
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert: %v", err)
	}
	s.restored(t)
	undo = s.apply(t)
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert: %v", err)
	}
	s.restored(t)
}

// late answers the first looks at a policy after each write as if it had not been made.
type late struct {
	next http.Handler
	mu   sync.Mutex
	old  *httptest.ResponseRecorder // the last answer
	left int                        // how often it is told again
}

// ServeHTTP implements http.Handler.
func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !r.URL.Query().Has("policy") {
		l.next.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet {
		l.next.ServeHTTP(w, r)
		if l.old != nil {
			l.left = 2
		}
		return
	}
	if l.left == 0 {
		l.old = httptest.NewRecorder()
		l.next.ServeHTTP(l.old, r)
	} else {
		l.left--
	}
	for name, values := range l.old.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(l.old.Code)
	_, _ = w.Write(l.old.Body.Bytes())
}
