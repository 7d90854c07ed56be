// Package appconfig is the control side of AWS AppConfig for tests: one application with one environment, profiles with
// hosted versions, and deployments that take a while, over HTTP as AWS's own clients speak. It is no part of the product.
package appconfig

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// What there is, by name and by id.
const (
	Application   = "shop" // a1
	Environment   = "live" // e1
	Profile       = "faults"
	ID            = "a1/e1/p1" // of Profile
	ContentType   = "application/json"
	FreeForm      = "AWS.Freeform"
	FeatureFlags  = "AWS.AppConfig.FeatureFlags"
	stateComplete = "COMPLETE"
	stateUnderWay = "DEPLOYING"
)

// A Server is AppConfig. Its fields belong to the test until the first request, and between requests; its methods are
// safe at any time.
type Server struct {
	Strategies  []map[string]any
	Kind        string // of Profile
	Where       string // its location
	Versions    map[int]Version
	Next        int           // the number of the last version
	Deployments []*Deployment // by number, from 1
	Slowness    int           // looks until a deployment is over
	Interfere   func()        // once, before the next deployment starts

	mu    sync.Mutex
	calls map[string]bool
}

// Calls are the actions of IAM that were asked for since the last time.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Sorted(maps.Keys(s.calls))
	s.calls = nil
	return out
}

// LiveText is what the environment runs of Profile.
func (s *Server) LiveText() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Versions[s.Live()].Text
}

// called takes an action down.
func (s *Server) called(action string) {
	if s.calls == nil {
		s.calls = map[string]bool{}
	}
	s.calls["appconfig:"+action] = true
}

// A Version is one of a profile's.
type Version struct{ Text, Description, Kind string }

// A Deployment puts a version in force.
type Deployment struct {
	ConfigurationProfileId, ConfigurationName, ConfigurationVersion, State string
	DeploymentNumber                                                       int
	left                                                                   int
}

// New is an AppConfig in which nothing was deployed yet. It has AWS's own strategy and one that is over at once.
func New() *Server {
	return &Server{
		Strategies: []map[string]any{
			{"Id": "AppConfig.AllAtOnce", "Name": "AppConfig.AllAtOnce", "DeploymentDurationInMinutes": 0, "FinalBakeTimeInMinutes": 10, "GrowthFactor": 100},
			{"Id": "s1", "Name": "instant", "DeploymentDurationInMinutes": 0, "FinalBakeTimeInMinutes": 0, "GrowthFactor": 100},
		},
		Kind: FreeForm, Where: "hosted", Versions: map[int]Version{}, Slowness: 2,
	}
}

// Create makes a version.
func (s *Server) Create(v Version) int {
	s.Next++
	s.Versions[s.Next] = v
	return s.Next
}

// Deploy deploys a version of a profile, by its id.
func (s *Server) Deploy(profile string, version, looks int) *Deployment {
	d := &Deployment{ConfigurationProfileId: profile, ConfigurationName: Profile, ConfigurationVersion: strconv.Itoa(version), State: stateUnderWay, DeploymentNumber: len(s.Deployments) + 1, left: looks}
	s.Deployments = append(s.Deployments, d)
	d.look()
	return d
}

func (d *Deployment) look() {
	if d.left--; d.left < 0 && d.State == stateUnderWay {
		d.State = stateComplete
	}
}

// Edit is a deployment of somebody else.
func (s *Server) Edit(text string) {
	s.Deploy("p1", s.Create(Version{text, "the owner's", ContentType}), 0)
}

