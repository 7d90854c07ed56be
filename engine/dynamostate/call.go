package dynamostate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/engine"
)

// How long a call may take, its repetitions included.
const (
	callBudget  = 10 * time.Second
	shortBudget = 2 * time.Second // right after one failed: a table that has gone away must not hold up an undo
)

// call makes a request within a budget, and says in words what went wrong.
func call[In, Out any](ctx context.Context, t *Table, budget time.Duration, what string, in *In, do func(context.Context, *In, ...func(*dynamodb.Options)) (*Out, error)) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	out, err := do(ctx, in)
	if err != nil {
		return nil, t.explain(what, err)
	}
	return out, nil
}

// explain adds what to do about an error.
func (t *Table) explain(what string, err error) error {
	var api smithy.APIError
	wrapped := fmt.Errorf("%s %s: %w", what, t.Name(), err)
	if !errors.As(err, &api) {
		if errors.Is(err, context.Canceled) {
			return wrapped
		}
		return &engine.Refusal{Err: wrapped, Tip: "is the region right, and DynamoDB reachable from here?"}
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return &engine.Refusal{Err: fmt.Errorf("there is no table %s here", t.at.Table), Tip: "create it: firedrill state create " + t.Name() + "; or name its region: --state dynamodb:" + t.at.Table + "?region=REGION"}
	case "AccessDeniedException":
		return &engine.Refusal{Err: wrapped, Tip: "the permissions that it takes: firedrill policy FILE --state " + t.Name()}
	case "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException":
		return &engine.Refusal{Err: wrapped, Tip: "sign in to AWS again"}
	}
	return wrapped
}

// retryable adds to what the SDK repeats: transactions that met others, or a limit.
func retryable(err error) aws.Ternary {
	var conflict *types.TransactionConflictException
	var soon *types.ContinuousBackupsUnavailableException // of a new table
	if errors.As(err, &conflict) || errors.As(err, &soon) {
		return aws.TrueTernary
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return aws.UnknownTernary
	}
	passing := false
	for _, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "None":
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "InternalServerError":
			passing = true
		default:
			return aws.FalseTernary
		}
	}
	return aws.BoolTernary(passing)
}

// refusedItem finds the item that a condition did not hold of; nil if there is none. ok says that it was a condition.
func refusedItem(err error) (it item, ok bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}

// refusedItems are those of a transaction, by their place in it. A place whose condition held is missing.
func refusedItems(err error) (map[int]item, bool) {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return nil, false
	}
	out := map[int]item{}
	for i, reason := range canceled.CancellationReasons {
		if aws.ToString(reason.Code) == "ConditionalCheckFailed" {
			out[i] = reason.Item
		}
	}
	return out, len(out) > 0
}
