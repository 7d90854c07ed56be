package account

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// apiCORSAPI is what the kind needs of Amazon API Gateway.
type apiCORSAPI interface {
	GetApi(ctx context.Context, in *apigatewayv2.GetApiInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApiOutput, error)
	UpdateApi(ctx context.Context, in *apigatewayv2.UpdateApiInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateApiOutput, error)
	DeleteCorsConfiguration(ctx context.Context, in *apigatewayv2.DeleteCorsConfigurationInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteCorsConfigurationOutput, error)
}

// apigatewayv2CORS lets browsers refuse what pages ask of an HTTP API.
func apigatewayv2CORS() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "apigatewayv2-cors", Doc: "Break the CORS configuration of an HTTP API, so that browsers refuse to use it",
				Attributes: []fault.Attribute{{Name: "origin", Type: fault.TypeText, Doc: "the only origin that is allowed meanwhile; default: the configuration is removed"}},
			},
			Target: experiment.Resource{Key: "http_api", Doc: "An HTTP API of API Gateway, by id or ARN", CloudFormation: "AWS::ApiGatewayV2::Api"},
			Check:  checkOrigin,
		},
		service: "apigatewayv2",
		open: func(cfg aws.Config) change {
			return apiCORS(apigatewayv2.NewFromConfig(cfg), apiARN(cfg)+"/apis/")
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{id}, Actions: []string{"apigateway:GET", "apigateway:PATCH"}},
				{Resources: []string{id + "/cors"}, Actions: []string{"apigateway:DELETE"}},
			}
		},
	}
}

// apiCORS is the CORS configuration of an HTTP API; nil: there is none.
func apiCORS(api apiCORSAPI, arn string) setting[*types.Cors] {
	get := func(ctx context.Context, id string) (*apigatewayv2.GetApiOutput, error) {
		number := strings.TrimPrefix(id, arn)
		out, err := api.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: &number})
		return out, explain("API "+number+": read it", err, "NotFoundException")
	}
	return setting[*types.Cors]{
		what: "CORS configuration",
		lookup: func(ctx context.Context, name string) (string, error) {
			out, err := get(ctx, name)
			switch {
			case errors.Is(err, errGone):
				return "", missing("HTTP API", name, "this account and region", nil)
			case err != nil:
				return "", err
			case out.ProtocolType != types.ProtocolTypeHttp:
				return "", &action.Refused{Reason: "API " + name + " is a " + string(out.ProtocolType) + " API, which has no CORS configuration", Tip: "choose an HTTP API"}
			}
			return arn + strings.TrimPrefix(name, arn), nil
		},
		read: func(ctx context.Context, id string) (*types.Cors, error) {
			out, err := get(ctx, id)
			if err != nil {
				return nil, err
			}
			return out.CorsConfiguration, nil
		},
		want: func(now *types.Cors, o order) (*types.Cors, error) {
			origin, ok := o.With["origin"].(string)
			if !ok || now == nil {
				return nil, nil
			}
			after := *now
			after.AllowOrigins = []string{origin}
			return &after, nil
		},
		write: func(ctx context.Context, id string, _, to *types.Cors) error {
			number := strings.TrimPrefix(id, arn)
			var err error
			if to == nil {
				_, err = api.DeleteCorsConfiguration(ctx, &apigatewayv2.DeleteCorsConfigurationInput{ApiId: &number})
			} else {
				_, err = api.UpdateApi(ctx, &apigatewayv2.UpdateApiInput{ApiId: &number, CorsConfiguration: to})
			}
			return explain("API "+number+": change its CORS configuration", err, "NotFoundException")
		},
		take: func(now, before, after *types.Cors) (next *types.Cors, drift string) {
			switch {
			case now == nil && after == nil:
				return before, ""
			case now == nil || after == nil || text(now.AllowOrigins) != text(after.AllowOrigins):
				return now, "its CORS configuration was changed to " + text(now)
			}
			restored := *now
			restored.AllowOrigins = before.AllowOrigins
			return &restored, ""
		},
		say: func(before, after *types.Cors) (string, string) {
			undo := "allow " + strings.Join(before.AllowOrigins, ", ") + " again"
			if after == nil {
				return "remove the CORS configuration", undo
			}
			return "allow only " + after.AllowOrigins[0], undo
		},
	}
}
