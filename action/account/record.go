package account

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Place is where resources are, and how to get there. It is journaled, so that any process finds them again.
type Place struct {
	Account  string `json:"account,omitempty"` // its number
	Region   string `json:"region,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // of the service's API; empty for AWS itself
	// Role is what the runner assumes to get there; empty: it is there already. An external id is no secret (AWS, "IAM
	// user guide", access to accounts of third parties).
	Role       string `json:"role,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	// Embedded says that the service lives in the run's own process and is gone when that is.
	Embedded bool `json:"embedded,omitempty"`
}

// An order is what is wanted of one resource.
type order struct {
	ID        string           `json:"id"` // as find told it
	With      fault.Attributes `json:"with,omitempty"`
	Run       string           `json:"run"`
	Condition string           `json:"condition"`
	// Until is when the fault may end by itself, where the service knows end dates.
	Until time.Time `json:"until"`
}

// states are a resource's configuration before and after, in the kind's own words.
type states struct {
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// prepared is a change that can be made.
type prepared struct {
	states
	change, undo string // in words, for "plan"
}

// A record is all that Revert needs: the undo record of the journal, read by processes that know nothing else.
type record struct {
	V     int    `json:"v"`
	Kind  string `json:"kind"`
	Place Place  `json:"place"`
	order
	states
}

// recordVersion is the format of undo records.
const recordVersion = 1

func decodeRecord(raw json.RawMessage) (record, error) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	if r.V != recordVersion {
		return r, fmt.Errorf("the undo record has version %d, this firedrill knows %d: use the one that wrote it", r.V, recordVersion)
	}
	return r, nil
}