// Live is the version that the environment runs of Profile; 0: none.
func (s *Server) Live() int {
	for _, d := range slices.Backward(s.Deployments) {
		if d.ConfigurationProfileId == "p1" && d.State == stateComplete {
			n, _ := strconv.Atoi(d.ConfigurationVersion)
			return n
		}
	}
	return 0
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := path[len(path)-1]
	list := func(items ...any) { answer(w, http.StatusOK, map[string]any{"Items": items}) }
	if !strings.HasPrefix(r.URL.Path, "/deploymentstrategies") && len(path) > 1 && path[1] != "a1" {
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
		return
	}
	switch {
	case last == "applications":
		s.called("ListApplications")
		list(map[string]any{"Id": "a0", "Name": "other"}, map[string]any{"Id": "a1", "Name": Application})
	case last == "environments":
		s.called("ListEnvironments")
		list(map[string]any{"Id": "e1", "Name": Environment})
	case last == "configurationprofiles":
		s.called("ListConfigurationProfiles")
		list(map[string]any{"Id": "p0", "Name": "twice", "LocationUri": "hosted"}, map[string]any{"Id": "p2", "Name": "twice", "LocationUri": "hosted"},
			map[string]any{"Id": "p1", "Name": Profile, "LocationUri": s.Where, "Type": s.Kind})
	case last == "deploymentstrategies":
		s.called("ListDeploymentStrategies")
		answer(w, http.StatusOK, map[string]any{"Items": s.Strategies})
	case slices.Contains(path, "deployments"):
		s.deployments(w, r, path)
	default:
		s.hosted(w, r, last)
	}
}

// deployments answers what is asked of deployments.
func (s *Server) deployments(w http.ResponseWriter, r *http.Request, path []string) {
	number, err := strconv.Atoi(path[len(path)-1])
	switch {
	case err == nil && (number < 1 || number > len(s.Deployments)):
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
	case err == nil:
		s.called("GetDeployment")
		s.Deployments[number-1].look()
		answer(w, http.StatusOK, s.Deployments[number-1])
	case r.Method == http.MethodPost:
		s.called("StartDeployment")
		s.start(w, r)
	default:
		s.called("ListDeployments")
		var items []any
		for _, d := range slices.Backward(s.Deployments) {
			items = append(items, d)
		}
		answer(w, http.StatusOK, map[string]any{"Items": items})
	}
}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	if interfere := s.Interfere; interfere != nil {
		s.Interfere = nil
		interfere()
	}
	var in struct{ ConfigurationProfileId, ConfigurationVersion, DeploymentStrategyId string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.DeploymentStrategyId != "s1" {
		fail(w, http.StatusBadRequest, "BadRequestException")
		return
	}
	if n := len(s.Deployments); n > 0 && s.Deployments[n-1].State == stateUnderWay {
		s.Deployments[n-1].look()
		fail(w, http.StatusConflict, "ConflictException")
		return
	}
	n, _ := strconv.Atoi(in.ConfigurationVersion)
	answer(w, http.StatusCreated, s.Deploy(in.ConfigurationProfileId, n, s.Slowness))
}

// hosted answers what is asked of versions. Flags get the dates that AppConfig adds to them.
func (s *Server) hosted(w http.ResponseWriter, r *http.Request, last string) {
	number, _ := strconv.Atoi(last)
	switch {
	case last == "hostedconfigurationversions":
		s.called("CreateHostedConfigurationVersion")
		text, _ := io.ReadAll(r.Body)
		if s.Kind == FeatureFlags {
			stamped, err := stamp(text, s.Next)
			if err != nil {
				fail(w, http.StatusBadRequest, "BadRequestException")
				return
			}
			text = stamped
		}
		s.version(w, http.StatusCreated, s.Create(Version{string(text), r.Header.Get("Description"), r.Header.Get("Content-Type")}))
	case r.Method == http.MethodDelete && number == s.Live():
		fail(w, http.StatusConflict, "ConflictException")
	case r.Method == http.MethodDelete:
		s.called("DeleteHostedConfigurationVersion")
		delete(s.Versions, number)
		w.WriteHeader(http.StatusNoContent)
	default:
		s.called("GetHostedConfigurationVersion")
		s.version(w, http.StatusOK, number)
	}
}

func (s *Server) version(w http.ResponseWriter, status, number int) {
	v, ok := s.Versions[number]
	if !ok {
		fail(w, http.StatusNotFound, "ResourceNotFoundException")
		return
	}
	w.Header().Set("Version-Number", strconv.Itoa(number))
	w.Header().Set("Description", v.Description)
	w.Header().Set("Content-Type", v.Kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, v.Text)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amzn-Errortype", code)
	answer(w, status, map[string]string{"Message": code})
}
