package account

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A maximaServer knows the maximum throughput of tables, which moto forgets; everything else moto does. Like DynamoDB it
// tells a maximum that was taken away as -1, and none at all of a table that never had one.
type maximaServer struct {
	moto http.Handler

	mu     sync.Mutex
	maxima map[string]map[string]any // by the ARN of table or index
}

func newMaximaServer(moto http.Handler) http.Handler {
	return &maximaServer{moto: moto, maxima: map[string]map[string]any{}}
}

func (s *maximaServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, dynamo := strings.Cut(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	if !dynamo {
		s.moto.ServeHTTP(w, r)
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	answer := httptest.NewRecorder()
	s.moto.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if answer.Code == http.StatusOK {
		body = s.amend(operation, raw, body)
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.Header().Del("X-Amz-Crc32")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// amend keeps what a request says of maxima, and tells them in its answer.
func (s *maximaServer) amend(operation string, request, answer []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked struct {
		OnDemandThroughput          map[string]any
		GlobalSecondaryIndexUpdates []struct {
			Update struct {
				IndexName          string
				OnDemandThroughput map[string]any
			}
		}
	}
	var told map[string]any
	if json.Unmarshal(request, &asked) != nil || json.Unmarshal(answer, &told) != nil {
		return answer
	}
	table, ok := told[map[string]string{"DescribeTable": "Table"}[operation]].(map[string]any)
	if !ok {
		table, ok = told["TableDescription"].(map[string]any)
	}
	if !ok {
		return answer
	}
	arn, _ := table["TableArn"].(string)
	if asked.OnDemandThroughput != nil {
		s.maxima[arn] = asked.OnDemandThroughput
	}
	for _, u := range asked.GlobalSecondaryIndexUpdates {
		s.maxima[arn+"/index/"+u.Update.IndexName] = u.Update.OnDemandThroughput
	}
	if m := s.maxima[arn]; m != nil {
		table["OnDemandThroughput"] = m
	}
	indexes, _ := table["GlobalSecondaryIndexes"].([]any)
	for _, i := range indexes {
		index, _ := i.(map[string]any)
		name, _ := index["IndexName"].(string)
		if m := s.maxima[arn+"/index/"+name]; m != nil {
			index["OnDemandThroughput"] = m
		}
	}
	amended, err := json.Marshal(told)
	if err != nil {
		return answer
	}
	return amended
}

func maximum(read, write int64) *types.OnDemandThroughput {
	return &types.OnDemandThroughput{MaxReadRequestUnits: &read, MaxWriteRequestUnits: &write}
}

// lookAtMaxima is all of the table orders; -1 is no maximum, as nothing is.
func lookAtMaxima(t *testing.T, w world) any {
	t.Helper()
	out, err := dynamodb.NewFromConfig(w.cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	out.Table.CreationDateTime = nil
	all := []**types.OnDemandThroughput{&out.Table.OnDemandThroughput}
	for i := range out.Table.GlobalSecondaryIndexes {
		all = append(all, &out.Table.GlobalSecondaryIndexes[i].OnDemandThroughput)
	}
	for _, m := range all {
		if *m != nil && *(*m).MaxReadRequestUnits == -1 && *(*m).MaxWriteRequestUnits == -1 {
			*m = nil
		}
	}
	return out.Table
}

func maxThroughputFixture() fixture {
	return fixture{
		kind: "dynamodb-max-throughput", target: experiment.Target{Resources: []string{"orders"}}, with: fault.Attributes{"read": 1.0},
		front: newMaximaServer,
		setup: func(t *testing.T, w world) { makeTable(t, w, types.BillingModePayPerRequest) },
		state: lookAtMaxima,
		edit: func(t *testing.T, w world) {
			updateOrders(t, w, dynamodb.UpdateTableInput{OnDemandThroughput: maximum(7, -1)})
		},
		beside: func(t *testing.T, w world) {
			updateOrders(t, w, dynamodb.UpdateTableInput{GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{
				{Update: &types.UpdateGlobalSecondaryIndexAction{IndexName: aws.String("by-customer"), OnDemandThroughput: maximum(5, 5)}}}})
		},
	}
}

func TestMaxThroughputOfAnIndex(t *testing.T) {
	f := maxThroughputFixture()
	f.target.Resources = []string{"orders/index/by-customer"}
	setup := f.setup
	f.setup = func(t *testing.T, w world) { // which has a maximum already
		setup(t, w)
		f.beside(t, w)
	}
	restoresExactly(t, newSubject(t, newStand(t).behind(t, f), f))
}
