package account

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// dynamodbCapacity lowers the provisioned capacity of a table or of one of its indexes, so that requests are throttled.
func dynamodbCapacity() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "dynamodb-capacity", Doc: "Lower the provisioned capacity of a table or index so far that requests are throttled",
				Attributes: []fault.Attribute{
					{Name: "read", Type: fault.TypeInteger, Min: 1, Max: maxCapacity, Doc: "read capacity units; default: as many as now"},
					{Name: "write", Type: fault.TypeInteger, Min: 1, Max: maxCapacity, Doc: "write capacity units; default: as many as now"},
				},
			},
			Target: table(),
			Check:  eitherOf("read", "write"),
		},
		service: "dynamodb",
		undo:    tableTime,
		open:    func(cfg aws.Config) change { return provisioned(dynamodb.NewFromConfig(cfg)) },
		needs:   tablePermissions,
	}
}

// maxCapacity is far above what accounts may have.
const maxCapacity = 1_000_000_000

// eitherOf demands at least one of two attributes.
func eitherOf(a, b string) func(with fault.Attributes) []fault.Problem {
	return func(with fault.Attributes) []fault.Problem {
		if with[a] == nil && with[b] == nil {
			return []fault.Problem{{Message: "says neither " + a + " nor " + b, Hint: "such as " + a + ": 1"}}
		}
		return nil
	}
}

// units are reads and writes in a second.
type units struct {
	Read  int64 `json:"read"`
	Write int64 `json:"write"`
}

// lowered is units with what an order says in their place. What would not be less is refused: the fault starves, and
// putting back what was raised would be the decrease.
func (u units) lowered(o order, unlimited int64) (units, error) {
	next := u
	for name, at := range map[string]*int64{"read": &next.Read, "write": &next.Write} {
		wanted, ok := o.With[name].(float64)
		switch {
		case !ok:
		case *at != unlimited && int64(wanted) > *at:
			return u, &action.Refused{Reason: fmt.Sprintf("%s: %s is %d already, less than the %d of the fault", o.ID, name, *at, int64(wanted)), Tip: "choose fewer than now"}
		default:
			*at = int64(wanted)
		}
	}
	return next, nil
}

// takeUnits puts back each of the two that nobody else has changed.
func takeUnits(now, before, after units) (next units, drift string) {
	next = now
	for _, one := range []struct {
		name               string
		now, before, after int64
		next               *int64
	}{
		{"read", now.Read, before.Read, after.Read, &next.Read},
		{"write", now.Write, before.Write, after.Write, &next.Write},
	} {
		switch {
		case one.now == one.after:
			*one.next = one.before
		case one.now != one.before:
			if drift != "" {
				drift += ", "
			}
			drift += fmt.Sprintf("its capacity to %s was changed to %d", one.name, one.now)
		}
	}
	return next, drift
}

// provisioned is the capacity that a table, or an index of it, is provisioned with.
func provisioned(api tableAPI) setting[units] {
	return setting[units]{
		what: "provisioned capacity",
		lookup: func(ctx context.Context, name string) (string, error) {
			id, now, err := findThroughput(ctx, api, name, types.BillingModeProvisioned, "dynamodb-max-throughput")
			if err != nil {
				return "", err
			}
			return id, decreasable(name, now.provisioned, time.Now())
		},
		read: func(ctx context.Context, id string) (units, error) {
			now, err := settled(ctx, api, id)
			if err != nil || now.provisioned == nil {
				return units{}, err
			}
			return units{aws.ToInt64(now.provisioned.ReadCapacityUnits), aws.ToInt64(now.provisioned.WriteCapacityUnits)}, nil
		},
		want: func(now units, o order) (units, error) { return now.lowered(o, 0) },
		write: func(ctx context.Context, id string, from, to units) error {
			name, index := splitTable(id)
			in := &dynamodb.UpdateTableInput{TableName: &name}
			wanted := &types.ProvisionedThroughput{ReadCapacityUnits: &to.Read, WriteCapacityUnits: &to.Write}
			if index == "" {
				in.ProvisionedThroughput = wanted
			} else {
				in.GlobalSecondaryIndexUpdates = []types.GlobalSecondaryIndexUpdate{{Update: &types.UpdateGlobalSecondaryIndexAction{IndexName: &index, ProvisionedThroughput: wanted}}}
			}
			return updateTable(ctx, api, id, in, from == to)
		},
		take: takeUnits,
		say: func(before, after units) (string, string) {
			return fmt.Sprintf("lower the capacity to %d reads and %d writes a second (now: %d and %d)", after.Read, after.Write, before.Read, before.Write),
				fmt.Sprintf("raise it to %d and %d again", before.Read, before.Write)
		},
	}
}

// decreasable says whether DynamoDB lets the capacity be lowered now: four times a day (of UTC), and beyond that once an
// hour (Amazon DynamoDB developer guide, "Quotas"). Raising it again is not limited.
func decreasable(name string, now *types.ProvisionedThroughputDescription, at time.Time) error {
	if now == nil || aws.ToInt64(now.NumberOfDecreasesToday) < 4 || now.LastDecreaseDateTime == nil {
		return nil
	}
	if next := now.LastDecreaseDateTime.Add(time.Hour); at.Before(next) {
		return &action.Refused{
			Reason: fmt.Sprintf("table %s: its capacity was lowered %d times today, which DynamoDB allows again at %s", name, *now.NumberOfDecreasesToday, next.UTC().Format(time.TimeOnly)+" UTC"),
			Tip:    "run it then: four decreases a day are free, the others an hour apart",
		}
	}
	return nil
}
