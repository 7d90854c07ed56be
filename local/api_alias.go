package local

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An aliasConfiguration is what the Lambda API tells of an alias. Field names are AWS's.
type aliasConfiguration struct {
	AliasArn        string
	Name            string
	FunctionVersion string
	Description     string
	RoutingConfig   *routingConfiguration `json:",omitempty"`
	RevisionId      string
}

type routingConfiguration struct {
	AdditionalVersionWeights map[string]float64
}

// An aliasChange is the body of CreateAlias and UpdateAlias. What UpdateAlias does not say stays as it is; a routing
// without weights removes them.
type aliasChange struct {
	FunctionName    string // part of the path, as Name is in UpdateAlias; some clients repeat them
	Name            string
	FunctionVersion *string
	Description     *string
	RoutingConfig   *routingConfiguration
	RevisionId      string
}

// describeAlias renders an alias. Host.mu is held.
func (h *Host) describeAlias(fn *function, a *alias) aliasConfiguration {
	c := aliasConfiguration{
		AliasArn: h.arn(fn.name + ":" + a.Name), Name: a.Name, FunctionVersion: a.Version,
		Description: a.description, RevisionId: a.revision,
	}
	if len(a.Weights) > 0 {
		c.RoutingConfig = &routingConfiguration{maps.Clone(a.Weights)}
	}
	return c
}

func (h *Host) createAlias(w http.ResponseWriter, r *http.Request, fn *function) error {
	var c aliasChange
	if err := decodeBody(r, &c); err != nil {
		return err
	}
	switch {
	case !isAliasName(c.Name):
		return invalidParameter("not a name of an alias: %q (up to 128 letters, digits, hyphens and underscores, and not a number)", clip(c.Name))
	case c.FunctionVersion == nil:
		return invalidParameter("FunctionVersion is missing")
	case c.RevisionId != "":
		return invalidParameter("an alias that is being created has no RevisionId")
	}
	created, err := h.addAlias(fn, c)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, created)
	return nil
}

func (h *Host) addAlias(fn *function, c aliasChange) (aliasConfiguration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if fn.aliases[c.Name] != nil {
		return aliasConfiguration{}, &apiError{http.StatusConflict, "ResourceConflictException", "Alias already exists: " + h.arn(fn.name+":"+c.Name), ""}
	}
	a := newAlias(Alias{Name: c.Name}, "")
	if err := h.changeAlias(fn, a, c); err != nil {
		return aliasConfiguration{}, err
	}
	fn.aliases[c.Name] = a
	return h.describeAlias(fn, a), nil
}

// changeAlias takes a change over, all of it or nothing. Host.mu is held.
func (h *Host) changeAlias(fn *function, a *alias, c aliasChange) error {
	next := a.Alias
	if c.FunctionVersion != nil {
		next.Version = *c.FunctionVersion
	}
	if c.RoutingConfig != nil {
		next.Weights = c.RoutingConfig.AdditionalVersionWeights
	}
	if err := h.checkRouting(fn, next); err != nil {
		return err
	}
	if c.Description != nil {
		a.description = *c.Description
	}
	a.Alias, a.revision = next, newID()
	return nil
}

func (h *Host) listAliases(w http.ResponseWriter, r *http.Request, fn *function) error {
	of := r.URL.Query().Get("FunctionVersion")
	h.mu.Lock()
	var all []aliasConfiguration
	for _, name := range slices.Sorted(maps.Keys(fn.aliases)) {
		if a := fn.aliases[name]; of == "" || a.Version == of {
			all = append(all, h.describeAlias(fn, a))
		}
	}
	h.mu.Unlock()
	page, next, err := paginate(r, all)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		Aliases    []aliasConfiguration
		NextMarker string `json:",omitempty"`
	}{append([]aliasConfiguration{}, page...), next})
	return nil
}

// onAlias serves one request about an alias, whose name ends the path.
func (h *Host) onAlias(w http.ResponseWriter, r *http.Request, fn *function) error {
	path := r.URL.EscapedPath()
	name, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		return invalidParameter("name of the alias: %v", err)
	}
	var c aliasChange
	switch r.Method {
	case http.MethodDelete: // done when the alias is gone, whoever deleted it, as in AWS
		h.mu.Lock()
		delete(fn.aliases, name)
		h.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
		return nil
	case http.MethodPut:
		if err := decodeBody(r, &c); err != nil {
			return err
		}
	}
	now, err := h.updateAlias(fn, name, c)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, now)
	return nil
}

// updateAlias makes the change, if it holds any, and returns what the alias is then.
func (h *Host) updateAlias(fn *function, name string, c aliasChange) (aliasConfiguration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := fn.aliases[name]
	if a == nil {
		return aliasConfiguration{}, &apiError{http.StatusNotFound, "ResourceNotFoundException", "Cannot find alias arn: " + h.arn(fn.name+":"+clip(name)), ""}
	}
	if c.RevisionId != "" && c.RevisionId != a.revision {
		return aliasConfiguration{}, staleRevision()
	}
	if c.FunctionVersion != nil || c.RoutingConfig != nil || c.Description != nil {
		if err := h.changeAlias(fn, a, c); err != nil {
			return aliasConfiguration{}, err
		}
	}
	return h.describeAlias(fn, a), nil
}
