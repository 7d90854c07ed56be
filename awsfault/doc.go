// Package awsfault makes calls to AWS services fail, hang, come late or succeed in part, as the fault set's member
// "awscall" says. It is middleware for the clients of aws-sdk-go-v2:
//
//	awsfault.Install(&cfg) // an aws.Config
//	db := dynamodb.NewFromConfig(cfg)
//
// An injected error is what the service would have sent: the response is made in the service's own protocol, below
// the SDK's retries and above its HTTP client. So the SDK itself makes its modeled error of it, decides whether to try
// again, backs off, and spends its retry quota. No request leaves the process, unless a fault says otherwise.
//
// It is a package of its own so that a function which does not import it carries no AWS SDK.
package awsfault
