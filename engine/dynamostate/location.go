package dynamostate

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// A Location says where the state is.
type Location struct {
	Table  string
	Region string        // empty: the environment's
	Lease  time.Duration // after which a claim that is not extended is anybody's
}

const scheme = "dynamodb:"

// The lease of a claim: long enough that a busy machine or network does not lose its run, short enough that somebody
// waits for it who wants to recover the run of a machine that died.
const (
	defaultLease  = 30 * time.Second
	shortestLease = 2 * time.Second
	longestLease  = 15 * time.Minute
)

var (
	tableName  = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)
)

// IsLocation says whether the argument of --state means a table rather than a folder.
func IsLocation(s string) bool { return strings.HasPrefix(s, scheme) }

// Parse reads dynamodb:TABLE, which may be followed by ?region=REGION&lease=DURATION.
func Parse(s string) (Location, error) {
	at := Location{Lease: defaultLease}
	name, query, _ := strings.Cut(strings.TrimPrefix(s, scheme), "?")
	at.Table = name
	if !IsLocation(s) || !tableName.MatchString(name) {
		return at, fmt.Errorf("state %q: write dynamodb:TABLE, and the table's name with 3 to 255 letters, digits, '_', '-' and '.'", s)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return at, fmt.Errorf("state %q: %w", s, err)
	}
	for option, value := range values {
		switch option {
		case "region":
			at.Region = value[0]
			if !regionName.MatchString(at.Region) {
				err = fmt.Errorf("state %q: %q is no region, such as eu-west-1", s, at.Region)
			}
		case "lease":
			at.Lease, err = time.ParseDuration(value[0])
			if err != nil || at.Lease < shortestLease || at.Lease > longestLease {
				err = fmt.Errorf("state %q: the lease must be a duration from %s to %s", s, shortestLease, longestLease)
			}
		default:
			err = fmt.Errorf("state %q: unknown option %q: there are region and lease", s, option)
		}
		if err == nil && len(value) > 1 {
			err = fmt.Errorf("state %q: option %q is given twice", s, option)
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// String is what Parse reads.
func (at Location) String() string {
	values := url.Values{}
	if at.Region != "" {
		values.Set("region", at.Region)
	}
	if at.Lease != defaultLease && at.Lease != 0 {
		values.Set("lease", at.Lease.String())
	}
	if len(values) == 0 {
		return scheme + at.Table
	}
	return scheme + at.Table + "?" + values.Encode()
}
