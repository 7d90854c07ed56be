package group_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/firedrill-dev/firedrill/action/group"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func TestPick(t *testing.T) {
	var twelve []string
	for i := range 12 {
		twelve = append(twelve, fmt.Sprintf("table-%02d", i), fmt.Sprintf("table-%02d", i)) // tags may tell things twice
	}
	for _, test := range []struct {
		target experiment.Target
		want   int
	}{
		{experiment.Target{Tag: "a=b"}, 12},
		{experiment.Target{Tag: "a=b", Max: 12}, 12},
		{experiment.Target{Tag: "a=b", Count: 5}, 5},
		{experiment.Target{Tag: "a=b", Percent: 25}, 3},
		{experiment.Target{Tag: "a=b", Percent: 24.9}, 2},
		{experiment.Target{Tag: "a=b", Percent: 1}, 1},
		{experiment.Target{Tag: "a=b", Percent: 100}, 12},
	} {
		picked, of, err := group.Pick(twelve, test.target, 1)
		if err != nil || len(picked) != test.want || of != 12 {
			t.Errorf("%+v picks %d of %d, %v", test.target, len(picked), of, err)
		}
		again, _, _ := group.Pick(twelve, test.target, 1)
		if !slices.Equal(picked, again) || !slices.IsSorted(picked) || len(slices.Compact(slices.Clone(picked))) != len(picked) {
			t.Errorf("%+v picks %v, then %v", test.target, picked, again)
		}
	}
	one, _, _ := group.Pick(twelve, experiment.Target{Count: 4}, 1)
	other, _, _ := group.Pick(twelve, experiment.Target{Count: 4}, 2)
	if slices.Equal(one, other) {
		t.Errorf("two seeds pick the same %v", one)
	}
	for name, err := range map[string]error{
		"nothing found": second(group.Pick(nil, experiment.Target{Tag: "a=b"}, 0)),
		"too many":      second(group.Pick(twelve, experiment.Target{Stack: "shop", Max: 11}, 0)),
		"13 of 12":      second(group.Pick(twelve, experiment.Target{Tag: "a=b", Count: 13}, 0)),
	} {
		var refused *group.Refused
		if !errors.As(err, &refused) || refused.Tip == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second(_ []string, _ int, err error) error { return err }

const template = `{"Resources": {
  "Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}},
  "Queue": {"Type": "AWS::SQS::Queue"}}}`

func TestFind(t *testing.T) {
	endpoint := moto.Start(t)
	cfg := aws.Config{Region: moto.Region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	stacks := cloudformation.NewFromConfig(cfg)
	if _, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("shop"), TemplateBody: aws.String(template)}); err != nil {
		t.Fatal(err)
	}
	found, err := group.InStack(t.Context(), stacks, "AWS::DynamoDB::Table", "shop")
	if err != nil || !slices.Equal(found, []string{"orders"}) {
		t.Errorf("in the stack: %v, %v", found, err)
	}
	if found, err := group.InStack(t.Context(), stacks, "AWS::DynamoDB::Table", "shoq"); err == nil {
		t.Errorf("no such stack: %v", found)
	}
	_, err = dynamodb.NewFromConfig(cfg).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("carts"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		Tags:                 []types.Tag{{Key: aws.String("firedrill"), Value: aws.String("yes")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err = group.Tagged(t.Context(), tagging.NewFromConfig(cfg), "dynamodb:table", "firedrill", "yes")
	if err != nil || len(found) != 1 || found[0] != "arn:aws:dynamodb:eu-west-1:123456789012:table/carts" {
		t.Errorf("tagged: %v, %v", found, err)
	}
	if found, err := group.Tagged(t.Context(), tagging.NewFromConfig(cfg), "dynamodb:table", "firedrill", "no"); err != nil || len(found) != 0 {
		t.Errorf("tagged otherwise: %v, %v", found, err)
	}
}
