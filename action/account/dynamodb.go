package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// table is the target of faults on tables.
func table() experiment.Resource {
	return experiment.Resource{Key: "table", Doc: "A DynamoDB table, by name or ARN; an index of it as TABLE/index/NAME, where the fault can be put on one", Tagged: "dynamodb:table", CloudFormation: "AWS::DynamoDB::Table"}
}

// tableTime is how long DynamoDB may take for a change of a table. Most take less than a minute.
const tableTime = 10 * time.Minute

// tableAPI is what the kinds that change a table need of DynamoDB.
type tableAPI interface {
	DescribeTable(ctx context.Context, in *dynamodb.DescribeTableInput, opts ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	UpdateTable(ctx context.Context, in *dynamodb.UpdateTableInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error)
}

// tablePermissions are for changing a table, or an index of it.
func tablePermissions(id string) []action.Permission {
	arn, _ := splitTable(id)
	return []action.Permission{{Resources: []string{arn}, Actions: []string{"dynamodb:DescribeTable", "dynamodb:UpdateTable"}}}
}

// splitTable tells a table from its index, in a name or an ARN.
func splitTable(id string) (table, index string) {
	table, index, _ = strings.Cut(id, "/index/")
	return table, index
}

// throughput is the capacity of a table, or of an index of it, as DynamoDB tells it.
type throughput struct {
	table       *types.TableDescription
	status      string // of the table or, once that is active, of the index
	provisioned *types.ProvisionedThroughputDescription
	onDemand    *types.OnDemandThroughput
}

func describeThroughput(ctx context.Context, api tableAPI, id string) (throughput, error) {
	name, index := splitTable(id)
	out, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return throughput{}, explain("table "+name+": describe it", err, "ResourceNotFoundException")
	}
	t := out.Table
	all := throughput{table: t, status: string(t.TableStatus), provisioned: t.ProvisionedThroughput, onDemand: t.OnDemandThroughput}
	if index == "" {
		return all, nil
	}
	for _, i := range t.GlobalSecondaryIndexes {
		if aws.ToString(i.IndexName) != index {
			continue
		}
		all.provisioned, all.onDemand = i.ProvisionedThroughput, i.OnDemandThroughput
		if t.TableStatus == types.TableStatusActive {
			all.status = string(i.IndexStatus)
		}
		return all, nil
	}
	return throughput{}, fmt.Errorf("table %s: its index %s: %w", name, index, errGone)
}

// findThroughput is the ARN of a table, or of an index of it, whose capacity can be changed now. mode is the capacity mode
// that it must have, instead the fault for the other one.
func findThroughput(ctx context.Context, api tableAPI, name string, mode types.BillingMode, instead string) (string, throughput, error) {
	of, index := splitTable(name)
	now, err := describeThroughput(ctx, api, name)
	switch {
	case errors.Is(err, errGone) && hasCode(err, "ResourceNotFoundException"):
		return "", now, missing("table", of, "this account and region", nil)
	case errors.Is(err, errGone):
		return "", now, missing("global secondary index", index, "table "+of, nil)
	case err != nil:
		return "", now, err
	}
	is := types.BillingModeProvisioned // of tables that never had another mode, which AWS does not tell
	if now.table.BillingModeSummary != nil {
		is = now.table.BillingModeSummary.BillingMode
	}
	switch {
	case now.status != string(types.TableStatusActive):
		return "", now, &action.Refused{Reason: fmt.Sprintf("table %s is %s", name, now.status), Tip: "while DynamoDB changes a table, nothing else of it can be changed: run it again when it is ACTIVE"}
	case is != mode:
		return "", now, &action.Refused{Reason: fmt.Sprintf("table %s has the capacity mode %s, and this fault is for %s", name, is, mode), Tip: "there is the fault " + instead + " for it"}
	case len(now.table.Replicas) > 0:
		return "", now, &action.Refused{Reason: "table " + name + " is a global table: what it may write is the same in all its regions", Tip: "this fault keeps to one region: choose a table without replicas"}
	}
	id := aws.ToString(now.table.TableArn)
	if index != "" {
		id += "/index/" + index
	}
	return id, now, nil
}

// settled is the capacity of a table that nobody is changing: while DynamoDB changes it, it still tells the old one.
func settled(ctx context.Context, api tableAPI, id string) (throughput, error) {
	for {
		now, err := describeThroughput(ctx, api, id)
		switch {
		case err != nil:
			return now, err
		case now.status == string(types.TableStatusDeleting):
			return now, fmt.Errorf("table %s is being deleted: %w", id, errGone)
		case now.status != string(types.TableStatusUpdating) && now.status != string(types.TableStatusCreating):
			return now, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return now, fmt.Errorf("table %s is still %s, and tells its capacity only when it is ACTIVE: %w", id, now.status, err)
		}
	}
}

// updateTable changes a table, and returns when DynamoDB has done so. keeps says that the update asks for what is there
// already, which DynamoDB refuses once it knows that the caller may update the table.
func updateTable(ctx context.Context, api tableAPI, id string, in *dynamodb.UpdateTableInput, keeps bool) error {
	_, err := api.UpdateTable(ctx, in)
	switch {
	case hasCode(err, "ResourceInUseException"):
		return fmt.Errorf("table %s: %w: %w", id, errConflict, err)
	case keeps && hasCode(err, "ValidationException"):
		return nil
	case err != nil:
		return explain("table "+id+": change its capacity", err, "ResourceNotFoundException")
	}
	_, err = settled(ctx, api, id)
	return err
}
