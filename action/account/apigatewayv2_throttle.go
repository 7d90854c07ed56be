package account

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// httpStageAPI is what the kind needs of Amazon API Gateway.
type httpStageAPI interface {
	GetStage(ctx context.Context, in *apigatewayv2.GetStageInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.GetStageOutput, error)
	UpdateStage(ctx context.Context, in *apigatewayv2.UpdateStageInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateStageOutput, error)
	DeleteRouteSettings(ctx context.Context, in *apigatewayv2.DeleteRouteSettingsInput, opts ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteRouteSettingsOutput, error)
}

// apigatewayv2Throttle lets API Gateway refuse requests to an HTTP or WebSocket API as too many.
func apigatewayv2Throttle() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "apigatewayv2-throttle", Doc: "Throttle a stage of an HTTP or WebSocket API, so that callers are told that they are too many",
				Attributes: append(throttleAttributes(),
					fault.Attribute{Name: "routes", Type: fault.TypeTexts, Doc: "only these, such as GET /orders; default: the stage's own limits, which must be set"}),
			},
			Target: httpStage(),
		},
		service: "apigatewayv2",
		open: func(cfg aws.Config) change {
			return httpThrottle(apigatewayv2.NewFromConfig(cfg), apiARN(cfg)+"/apis/")
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{id}, Actions: []string{"apigateway:GET", "apigateway:PATCH"}},
				{Resources: []string{id + "/routesettings/*"}, Actions: []string{"apigateway:DELETE"}},
			}
		},
	}
}

// routeLimits are the settings of a stage and of those of its routes that have some of their own.
type routeLimits struct {
	Default *types.RouteSettings           `json:"default,omitempty"`
	Routes  map[string]types.RouteSettings `json:"routes,omitempty"`
}

// httpThrottle are the limits of a stage.
func httpThrottle(api httpStageAPI, arn string) setting[routeLimits] {
	read := func(ctx context.Context, id string) (routeLimits, error) {
		number, stage, err := splitStage(id)
		if err != nil {
			return routeLimits{}, err
		}
		out, err := api.GetStage(ctx, &apigatewayv2.GetStageInput{ApiId: &number, StageName: &stage})
		if err != nil {
			return routeLimits{}, explain("stage "+number+"/"+stage+": read it", err, "NotFoundException")
		}
		return routeLimits{out.DefaultRouteSettings, out.RouteSettings}, nil
	}
	return setting[routeLimits]{
		what:   "throttling",
		lookup: findStage(arn, read),
		read:   read,
		want:   throttled,
		write: func(ctx context.Context, id string, from, to routeLimits) error {
			return writeRoutes(ctx, api, id, from, to)
		},
		take: takeRoutes,
		say: func(before, after routeLimits) (string, string) {
			var what []string
			for _, route := range changedRoutes(before, after) {
				what = append(what, fmt.Sprintf("%s to %s (now: %s)", route, spell(after.Routes[route]), spell(before.Routes[route])))
			}
			if after.Default != nil && text(before.Default) != text(after.Default) {
				what = append(what, fmt.Sprintf("the stage to %s (now: %s)", spell(*after.Default), spell(*before.Default)))
			}
			return "throttle " + strings.Join(what, ", "), "put the limits of now back"
		},
	}
}

func spell(s types.RouteSettings) string {
	if s.ThrottlingRateLimit == nil && s.ThrottlingBurstLimit == nil {
		return "no limits"
	}
	return limits{aws.ToFloat64(s.ThrottlingRateLimit), aws.ToInt32(s.ThrottlingBurstLimit)}.String()
}

func (l limits) on(s types.RouteSettings) types.RouteSettings {
	s.ThrottlingRateLimit, s.ThrottlingBurstLimit = &l.Rate, &l.Burst
	return s
}

