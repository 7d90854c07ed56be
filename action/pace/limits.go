package pace

import "path"

// A limit is how often AWS lets an account make some requests.
type limit struct {
	service    string   // its id, as the SDK has it; empty: any
	operations []string // patterns; nil: all others of the service
	rate       float64  // a second; 0: so high that it is nothing to keep to
	each       bool     // every operation has a bucket of its own; else they share one
	bucket     string   // the shared bucket's name, if it is not the service's
	global     bool     // for all regions together
	once       bool     // never tried again: its failures are what experiments measure
}

// limits are AWS's defaults, as documented in November 2026; the first that fits counts. A service whose limits AWS
// keeps to itself has defaultRate.
var limits = []limit{
	// docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, "Lambda API requests". Invocations are held up by
	// nothing.
	{service: "Lambda", operations: []string{"Invoke*"}, once: true},
	{service: "Lambda", operations: []string{"GetFunction"}, rate: 100, each: true},
	{service: "Lambda", operations: []string{"GetPolicy"}, rate: 15, each: true},
	{service: "Lambda", rate: 15},

	// docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html, "Quotas on API requests": five a second for
	// each account.
	{service: "Route 53", rate: 5, global: true},

	// docs.aws.amazon.com/apigateway/latest/developerguide/limits.html, "creating, deploying and managing an API": all
	// operations together ten a second; some have less, and share it.
	{service: "API Gateway", operations: []string{"CreateDeployment"}, rate: 0.2, each: true},
	{service: "API Gateway", rate: 10, bucket: "apigateway"},
	{service: "ApiGatewayV2", rate: 10, bucket: "apigateway"},

	// docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html: a bucket for each operation; these are the refill
	// rates of calls without filters or pages, and of those that change something.
	{service: "EC2", operations: []string{"RunInstances", "StartInstances"}, rate: 2, each: true},
	{service: "EC2", operations: []string{"Describe*"}, rate: 10, each: true},
	{service: "EC2", rate: 5, each: true},

	// docs.aws.amazon.com/general/latest/gr/ssm.html, Parameter Store's default throughput; the three that read share it.
	{service: "SSM", operations: []string{"GetParameter", "GetParameters", "GetParametersByPath"}, rate: 40, bucket: "SSM read"},
	{service: "SSM", operations: []string{"PutParameter"}, rate: 3, each: true},

	// docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, "AWS STS request quotas".
	{service: "STS", rate: 600},
	// IAM documents no rates; it is one place for all regions.
	{service: "IAM", rate: 10, global: true},

	// docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
	{service: "Secrets Manager", operations: []string{"*ResourcePolicy"}, rate: 50},
	{service: "Secrets Manager", operations: []string{"DescribeSecret", "GetSecretValue"}},

	// docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
	{service: "KMS", operations: []string{"PutKeyPolicy"}, rate: 15, each: true},
	{service: "KMS", operations: []string{"EnableKey", "DisableKey"}, rate: 5, each: true},

	// docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: PutEvents has its own, much higher one.
	{service: "EventBridge", operations: []string{"PutEvents"}},
	{service: "EventBridge", rate: 50},

	// docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
	{service: "CloudWatch", operations: []string{"GetMetricData"}, rate: 50, each: true},
	{service: "CloudWatch", operations: []string{"DescribeAlarms"}, rate: 9, each: true},
	{service: "CloudWatch", operations: []string{"PutMetricAlarm", "SetAlarmState"}, rate: 3, each: true},
	// repost.aws/knowledge-center/cloudwatch-logs-throttling
	{service: "CloudWatch Logs", operations: []string{"FilterLogEvents"}, rate: 5, each: true},

	// docs.aws.amazon.com/resourcegroupstagging/latest/APIReference, "request quotas".
	{service: "Resource Groups Tagging API", operations: []string{"GetResources"}, rate: 15, each: true},
	{service: "Resource Groups Tagging API", rate: 5},

	// docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html: items are limited by their table's
	// capacity. Changes of tables are limited by how many are under way, 500, not by a rate.
	{service: "DynamoDB", operations: []string{"*Item", "Query", "Scan", "Transact*Items", "Execute*"}},
	// docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html: thousands a second for each prefix.
	{service: "S3", operations: []string{"*Object*"}},
	// Messages: thousands a second, or no limit (docs of both services' quotas).
	{service: "SQS", operations: []string{"*Message*"}},
	{service: "SNS", operations: []string{"Publish*"}},

	{rate: defaultRate},
}

// defaultRate is for operations whose rate AWS does not tell: CloudFormation, Auto Scaling, ECS, AppConfig and others
// throttle single operations, and none was ever seen to do so at this rate.
const defaultRate = 10

// limitOf is the limit of an operation, and the name of its bucket; a rate of 0 means that there is nothing to keep to.
func limitOf(service, operation string) (l limit, bucket string) {
	for _, l := range limits {
		if (l.service != "" && l.service != service) || !l.covers(operation) {
			continue
		}
		switch {
		case l.each:
			return l, service + " " + operation
		case l.bucket != "":
			return l, l.bucket
		case l.operations != nil:
			return l, service + " " + l.operations[0]
		}
		return l, service
	}
	return limit{}, "" // never: the last one covers everything
}

func (l limit) covers(operation string) bool {
	for _, pattern := range l.operations {
		if ok, err := path.Match(pattern, operation); ok && err == nil {
			return true
		}
	}
	return l.operations == nil
}
