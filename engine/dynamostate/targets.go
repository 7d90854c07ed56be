package dynamostate

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/engine"
)

// atOnce is how many targets one transaction takes: each is two of its hundred items.
const atOnce = 48

// Lock writes down that the run has targets, where nobody else has. They stay its own beyond the end of the claim.
func (c *claim) Lock(ctx context.Context, targets []string) error {
	for some := range slices.Chunk(targets, atOnce) {
		if err := c.lock(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

func (c *claim) lock(ctx context.Context, targets []string) error {
	t := c.table
	writes := []types.TransactWriteItem{{Update: c.ours()}}
	for _, target := range targets {
		lock, mine := key(targetHash(target), "lock"), key(runKey(c.run), targetHash(target))
		lock["target"], lock["run"], mine["target"] = text(target), text(c.run), text(target)
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName: &t.at.Table, Item: lock, ConditionExpression: aws.String("attribute_not_exists(pk) OR run = :run"),
			ExpressionAttributeValues: item{":run": lock["run"]}, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}, types.TransactWriteItem{Put: &types.Put{TableName: &t.at.Table, Item: mine}})
	}
	_, err := call(ctx, t, callBudget, "lock targets in", &dynamodb.TransactWriteItemsInput{TransactItems: writes}, t.api.TransactWriteItems)
	found, refused := refusedItems(err)
	if !refused {
		return err
	}
	if claim, refused := found[0]; refused {
		return c.gone(claim)
	}
	for _, other := range found {
		held := &engine.TargetHeld{Target: textOf(other["target"]), Run: textOf(other["run"])}
		claims, err := t.query(ctx, runKey(held.Run), claimItem, claimItem)
		if err != nil {
			return err
		}
		held.Gone = len(claims) == 0 || !t.live(claims[0])
		return held
	}
	return err
}

// unlock gives the run's targets back.
func (c *claim) unlock(ctx context.Context) error {
	t := c.table
	mine, err := t.query(ctx, runKey(c.run), targetKey, targetKey+last)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(mine, atOnce) {
		writes := []types.TransactWriteItem{{Update: c.ours()}}
		for _, it := range some {
			writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{
				TableName: &t.at.Table, Key: key(textOf(it[sortKey]), "lock"), ConditionExpression: aws.String("attribute_not_exists(pk) OR run = :run"),
				ExpressionAttributeValues: item{":run": text(c.run)},
			}}, types.TransactWriteItem{Delete: &types.Delete{TableName: &t.at.Table, Key: key(runKey(c.run), textOf(it[sortKey]))}})
		}
		if _, err := call(ctx, t, c.budget(), "unlock targets in", &dynamodb.TransactWriteItemsInput{TransactItems: writes}, t.api.TransactWriteItems); err != nil {
			return err
		}
	}
	return nil
}