// throttled is what a stage should become. API Gateway can take the limits of a route away again, but not those of a stage.
func throttled(now routeLimits, o order) (routeLimits, error) {
	wanted := wantedLimits(o)
	routes, _ := o.With["routes"].([]string)
	if len(routes) == 0 {
		if now.Default == nil || now.Default.ThrottlingRateLimit == nil || now.Default.ThrottlingBurstLimit == nil {
			return now, &action.Refused{Reason: o.ID + ": the stage has no limits of its own, and API Gateway could not take them away again", Tip: "name routes: routes: [GET /orders]; or give the stage limits that stay"}
		}
		next := wanted.on(*now.Default)
		return routeLimits{Default: &next, Routes: now.Routes}, nil
	}
	after := routeLimits{Default: now.Default, Routes: maps.Clone(now.Routes)}
	if after.Routes == nil {
		after.Routes = map[string]types.RouteSettings{}
	}
	for _, route := range routes {
		have, own := now.Routes[route]
		switch {
		case own && (have.ThrottlingRateLimit == nil || have.ThrottlingBurstLimit == nil):
			return now, &action.Refused{Reason: fmt.Sprintf("%s: route %s has settings without limits, and API Gateway could take limits away again only with all of them", o.ID, route), Tip: "choose another route, or give this one limits that stay"}
		case !own && now.Default != nil: // settings of a route take the place of all those of the stage
			have = *now.Default
		}
		after.Routes[route] = wanted.on(have)
	}
	return after, nil
}

// changedRoutes are those that are not the same.
func changedRoutes(a, b routeLimits) []string {
	names := maps.Clone(a.Routes)
	if names == nil {
		names = map[string]types.RouteSettings{}
	}
	maps.Copy(names, b.Routes)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(route string) bool {
		x, inA := a.Routes[route]
		y, inB := b.Routes[route]
		return inA == inB && text(x) == text(y)
	})
}

// writeRoutes makes a stage as it should be. Each call does something whole, so that whoever comes after a kill between them
// finds each route as it was or as it should be.
func writeRoutes(ctx context.Context, api httpStageAPI, id string, from, to routeLimits) error {
	number, stage, err := splitStage(id)
	if err != nil {
		return err
	}
	for _, route := range changedRoutes(from, to) {
		if _, kept := to.Routes[route]; kept {
			continue
		}
		_, err := api.DeleteRouteSettings(ctx, &apigatewayv2.DeleteRouteSettingsInput{ApiId: &number, StageName: &stage, RouteKey: &route})
		if err != nil && !hasCode(err, "NotFoundException") {
			return explain("stage "+id+": remove the limits of "+route, err)
		}
	}
	in := &apigatewayv2.UpdateStageInput{ApiId: &number, StageName: &stage, RouteSettings: to.Routes}
	if text(from.Default) != text(to.Default) {
		in.DefaultRouteSettings = to.Default
	}
	_, err = api.UpdateStage(ctx, in)
	if text(from) == text(to) && hasCode(err, "BadRequestException") { // nothing to update, but allowed to
		return nil
	}
	return explain("stage "+id+": change its limits", err, "NotFoundException")
}

// takeRoutes puts back the stage's limits and those of each route, where they are as we have made them.
func takeRoutes(now, before, after routeLimits) (next routeLimits, drift string) {
	next = routeLimits{Default: now.Default, Routes: maps.Clone(now.Routes)}
	var others []string
	if text(before.Default) != text(after.Default) && after.Default != nil {
		switch {
		case now.Default != nil && spell(*now.Default) == spell(*after.Default) && before.Default != nil:
			restored := *now.Default
			restored.ThrottlingRateLimit, restored.ThrottlingBurstLimit = before.Default.ThrottlingRateLimit, before.Default.ThrottlingBurstLimit
			next.Default = &restored
		case text(now.Default) != text(before.Default) && text(now.Default) != text(after.Default):
			others = append(others, "the stage")
		}
	}
	for _, route := range changedRoutes(before, after) {
		have, there := now.Routes[route]
		was, had := before.Routes[route]
		switch {
		case there && text(have) == text(after.Routes[route]) && had:
			next.Routes[route] = was
		case there && text(have) == text(after.Routes[route]):
			delete(next.Routes, route)
		case there != had || text(have) != text(was):
			others = append(others, route)
		}
	}
	if len(others) > 0 {
		return next, "the limits of " + strings.Join(others, ", ") + " were changed"
	}
	return next, ""
}
