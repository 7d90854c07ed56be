package local

import (
	"net/http"
	"strconv"
)

// mostListed is how many versions or aliases one answer holds, unless the request asks for fewer.
const mostListed = 50

// paginate is the page of a list that a request asks for, and the marker of the next one, empty after the last.
func paginate[T any](r *http.Request, all []T) (page []T, next string, err error) {
	query, size, from := r.URL.Query(), mostListed, 0
	if text := query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, "", invalidParameter("MaxItems must be 1 or more: %q", clip(text))
		}
		size = min(n, mostListed)
	}
	if text := query.Get("Marker"); text != "" {
		if from, err = strconv.Atoi(text); err != nil || from < 0 || from > len(all) {
			return nil, "", invalidParameter("not a marker of this list: %q", clip(text))
		}
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

// A publication is the body of PublishVersion.
type publication struct {
	FunctionName string // part of the path; some clients repeat it
	CodeSha256   string
	Description  *string
	RevisionId   string
}

func (h *Host) publishVersion(w http.ResponseWriter, r *http.Request, fn *function) error {
	var p publication
	if err := decodeBody(r, &p); err != nil {
		return err
	}
	if p.CodeSha256 != "" {
		return invalidParameter("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (): code that runs here has none", clip(p.CodeSha256))
	}
	h.mu.Lock()
	if p.RevisionId != "" && p.RevisionId != fn.latest.revision {
		h.mu.Unlock()
		return staleRevision()
	}
	v := fn.publish(p.Description)
	answer := h.describe(v, v.name)
	h.mu.Unlock()
	writeJSON(w, http.StatusCreated, answer)
	return nil
}

func (h *Host) listVersions(w http.ResponseWriter, r *http.Request, fn *function) error {
	h.mu.Lock()
	var all []configuration
	for _, v := range fn.all() {
		all = append(all, h.describe(v, v.name))
	}
	h.mu.Unlock()
	page, next, err := paginate(r, all)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct {
		Versions   []configuration
		NextMarker string `json:",omitempty"`
	}{page, next})
	return nil
}
