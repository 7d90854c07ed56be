package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"time"
)

// A configuration is what the Lambda API tells of a function. Field names are AWS's.
type configuration struct {
	FunctionName     string
	FunctionArn      string
	Runtime          string
	Role             string
	Handler          string
	CodeSize         int64
	CodeSha256       string
	Description      string
	Timeout          int // seconds, rounded up
	MemorySize       int // MB
	LastModified     string
	Version          string
	Environment      variables
	RevisionId       string
	State            string
	LastUpdateStatus string
	PackageType      string
	Architectures    []string
}

type variables struct{ Variables map[string]string }

type concurrency struct {
	ReservedConcurrentExecutions *int `json:",omitempty"`
}

// describe renders a version's configuration, as it is told to one who asked with this qualifier. Host.mu is held.
func (h *Host) describe(v *version, qualifier string) configuration {
	return configuration{
		FunctionName: v.fn.name, FunctionArn: h.arnOf(target{v.fn, qualifier}),
		Runtime: "provided.al2023", Role: "arn:aws:iam::" + Account + ":role/local", Handler: v.spec.Handler,
		Description: v.spec.Description,
		Timeout:     wholeSeconds(v.spec.Timeout), MemorySize: v.spec.MemoryMB,
		LastModified: v.modified.UTC().Format("2006-01-02T15:04:05.000+0000"), Version: v.name,
		Environment: variables{maps.Clone(v.spec.Environment)}, RevisionId: v.revision,
		State: "Active", LastUpdateStatus: "Successful", PackageType: "Zip", Architectures: []string{"x86_64"},
	}
}

func (h *Host) listFunctions(w http.ResponseWriter, r *http.Request) error {
	everyVersion := r.URL.Query().Get("FunctionVersion") == "ALL"
	h.mu.Lock()
	var all struct{ Functions []configuration }
	for _, name := range slices.Sorted(maps.Keys(h.functions)) {
		fn := h.functions[name]
		if !everyVersion {
			all.Functions = append(all.Functions, h.describe(fn.latest, ""))
			continue
		}
		for _, v := range fn.all() {
			all.Functions = append(all.Functions, h.describe(v, v.name))
		}
	}
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, all)
	return nil
}

func (h *Host) accountSettings(w http.ResponseWriter) error {
	type limit struct{ ConcurrentExecutions, UnreservedConcurrentExecutions int }
	type usage struct{ FunctionCount int }
	limits := limit{h.cfg.MaxEnvironments, h.cfg.MaxEnvironments}
	h.mu.Lock()
	for _, fn := range h.functions {
		if fn.concurrency != nil {
			limits.UnreservedConcurrentExecutions -= *fn.concurrency
		}
	}
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, struct {
		AccountLimit limit
		AccountUsage usage
	}{limits, usage{len(h.functions)}})
	return nil
}

