package dynamostate

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/firedrill-dev/firedrill/engine"
)

var _ engine.Ledger = (*Table)(nil)

// settledAtOnce is how many runs are settled in one go: each is a request.
const settledAtOnce = 25

// maxSettled is more than what any run comes to; a page of DynamoDB's answers has 1 MB.
const maxSettled = 32 << 10

// Settled reads the list of runs, which has a line for those that are settled.
func (t *Table) Settled(ctx context.Context) (map[string][]byte, error) {
	items, err := t.query(ctx, allRuns, "0", last)
	out := make(map[string][]byte, len(items))
	for _, it := range items {
		out[textOf(it[sortKey])] = bytesOf(it["settled"])
	}
	return out, err
}

// Settle adds lines to the list of runs, for the latest of them.
func (t *Table) Settle(ctx context.Context, lines map[string][]byte) error {
	var runs []string
	for run, line := range lines {
		if len(line) <= maxSettled {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	for _, run := range runs[max(0, len(runs)-settledAtOnce):] {
		_, err := call(ctx, t, callBudget, "settle a run in", &dynamodb.UpdateItemInput{
			TableName: &t.at.Table, Key: key(allRuns, run),
			UpdateExpression:          aws.String("SET settled = :line"),
			ConditionExpression:       aws.String("attribute_exists(pk)"),
			ExpressionAttributeValues: item{":line": binary(lines[run])},
		}, t.api.UpdateItem)
		if err != nil {
			return err
		}
	}
	return nil
}
