package account

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/firedrill-dev/firedrill/fault"
)

// A slowTableServer takes its time for an update, as DynamoDB does and moto does not: until a table was looked at, it is
// UPDATING, tells what it was before, and takes no other update. It stands for one table.
type slowTableServer struct {
	moto   http.Handler
	update func() // is told of an update

	mu     sync.Mutex
	before []byte // the description, while the table is UPDATING
}

func (s *slowTableServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	switch {
	case operation == "UpdateTable" && s.before != nil:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceInUseException","message":"Table is being updated: orders"}`)
		return
	case operation == "UpdateTable":
		s.before = s.describe(r)
		defer s.update()
	case operation == "DescribeTable" && s.before != nil:
		before := s.before
		s.before = nil
		_, _ = w.Write(bytes.Replace(before, []byte(`"TableStatus": "ACTIVE"`), []byte(`"TableStatus": "UPDATING"`), 1))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	s.moto.ServeHTTP(w, r)
}

func (s *slowTableServer) describe(r *http.Request) []byte {
	ask := r.Clone(r.Context())
	body, _ := json.Marshal(map[string]string{"TableName": "orders"})
	ask.Header.Set("X-Amz-Target", "DynamoDB_20120810.DescribeTable")
	ask.Body, ask.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	s.moto.ServeHTTP(answer, ask)
	var out map[string]any
	_ = json.Unmarshal(answer.Body.Bytes(), &out)
	spaced, _ := json.MarshalIndent(out, "", " ")
	return spaced
}

// TestTableIsUpdating: while DynamoDB changes a table it tells the old capacity; nobody may take that for the truth.
func TestTableIsUpdating(t *testing.T) {
	f := capacityFixture()
	kill := func() {}
	f.front = func(moto http.Handler) http.Handler { return &slowTableServer{moto: moto, update: func() { kill() }} }
	f.state = func(t *testing.T, w world) any {
		now, err := settled(t.Context(), dynamodb.NewFromConfig(w.cfg), "orders")
		if err != nil {
			t.Fatal(err)
		}
		return []any{now.provisioned.ReadCapacityUnits, now.provisioned.WriteCapacityUnits}
	}
	restoresExactly(t, newSubject(t, newStand(t).behind(t, f), f))

	t.Run("killed in the middle", func(t *testing.T) {
		s := newSubject(t, newStand(t).behind(t, f), f)
		undo := s.prepare(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		kill = cancel
		if err := s.change.Apply(ctx, undo); err == nil {
			t.Error("the kill came too late")
		}
		kill = func() {}
		other, err := s.factory().Restore(s.kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Revert(t.Context(), undo); err != nil {
			t.Error(err)
		}
		s.restored(t)
	})

	t.Run("before the run", func(t *testing.T) {
		w := newStand(t).behind(t, f).world()
		f.setup(t, w)
		if _, err := dynamodb.NewFromConfig(w.cfg).UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &f.target.Resources[0], ProvisionedThroughput: capacity(9, 9)}); err != nil {
			t.Fatal(err)
		}
		refused(t, w, f.kind, "orders", fault.Attributes{"read": 1.0}, "table orders is UPDATING")
	})
}
