package account

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

func capacity(read, write int64) *types.ProvisionedThroughput {
	return &types.ProvisionedThroughput{ReadCapacityUnits: &read, WriteCapacityUnits: &write}
}

// makeTable makes the table orders with an index, of either capacity mode.
func makeTable(t *testing.T, w world, mode types.BillingMode) {
	t.Helper()
	key := func(name string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &name, KeyType: types.KeyTypeHash}}
	}
	in := &dynamodb.CreateTableInput{
		TableName: aws.String("orders"), BillingMode: mode, KeySchema: key("id"),
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("customer"), AttributeType: types.ScalarAttributeTypeS},
		},
	}
	index := types.GlobalSecondaryIndex{IndexName: aws.String("by-customer"), KeySchema: key("customer"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}
	if mode == types.BillingModeProvisioned {
		in.ProvisionedThroughput, index.ProvisionedThroughput = capacity(10, 20), capacity(30, 40)
	}
	in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{index}
	if _, err := dynamodb.NewFromConfig(w.cfg).CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// lookAtTable is all of a table but the history of its capacity, which every change goes into.
func lookAtTable(t *testing.T, w world) any {
	t.Helper()
	out, err := dynamodb.NewFromConfig(w.cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	out.Table.ProvisionedThroughput.NumberOfDecreasesToday = nil
	return out.Table
}

func updateOrders(t *testing.T, w world, in dynamodb.UpdateTableInput) {
	t.Helper()
	in.TableName = aws.String("orders")
	if _, err := dynamodb.NewFromConfig(w.cfg).UpdateTable(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func capacityFixture() fixture {
	return fixture{
		kind: "dynamodb-capacity", target: experiment.Target{Resources: []string{"orders"}}, with: fault.Attributes{"read": 1.0, "write": 1.0},
		setup: func(t *testing.T, w world) { makeTable(t, w, types.BillingModeProvisioned) },
		state: lookAtTable,
		edit: func(t *testing.T, w world) {
			updateOrders(t, w, dynamodb.UpdateTableInput{ProvisionedThroughput: capacity(7, 8)})
		},
	}
}

func TestCapacityOfAnIndex(t *testing.T) {
	f := capacityFixture()
	f.target.Resources = []string{"orders/index/by-customer"}
	f.with = fault.Attributes{"write": 3.0}
	stand := newStand(t)
	restoresExactly(t, newSubject(t, stand, f))

	s := newSubject(t, stand, f)
	undo := s.apply(t)
	updateOrders(t, s.world, dynamodb.UpdateTableInput{ProvisionedThroughput: capacity(11, 20)})
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert beside a change of the table: %v", err)
	}
	now, err := describeThroughput(t.Context(), dynamodb.NewFromConfig(s.cfg), "orders")
	if err != nil || *now.provisioned.ReadCapacityUnits != 11 || *now.table.GlobalSecondaryIndexes[0].ProvisionedThroughput.WriteCapacityUnits != 40 {
		t.Errorf("%+v, %v", now, err)
	}
}

// refused fails unless a fault on a resource is refused before anything is armed, and says why.
func refused(t *testing.T, w world, kind, target string, with fault.Attributes, says string) {
	t.Helper()
	list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: kind, Target: experiment.Target{Resources: []string{target}}, With: with}, params())
	if err == nil {
		_, err = list[0].Prepare(t.Context())
	}
	var refused *action.Refused
	if !errors.As(err, &refused) || refused.Tip == "" || !strings.Contains(err.Error(), says) {
		t.Errorf("%s on %s: %v, want %q and what to do", kind, target, err, says)
	}
}

func TestTableIsRefused(t *testing.T) {
	stand := newStand(t)
	for _, c := range []struct {
		name, kind, target string
		mode               types.BillingMode
		with               fault.Attributes
		says               string
	}{
		{"no such table", "dynamodb-capacity", "order", types.BillingModeProvisioned, fault.Attributes{"read": 1.0}, "no table order in"},
		{"no such index", "dynamodb-capacity", "orders/index/by-name", types.BillingModeProvisioned, fault.Attributes{"read": 1.0}, "no global secondary index by-name in table orders"},
		{"on demand", "dynamodb-capacity", "orders", types.BillingModePayPerRequest, fault.Attributes{"read": 1.0}, "PAY_PER_REQUEST"},
		{"more than now", "dynamodb-capacity", "orders", types.BillingModeProvisioned, fault.Attributes{"read": 11.0}, "read is 10 already"},
		{"as now", "dynamodb-capacity", "orders", types.BillingModeProvisioned, fault.Attributes{"read": 10.0}, "already what the fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := stand.world()
			makeTable(t, w, c.mode)
			refused(t, w, c.kind, c.target, c.with, c.says)
		})
	}
}

func TestTakeUnits(t *testing.T) {
	before, after := units{10, 20}, units{1, 20}
	for _, c := range []struct {
		now, next units
		drift     bool
	}{
		{units{1, 20}, before, false},
		{units{10, 20}, before, false},
		{units{1, 5}, units{10, 5}, true},
		{units{5, 20}, units{5, 20}, true},
		{units{5, 5}, units{5, 5}, true},
	} {
		next, drift := takeUnits(c.now, before, after)
		if next != c.next || (drift != "") != c.drift {
			t.Errorf("takeUnits(%v) = %v, %q", c.now, next, drift)
		}
	}
}

func TestDecreasable(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		today int64
		ago   time.Duration
		ok    bool
	}{{0, time.Minute, true}, {3, time.Minute, true}, {4, time.Minute, false}, {4, time.Hour, true}, {9, 59 * time.Minute, false}} {
		err := decreasable("orders", &types.ProvisionedThroughputDescription{NumberOfDecreasesToday: &c.today, LastDecreaseDateTime: aws.Time(at.Add(-c.ago))}, at)
		if (err == nil) != c.ok {
			t.Errorf("%d today, the last %s ago: %v", c.today, c.ago, err)
		}
	}
}
