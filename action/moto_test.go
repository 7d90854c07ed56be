package action

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// onMoto is access to AWS's stand-in.
func onMoto(t *testing.T) aws.Config {
	return aws.Config{Region: moto.Region, BaseEndpoint: aws.String(moto.Start(t)), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
}

// roundTrip takes a place through a run and back, as the real clients do it.
func roundTrip(t *testing.T, p place) {
	t.Helper()
	text, exists := p.get()
	if err := p.rehearsed(t); err != nil && !errors.Is(err, ErrNotRehearsed) {
		t.Error(err)
	}
	a, undo := p.applied(t, p.factory(), p.latency())
	if p.faults(t).Run() != "RUN" {
		t.Error("not armed")
	}
	if err := a.Renew(t.Context(), undo, 50); err != nil {
		t.Error(err)
	}
	if now, err := p.factory().Editor(t.Context(), p.target); err != nil {
		t.Error(err)
	} else if c, err := now.Read(t.Context()); err != nil || c.Secret && strings.Contains(string(undo), `"original"`) {
		t.Errorf("a secret is written down: %s, %v", undo, err)
	}
	for range 2 {
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
		p.is(t, text, exists)
	}
	if exists { // what somebody else writes meanwhile stays
		_, undo = p.applied(t, p.factory(), p.latency())
		p.set(`{"cpu":{"enabled":false}}`)
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("got %v", err)
		}
		p.is(t, `{"cpu":{"enabled":false}}`, true)
	}
}

// shop is a function that reads its fault set where config says.
func shop(config string) *fakeLambda {
	return &fakeLambda{variables: map[string]string{variableConfig: config}, calls: &faults{}}
}

// parameterState is what must be as before, but for the version.
type parameterState struct {
	Value, Type, Tier, DataType, Key, Description, Pattern string
	Tags                                                   map[string]string
}

func TestParametersOnMoto(t *testing.T) {
	api := ssm.NewFromConfig(onMoto(t))
	state := func(name string) (s parameterState, exists bool) {
		out, err := api.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		var missing *types.ParameterNotFound
		if errors.As(err, &missing) {
			return s, false
		}
		if err != nil {
			t.Fatal(err)
		}
		described, err := api.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Values: []string{name}}}})
		if err != nil || len(described.Parameters) != 1 {
			t.Fatal(err)
		}
		d := described.Parameters[0]
		s = parameterState{*out.Parameter.Value, string(d.Type), string(d.Tier), aws.ToString(d.DataType), aws.ToString(d.KeyId), aws.ToString(d.Description), aws.ToString(d.AllowedPattern), map[string]string{}}
		tags, err := api.ListTagsForResource(t.Context(), &ssm.ListTagsForResourceInput{ResourceId: &name, ResourceType: types.ResourceTypeForTaggingParameter})
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range tags.TagList {
			s.Tags[*tag.Key] = *tag.Value
		}
		return s, true
	}
	for _, in := range []ssm.PutParameterInput{
		{Name: aws.String("/shop/absent")},
		{Name: aws.String("/shop/plain"), Type: types.ParameterTypeString},
		{Name: aws.String("/shop/secret"), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/shop"), Tier: types.ParameterTierAdvanced,
			Description: aws.String("the shop's"), AllowedPattern: aws.String(`(?s)\{.*`), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}},
	} {
		name := *in.Name
		t.Run(name, func(t *testing.T) {
			if in.Type != "" {
				in.Value = aws.String(ownerText)
				if _, err := api.PutParameter(t.Context(), &in); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := state(name)
			p := place{target: experiment.Target{Lambda: "shop"}, calls: &faults{}, deps: Deps{Lambda: shop("ssm:" + name), Remote: true,
				SSM: func(context.Context, Service) (SSMAPI, error) { return api, nil }}}
			p.get = func() (string, bool) {
				s, exists := state(name)
				value := s.Value
				if s.Value = before.Value; exists && before.Type != "" && !cmp.Equal(s, before) {
					t.Errorf("a property was changed: %s", cmp.Diff(before, s))
				}
				return value, exists
			}
			p.set = func(text string) {
				if _, err := api.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &text, Overwrite: aws.Bool(true)}); err != nil {
					t.Fatal(err)
				}
			}
			roundTrip(t, p)
		})
	}
}

func TestObjectsOnMoto(t *testing.T) {
	api := s3.NewFromConfig(onMoto(t), func(o *s3.Options) { o.UsePathStyle = true })
	bucket := aws.String("drills")
	if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: moto.Region}}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"absent.json", "shop/a b/faults+.json"} {
		t.Run(key, func(t *testing.T) {
			exists := key != "absent.json"
			p := place{target: experiment.Target{Lambda: "shop"}, calls: &faults{}, deps: Deps{Lambda: shop("s3://drills/" + key), Remote: true,
				S3: func(context.Context, Service) (S3API, error) { return api, nil }}}
			p.get = func() (string, bool) {
				out, err := api.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key})
				var missing *s3types.NoSuchKey
				if errors.As(err, &missing) {
					return "", false
				}
				if err != nil {
					t.Fatal(err)
				}
				defer out.Body.Close()
				data, err := io.ReadAll(out.Body)
				if err != nil {
					t.Fatal(err)
				}
				if exists && (aws.ToString(out.ContentType) != "text/plain" || out.Metadata["owner"] != "shop" || aws.ToInt32(out.TagCount) != 2) {
					t.Errorf("a property was changed: %s, %v, %d tags", aws.ToString(out.ContentType), out.Metadata, aws.ToInt32(out.TagCount))
				}
				return string(data), true
			}
			p.set = func(text string) {
				if _, err := api.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(text), ContentType: aws.String("text/plain"),
					Metadata: map[string]string{"owner": "shop"}, Tagging: aws.String("team=shop&why=a%3Db%20c")}); err != nil {
					t.Fatal(err)
				}
			}
			if exists {
				p.set(ownerText)
			}
			roundTrip(t, p)
		})
	}
}
