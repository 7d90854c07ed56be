package account

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// dynamodbMaxThroughput sets how much an on-demand table or index may be used in a second, so that requests beyond it are
// throttled (Amazon DynamoDB developer guide, "Maximum throughput for on-demand tables").
func dynamodbMaxThroughput() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "dynamodb-max-throughput", Doc: "Limit an on-demand table or index so far that requests are throttled",
				Attributes: []fault.Attribute{
					{Name: "read", Type: fault.TypeInteger, Min: 1, Max: maxCapacity, Doc: "read request units in a second; default: as many as now"},
					{Name: "write", Type: fault.TypeInteger, Min: 1, Max: maxCapacity, Doc: "write request units in a second; default: as many as now"},
				},
			},
			Target: table(),
			Check:  eitherOf("read", "write"),
		},
		service: "dynamodb",
		undo:    tableTime,
		open:    func(cfg aws.Config) change { return maxThroughput(dynamodb.NewFromConfig(cfg)) },
		needs:   tablePermissions,
	}
}

// noMaximum is how DynamoDB says that there is none, if it says anything.
const noMaximum = -1

// maxThroughput is the most that an on-demand table, or an index of it, may be used.
func maxThroughput(api tableAPI) setting[units] {
	return setting[units]{
		what: "maximum throughput",
		lookup: func(ctx context.Context, name string) (string, error) {
			id, _, err := findThroughput(ctx, api, name, types.BillingModePayPerRequest, "dynamodb-capacity")
			return id, err
		},
		read: func(ctx context.Context, id string) (units, error) {
			now, err := settled(ctx, api, id)
			if err != nil {
				return units{}, err
			}
			none := units{noMaximum, noMaximum}
			if now.onDemand == nil {
				return none, nil
			}
			if read := aws.ToInt64(now.onDemand.MaxReadRequestUnits); read > 0 {
				none.Read = read
			}
			if write := aws.ToInt64(now.onDemand.MaxWriteRequestUnits); write > 0 {
				none.Write = write
			}
			return none, nil
		},
		want: func(now units, o order) (units, error) { return now.lowered(o, noMaximum) },
		write: func(ctx context.Context, id string, from, to units) error {
			name, index := splitTable(id)
			in := &dynamodb.UpdateTableInput{TableName: &name}
			wanted := &types.OnDemandThroughput{MaxReadRequestUnits: &to.Read, MaxWriteRequestUnits: &to.Write}
			if index == "" {
				in.OnDemandThroughput = wanted
			} else {
				in.GlobalSecondaryIndexUpdates = []types.GlobalSecondaryIndexUpdate{{Update: &types.UpdateGlobalSecondaryIndexAction{IndexName: &index, OnDemandThroughput: wanted}}}
			}
			return updateTable(ctx, api, id, in, from == to)
		},
		take: takeUnits,
		say: func(before, after units) (string, string) {
			return fmt.Sprintf("allow at most %s (now: %s)", after.atMost(), before.atMost()), "allow " + before.atMost() + " again"
		},
	}
}

// atMost is units as maxima, in words.
func (u units) atMost() string {
	word := func(n int64, what string) string {
		if n == noMaximum {
			return "any number of " + what
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	return word(u.Read, "reads") + " and " + word(u.Write, "writes") + " a second"
}
