package dynamostate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/engine"
)

// A Table is an engine.Home in DynamoDB.
type Table struct {
	at    Location
	api   *dynamodb.Client
	clock *clock
}

var _ engine.Home = (*Table)(nil)

// New names a table; nothing is asked yet. The configuration's HTTP client should give up on a request after a few
// seconds, since it bounds one attempt.
func New(cfg aws.Config, at Location) *Table {
	api := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts, r.RateLimiter = 1000, ratelimit.None // the call's context is the limit
			r.Backoff = retry.BackoffDelayerFunc(pause)
			r.Retryables = append(r.Retryables, retry.IsErrorRetryableFunc(retryable))
		})
	})
	return &Table{at: at, api: api, clock: &clock{now: time.Now}}
}

// pause is full jitter below a bound that doubles from 50 ms to a second.
func pause(attempt int, _ error) (time.Duration, error) {
	return mathrand.N(min(50*time.Millisecond<<min(attempt, 10), time.Second)), nil
}

// Name is the argument of --state.
func (t *Table) Name() string { return t.at.String() }

// Pace is slower than a folder's, since each look is a request.
func (t *Table) Pace() time.Duration { return time.Second }

// The keys of the table.
const (
	partition = "pk"
	sortKey   = "sk"

	allRuns    = "runs"
	claimItem  = "claim"
	journalKey = "journal#"
	targetKey  = "target#"
)

func runKey(run string) string { return "run#" + run }

func targetHash(target string) string {
	sum := sha256.Sum256([]byte(target))
	return targetKey + hex.EncodeToString(sum[:16])
}

func journalNumber(n int64) string { return fmt.Sprintf("%s%010d", journalKey, n) }

// An item is a row, or part of one.
type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{partition: text(pk), sortKey: text(sk)} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func boolean(b bool) types.AttributeValue  { return &types.AttributeValueMemberBOOL{Value: b} }

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(v types.AttributeValue) int64 {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64)
		return i
	}
	return 0
}

func bytesOf(v types.AttributeValue) []byte {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

func boolOf(v types.AttributeValue) bool {
	b, ok := v.(*types.AttributeValueMemberBOOL)
	return ok && b.Value
}

// query reads all items of a partition whose sort keys lie between two, as they are now.
func (t *Table) query(ctx context.Context, pk, from, to string) ([]item, error) {
	in := &dynamodb.QueryInput{
		TableName: &t.at.Table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: item{":pk": text(pk), ":from": text(from), ":to": text(to)},
	}
	var items []item
	for {
		out, err := call(ctx, t, callBudget, "read", in, t.api.Query)
		if err != nil {
			return nil, err
		}
		t.clock.saw(out.ResultMetadata)
		items = append(items, out.Items...)
		if len(out.LastEvaluatedKey) == 0 {
			return items, nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// last is above every sort key that begins as it does.
const last = "\x7f"

// Runs lists the ids of all runs.
func (t *Table) Runs(ctx context.Context) ([]string, error) {
	items, err := t.query(ctx, allRuns, "0", last)
	var runs []string
	for _, it := range items {
		runs = append(runs, textOf(it[sortKey]))
	}
	return runs, err
}

// Trace reads a run's claim and journal.
func (t *Table) Trace(ctx context.Context, run string) (engine.Trace, error) {
	var trace engine.Trace
	items, err := t.query(ctx, runKey(run), claimItem, journalKey+last)
	if err == nil && len(items) == 0 {
		err = fmt.Errorf("run %s is not in %s: %w", run, t.Name(), fs.ErrNotExist)
	}
	for _, it := range items {
		if textOf(it[sortKey]) == claimItem {
			trace.Live = t.live(it)
		} else {
			trace.Lines = append(trace.Lines, bytesOf(it["lines"])...)
		}
	}
	return trace, err
}

// Holder looks up who has locked a target.
func (t *Table) Holder(ctx context.Context, target string) (string, error) {
	items, err := t.query(ctx, targetHash(target), "lock", "lock")
	if err != nil || len(items) == 0 {
		return "", err
	}
	return textOf(items[0]["run"]), nil
}

// live says whether a claim is somebody's.
func (t *Table) live(claim item) bool {
	return !boolOf(claim["released"]) && numberOf(claim["expires"]) > t.clock.time().UnixMilli()
}

// me names this process, for people.
func me() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}

func token() string { return rand.Text() }

// hostOf shortens what a claim says of its holder to something that fits into a sentence.
func hostOf(claim item) string {
	if host := strings.TrimSpace(textOf(claim["host"])); host != "" {
		return host
	}
	return "another machine"
}
