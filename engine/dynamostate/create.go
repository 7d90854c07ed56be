package dynamostate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/engine"
)

// Actions are what the state asks DynamoDB for, as IAM names it.
func Actions() []string {
	return []string{"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"}
}

// CreateActions are what Create needs.
func CreateActions() []string {
	return []string{"dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateContinuousBackups"}
}

// Create makes the table, paid by request, protected from deletion and kept for point-in-time recovery. One that has
// the right keys already is left as it is, and created is false.
func (t *Table) Create(ctx context.Context) (created bool, err error) {
	_, err = call(ctx, t, callBudget, "create", &dynamodb.CreateTableInput{
		TableName: &t.at.Table, BillingMode: types.BillingModePayPerRequest, DeletionProtectionEnabled: aws.Bool(true),
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String(partition), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String(sortKey), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash}, {AttributeName: aws.String(sortKey), KeyType: types.KeyTypeRange}},
	}, t.api.CreateTable)
	var exists *types.ResourceInUseException
	if errors.As(err, &exists) {
		return false, t.check(ctx)
	}
	if err != nil {
		return false, err
	}
	made := dynamodb.NewTableExistsWaiter(t.api, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay, o.MaxDelay = time.Second, 5*time.Second })
	if err := made.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &t.at.Table}, 3*time.Minute); err != nil {
		return true, t.explain("wait for", err)
	}
	_, err = call(ctx, t, time.Minute, "keep backups of", &dynamodb.UpdateContinuousBackupsInput{
		TableName: &t.at.Table, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)},
	}, t.api.UpdateContinuousBackups)
	return true, err
}

// check refuses a table that somebody made for something else.
func (t *Table) check(ctx context.Context) error {
	out, err := call(ctx, t, callBudget, "look at", &dynamodb.DescribeTableInput{TableName: &t.at.Table}, t.api.DescribeTable)
	if err != nil {
		return err
	}
	keys := map[string]types.KeyType{}
	for _, k := range out.Table.KeySchema {
		keys[aws.ToString(k.AttributeName)] = k.KeyType
	}
	if len(keys) != 2 || keys[partition] != types.KeyTypeHash || keys[sortKey] != types.KeyTypeRange {
		return &engine.Refusal{Err: fmt.Errorf("table %s exists, but its keys are not pk and sk", t.at.Table), Tip: "name another table: this one is for something else"}
	}
	return nil
}
