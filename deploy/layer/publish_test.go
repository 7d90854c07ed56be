package layer_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/deploy/layer"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func TestPublish(t *testing.T) {
	client := lambda.New(lambda.Options{Region: moto.Region, BaseEndpoint: aws.String(moto.Start(t)),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")})
	var content bytes.Buffer
	if err := (layer.Contents{Arch: layer.ARM64, Proxy: []byte(arm64)}).Write(&content); err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 2; version++ {
		arn, err := layer.Publish(t.Context(), client, "firedrill-arm64", layer.ARM64, "Firedrill test", content.Bytes())
		if want := fmt.Sprintf(":layer:firedrill-arm64:%d", version); err != nil || !strings.HasSuffix(arn, want) {
			t.Fatalf("%q, %v, want ...%s", arn, err, want)
		}
		got, err := client.GetLayerVersion(t.Context(), &lambda.GetLayerVersionInput{LayerName: aws.String("firedrill-arm64"), VersionNumber: aws.Int64(int64(version))})
		if err != nil {
			t.Fatal(err)
		}
		if archs := fmt.Sprint(got.CompatibleArchitectures); archs != "[arm64]" || aws.ToString(got.LicenseInfo) != "Apache-2.0" || aws.ToString(got.Description) != "Firedrill test" {
			t.Errorf("%s, licence %s, %q", archs, aws.ToString(got.LicenseInfo), aws.ToString(got.Description))
		}
		if got.Content.CodeSize != int64(content.Len()) {
			t.Errorf("%d bytes, want %d", got.Content.CodeSize, content.Len())
		}
	}
}

func TestPublishSaysWhichLayerFailed(t *testing.T) {
	client := lambda.New(lambda.Options{Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")})
	if _, err := layer.Publish(t.Context(), client, "firedrill-arm64", layer.ARM64, "", nil); err == nil || !strings.Contains(err.Error(), "publish layer firedrill-arm64") {
		t.Error(err)
	}
}
