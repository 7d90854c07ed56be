package layer

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// A Publisher is what publishing needs of Lambda's client.
type Publisher interface {
	PublishLayerVersion(ctx context.Context, in *lambda.PublishLayerVersionInput, opts ...func(*lambda.Options)) (*lambda.PublishLayerVersionOutput, error)
}

// Publish makes a layer zip a new version of the layer called name, and returns the version's ARN. Functions that use
// an earlier version keep it.
func Publish(ctx context.Context, api Publisher, name string, arch Arch, description string, content []byte) (arn string, err error) {
	out, err := api.PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
		LayerName:               aws.String(name),
		Description:             aws.String(description),
		LicenseInfo:             aws.String("Apache-2.0"),
		CompatibleArchitectures: []lambdatypes.Architecture{lambdatypes.Architecture(arch)},
		Content:                 &lambdatypes.LayerVersionContentInput{ZipFile: content},
	})
	if err != nil {
		return "", fmt.Errorf("publish layer %s: %w", name, err)
	}
	return aws.ToString(out.LayerVersionArn), nil
}
