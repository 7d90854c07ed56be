package local

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	defaultRoute = "$default"
	anyMethod    = "ANY"
)

// A pattern is a parsed route key.
type pattern struct {
	key      string
	method   string // "" in $default
	segments []segment
	greedy   string // name of the last, greedy parameter; "" if there is none

	// For the router.
	function, qualifier string
}

// A segment is literal text or, if parameter is set, the name of what stands there.
type segment struct{ literal, parameter string }

var routeMethods = []string{
	anyMethod, http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodHead, http.MethodOptions,
}

// parseRoute reads "METHOD /path" or "$default".
func parseRoute(key string) (pattern, error) {
	p := pattern{key: key}
	if key == defaultRoute {
		return p, nil
	}
	method, path, ok := strings.Cut(key, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return p, errors.New("not a route")
	}
	if !slices.Contains(routeMethods, method) {
		return p, errors.New("unknown method, in capitals one of " + strings.Join(routeMethods, ", "))
	}
	p.method = method
	names := map[string]bool{}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		name, isParameter := strings.CutPrefix(part, "{")
		if !isParameter {
			if strings.ContainsAny(part, "{}?# ") {
				return p, errors.New("a parameter must fill its whole segment")
			}
			p.segments = append(p.segments, segment{literal: part})
			continue
		}
		name, ok := strings.CutSuffix(name, "}")
		name, greedy := strings.CutSuffix(name, "+")
		if !ok || name == "" || strings.ContainsAny(name, "{}+ ") || names[name] {
			return p, errors.New("a parameter must be named once, like {id}, and fill its segment")
		}
		names[name] = true
		if !greedy {
			p.segments = append(p.segments, segment{parameter: name})
			continue
		}
		if i != len(parts)-1 {
			return p, errors.New("a greedy parameter must be the last segment")
		}
		p.greedy = name
	}
	return p, nil
}

// shape is the key without the parameters' names: routes of one shape match the same requests.
func (p pattern) shape() string {
	if p.method == "" {
		return p.key
	}
	var b strings.Builder
	b.WriteString(p.method)
	for _, s := range p.segments {
		b.WriteByte('/')
		if s.parameter != "" {
			b.WriteString("{}")
		}
		b.WriteString(s.literal)
	}
	if p.greedy != "" {
		b.WriteString("/{+}")
	}
	return b.String()
}

// match returns the path parameters, decoded, if the request is the pattern's.
func (p pattern) match(method string, parts []string) (map[string]string, bool) {
	if p.method == "" {
		return nil, true
	}
	if p.method != anyMethod && p.method != method {
		return nil, false
	}
	if len(parts) < len(p.segments) || p.greedy == "" && len(parts) != len(p.segments) {
		return nil, false
	}
	var parameters map[string]string
	set := func(name, escaped string) {
		if parameters == nil {
			parameters = map[string]string{}
		}
		if value, err := url.PathUnescape(escaped); err == nil {
			escaped = value
		}
		parameters[name] = escaped
	}
	for i, s := range p.segments {
		switch {
		case s.parameter == "" && s.literal != parts[i], s.parameter != "" && parts[i] == "":
			return nil, false
		case s.parameter != "":
			set(s.parameter, parts[i])
		}
	}
	if p.greedy != "" {
		rest := strings.Join(parts[len(p.segments):], "/")
		if rest == "" {
			return nil, false
		}
		set(p.greedy, rest)
	}
	return parameters, true
}

// before orders patterns as API Gateway prefers them: literal text over a parameter, a parameter over a greedy one,
// the longer over the shorter, a method over ANY, and $default last.
func (p pattern) before(q pattern) int {
	if (p.method == "") != (q.method == "") {
		return order(q.method == "")
	}
	for i := range min(len(p.segments), len(q.segments)) {
		if a, b := p.segments[i].parameter == "", q.segments[i].parameter == ""; a != b {
			return order(a)
		}
	}
	if (p.greedy == "") != (q.greedy == "") {
		return order(p.greedy == "")
	}
	if len(p.segments) != len(q.segments) {
		return order(len(p.segments) > len(q.segments))
	}
	if (p.method == anyMethod) != (q.method == anyMethod) {
		return order(q.method == anyMethod)
	}
	return 0
}

func order(first bool) int {
	if first {
		return -1
	}
	return 1
}

// A router finds the route of a request.
type router struct{ patterns []pattern }

// newRouter sorts the patterns once, so that the first match is the right one.
func newRouter(patterns []pattern) *router {
	patterns = slices.Clone(patterns)
	slices.SortStableFunc(patterns, pattern.before)
	return &router{patterns}
}

// find returns the most specific pattern that matches, with its path parameters.
func (r *router) find(method, escapedPath string) (pattern, map[string]string, bool) {
	parts := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for _, p := range r.patterns {
		if parameters, ok := p.match(method, parts); ok {
			return p, parameters, true
		}
	}
	return pattern{}, nil, false
}