func (h *Host) getFunction(w http.ResponseWriter, _ *http.Request, t target) error {
	type code struct{ RepositoryType, Location string }
	h.mu.Lock()
	v, err := h.resolve(t)
	if err != nil {
		h.mu.Unlock()
		return err
	}
	answer := struct {
		Configuration configuration
		Code          code
		Concurrency   *concurrency      `json:",omitempty"`
		Tags          map[string]string `json:",omitempty"`
	}{Configuration: h.describe(v, t.qualifier), Code: code{"Local", "file://" + filepath.ToSlash(v.argv[0])}}
	if n := t.fn.concurrency; n != nil {
		answer.Concurrency = &concurrency{n}
	}
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (h *Host) getConfiguration(w http.ResponseWriter, _ *http.Request, t target) error {
	h.mu.Lock()
	v, err := h.resolve(t)
	if err != nil {
		h.mu.Unlock()
		return err
	}
	answer := h.describe(v, t.qualifier)
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// A change is the body of UpdateFunctionConfiguration: the settings that mean something here. What a client
// sends beyond them is refused, because a setting that does nothing would mislead.
type change struct {
	FunctionName string // part of the path; some clients repeat it
	Description  *string
	Handler      *string
	Timeout      *int
	MemorySize   *int
	Environment  *variables
	RevisionId   string
}

func (h *Host) updateConfiguration(w http.ResponseWriter, r *http.Request, fn *function) error {
	var c change
	if err := decodeBody(r, &c); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	v := fn.latest
	h.mu.Lock()
	if c.RevisionId != "" && c.RevisionId != v.revision {
		h.mu.Unlock()
		return staleRevision()
	}
	c.apply(&v.spec, v.timeout)
	v.revision, v.modified = newID(), time.Now()
	h.recycle(v)
	answer := h.describe(v, "")
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, answer)
	return nil
}

func (c *change) check() error {
	if c.Timeout != nil && (*c.Timeout < 1 || *c.Timeout > int(maxTimeout/time.Second)) {
		return invalidParameter("Timeout must be from 1 to %d seconds: %d", int(maxTimeout/time.Second), *c.Timeout)
	}
	if c.MemorySize != nil && (*c.MemorySize < minMemoryMB || *c.MemorySize > maxMemoryMB) {
		return invalidParameter("MemorySize must be from %d to %d MB: %d", minMemoryMB, maxMemoryMB, *c.MemorySize)
	}
	if c.Environment == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.Environment.Variables)) {
		if why := badVariable(name, c.Environment.Variables[name]); why != "" {
			return invalidParameter("Environment variable %q: %s", clip(name), why)
		}
	}
	return nil
}

// wholeSeconds is how Lambda tells a timeout. Ours may be of any length.
func wholeSeconds(timeout time.Duration) int {
	return int((timeout + time.Second - 1) / time.Second)
}

// apply takes the change over. An environment is replaced as a whole, as AWS does. filed is the timeout of the functions
// file: who sets what was told of it means that one, so that a timeout that is taken back is exactly as it was.
func (c *change) apply(spec *Function, filed time.Duration) {
	if c.Description != nil {
		spec.Description = *c.Description
	}
	if c.Handler != nil {
		spec.Handler = *c.Handler
	}
	if c.Timeout != nil {
		spec.Timeout = time.Duration(*c.Timeout) * time.Second
		if *c.Timeout == wholeSeconds(filed) {
			spec.Timeout = filed
		}
	}
	if c.MemorySize != nil {
		spec.MemoryMB = *c.MemorySize
	}
	if c.Environment != nil {
		spec.Environment = c.Environment.Variables
		if spec.Environment == nil {
			spec.Environment = map[string]string{}
		}
	}
}

func (h *Host) getConcurrency(w http.ResponseWriter, _ *http.Request, fn *function) error {
	h.mu.Lock()
	n := fn.concurrency
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, concurrency{n}) // never changed in place
	return nil
}

func (h *Host) putConcurrency(w http.ResponseWriter, r *http.Request, fn *function) error {
	var c concurrency
	if err := decodeBody(r, &c); err != nil {
		return err
	}
	if c.ReservedConcurrentExecutions == nil || *c.ReservedConcurrentExecutions < 0 {
		return invalidParameter("ReservedConcurrentExecutions must be 0 or more")
	}
	h.mu.Lock()
	fn.concurrency = c.ReservedConcurrentExecutions
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, c)
	return nil
}

func (h *Host) deleteConcurrency(w http.ResponseWriter, _ *http.Request, fn *function) error {
	h.mu.Lock()
	fn.concurrency = nil
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// decodeBody decodes a JSON request strictly.
func decodeBody(r *http.Request, dst any) error {
	body, err := readLimited(r.Body, r.ContentLength, maxConfigBody)
	if errors.Is(err, errPayload) {
		return tooLarge(maxConfigBody, r.Method)
	}
	if err != nil {
		return invalidContent("cannot read the request: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return invalidParameter("cannot do that here: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalidContent("something follows the JSON document")
	}
	return nil
}
