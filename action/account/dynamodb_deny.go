package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/action"
)

// tablePolicyAPI is what the kind needs of DynamoDB.
type tablePolicyAPI interface {
	DescribeTable(ctx context.Context, in *dynamodb.DescribeTableInput, opts ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	GetResourcePolicy(ctx context.Context, in *dynamodb.GetResourcePolicyInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetResourcePolicyOutput, error)
	PutResourcePolicy(ctx context.Context, in *dynamodb.PutResourcePolicyInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutResourcePolicyOutput, error)
	DeleteResourcePolicy(ctx context.Context, in *dynamodb.DeleteResourcePolicyInput, opts ...func(*dynamodb.Options)) (*dynamodb.DeleteResourcePolicyOutput, error)
}

// dynamodbDeny denies the use of a table by a statement in its policy.
func dynamodbDeny() kind {
	undo := []string{"dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"}
	actions := []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:ConditionCheckItem",
		"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}
	k := denialKind("dynamodb-deny", "Deny the use of a table by its policy", table(), actions, undo)
	k.open = func(cfg aws.Config) change { return tableDenial(dynamodb.NewFromConfig(cfg), actions).setting() }
	k.needs = func(id string) []action.Permission {
		return []action.Permission{{Resources: []string{id}, Actions: append(undo, "dynamodb:DescribeTable")}}
	}
	return k
}

// noRevision is the revision of a policy that is not there.
const noRevision = "NO_POLICY"

func tableDenial(api tablePolicyAPI, actions []string) denial {
	return denial{
		what:   "resource policy",
		lookup: func(ctx context.Context, name string) (string, error) { return findPolicyTable(ctx, api, name) },
		read: func(ctx context.Context, id string) (policy, revision string, err error) {
			out, err := api.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &id})
			switch {
			case hasCode(err, "PolicyNotFoundException"):
				return "", noRevision, nil
			case err != nil:
				return "", "", explain("table "+id+": read its policy", err, "ResourceNotFoundException")
			}
			return aws.ToString(out.Policy), aws.ToString(out.RevisionId), nil
		},
		write: func(ctx context.Context, id, policy, revision string) error {
			var err error
			switch {
			case policy != "":
				_, err = api.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: &id, Policy: &policy, ExpectedRevisionId: &revision})
			case revision == noRevision: // a rehearsal: DynamoDB says so, if there is nothing to remove
				if _, err = api.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &id}); hasCode(err, "PolicyNotFoundException", "ResourceNotFoundException") {
					return nil
				}
			default:
				_, err = api.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &id, ExpectedRevisionId: &revision})
			}
			if hasCode(err, "PolicyNotFoundException") {
				return fmt.Errorf("table %s: its policy: %w: %w", id, errConflict, err)
			}
			return explain("table "+id+": change its policy", err, "ResourceNotFoundException")
		},
		deny:   func(o order) statement { return deniedBy(o, actions, []string{o.ID, o.ID + "/index/*"}) },
		limits: policyLimits{size: 20 << 10, spaces: true, source: `Amazon DynamoDB developer guide, "Resource-based policy considerations": at most 20 KB, with its white space`},
	}
}

// findPolicyTable is the ARN of a table whose policy can be changed now.
func findPolicyTable(ctx context.Context, api tablePolicyAPI, name string) (string, error) {
	of, index := splitTable(name)
	if index != "" {
		return "", &action.Refused{Reason: "target " + name + " is an index, which has no policy of its own", Tip: "the table's policy is its indexes', too: table: " + of}
	}
	out, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		err = explain("table "+name+": describe it", err, "ResourceNotFoundException")
		if errors.Is(err, errGone) {
			return "", missing("table", name, "this account and region", nil)
		}
		return "", err
	}
	if s := out.Table.TableStatus; s != types.TableStatusActive {
		return "", &action.Refused{Reason: fmt.Sprintf("table %s is %s", name, s), Tip: "wait until it is ACTIVE"}
	}
	return aws.ToString(out.Table.TableArn), nil
}
