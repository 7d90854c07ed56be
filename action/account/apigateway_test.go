package account

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
)

// A stageServer does with stages of APIs what moto does not. Of REST APIs that is to remove the settings of a method; moto
// forgets to. Of HTTP APIs it is every update: moto has none, so that a stage that was updated lives here. As with API
// Gateway, what an update leaves out stays: limits of a stage can be changed and never removed.
type stageServer struct {
	moto http.Handler

	mu      sync.Mutex
	removed map[string]map[string]bool // methods without settings, by the stage's path
	updated map[string]map[string]any  // stages of HTTP APIs, by path
}

func newStageServer(moto http.Handler) http.Handler {
	return &stageServer{moto: moto, removed: map[string]map[string]bool{}, updated: map[string]map[string]any{}}
}

func (s *stageServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path, route, aboutRoute := strings.Cut(strings.TrimSuffix(r.URL.EscapedPath(), "/"), "/routesettings/")
	switch stage := strings.Contains(path, "/stages/"); {
	case stage && strings.HasPrefix(path, "/v2/apis/") && (r.Method == http.MethodPatch || s.updated[path] != nil || aboutRoute):
		s.serveHTTPStage(w, r, path, route, raw)
	case stage && strings.HasPrefix(path, "/restapis/"):
		s.serveRESTStage(w, r, path, raw)
	default:
		forward(w, s.ask(r, raw), nil)
	}
}

func (s *stageServer) ask(r *http.Request, body []byte) *httptest.ResponseRecorder {
	to := r.Clone(r.Context())
	to.Body, to.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := httptest.NewRecorder()
	s.moto.ServeHTTP(answer, to)
	return answer
}

func forward(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	if body == nil {
		body = answer.Body.Bytes()
	}
	maps.Copy(w.Header(), answer.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

func (s *stageServer) serveHTTPStage(w http.ResponseWriter, r *http.Request, path, route string, raw []byte) {
	get := r.Clone(r.Context())
	get.Method = http.MethodGet
	get.URL.Path, get.URL.RawPath, _ = strings.Cut(path, "\x00") // never escaped: the stage's name is plain
	if unescaped, err := url.PathUnescape(path); err == nil {
		get.URL.Path, get.URL.RawPath = unescaped, path
	}
	answer := s.ask(get, nil)
	if answer.Code != http.StatusOK {
		forward(w, answer, nil)
		return
	}
	stage := s.updated[path]
	if stage == nil {
		stage = map[string]any{}
		_ = json.Unmarshal(answer.Body.Bytes(), &stage)
		s.updated[path] = stage
	}
	routes, _ := stage["routeSettings"].(map[string]any)
	switch {
	case route != "":
		key, _ := url.PathUnescape(route)
		delete(routes, key)
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodPatch:
		var patch struct {
			DefaultRouteSettings map[string]any            `json:"defaultRouteSettings"`
			RouteSettings        map[string]map[string]any `json:"routeSettings"`
		}
		_ = json.Unmarshal(raw, &patch)
		defaults, _ := stage["defaultRouteSettings"].(map[string]any)
		maps.Copy(defaults, patch.DefaultRouteSettings)
		for key, settings := range patch.RouteSettings {
			have, _ := routes[key].(map[string]any)
			if have == nil {
				have = map[string]any{}
				routes[key] = have
			}
			maps.Copy(have, settings)
		}
	}
	body, _ := json.Marshal(stage)
	forward(w, answer, body)
}

func (s *stageServer) serveRESTStage(w http.ResponseWriter, r *http.Request, path string, raw []byte) {
	if s.removed[path] == nil {
		s.removed[path] = map[string]bool{}
	}
	var patch struct {
		Operations []struct{ Op, Path string } `json:"patchOperations"`
	}
	_ = json.Unmarshal(raw, &patch)
	answer := s.ask(r, raw)
	if answer.Code/100 != 2 {
		forward(w, answer, nil)
		return
	}
	for _, o := range patch.Operations {
		method, _, limit := strings.Cut(strings.TrimPrefix(o.Path, "/"), "/throttling/")
		if limit || o.Op == "remove" {
			s.removed[path][method] = o.Op == "remove"
		}
	}
	var stage map[string]any
	if json.Unmarshal(answer.Body.Bytes(), &stage) != nil {
		forward(w, answer, nil)
		return
	}
	settings, _ := stage["methodSettings"].(map[string]any)
	maps.DeleteFunc(settings, func(method string, _ any) bool { return s.removed[path][method] })
	body, _ := json.Marshal(stage)
	forward(w, answer, body)
}
