package experiment

import "strings"

// An Alarm is a CloudWatch alarm, of a metric or a composite one.
type Alarm struct {
	Name    string `json:"alarm"`
	Account string `json:"account,omitempty"` // by its name in the experiment; empty: the runner's own
	Region  string `json:"region,omitempty"`  // empty: the account's
}

// String names the alarm, for people: "shop-critical (account shop, eu-west-1)".
func (a Alarm) String() string {
	var where []string
	if a.Account != "" {
		where = append(where, "account "+a.Account)
	}
	if a.Region != "" {
		where = append(where, a.Region)
	}
	if where == nil {
		return a.Name
	}
	return a.Name + " (" + strings.Join(where, ", ") + ")"
}
