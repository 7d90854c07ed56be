package experiment

import (
	"regexp"
)

// An Account is an account of AWS that targets may lie in, beside the runner's own.
type Account struct {
	Name       string `json:"name"`
	Role       string `json:"role"`                  // ARN of the role to assume
	ExternalID string `json:"external_id,omitempty"` // as the role's trust policy wants it
	Region     string `json:"region,omitempty"`      // of targets that name none; empty: the runner's own
	Line       int    `json:"line"`
}

// Patterns of names in AWS.
const (
	patternRegion     = `^[a-z]{2}(-[a-z]+)+-[0-9]+$`
	patternRole       = `^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`
	patternExternalID = `^[A-Za-z0-9+=,.@:/_-]{2,1000}$`
)

var accountID = regexp.MustCompile(`::([0-9]{12}):`)

// ID is the account's number, of twelve digits.
func (a Account) ID() string {
	if m := accountID.FindStringSubmatch(a.Role); m != nil {
		return m[1]
	}
	return ""
}

// accounts reads the mapping of accounts, in the file's order.
func accounts() value[[]Account] {
	one := object(Account{}, []field[Account]{
		key("role", "ARN of the role to assume there.", shaped(patternRole, "is not the ARN of a role", "arn:aws:iam::111122223333:role/firedrill"), func(a *Account) *string { return &a.Role }).must(),
		key("external_id", "The external id that the role's trust policy asks for.", shaped(patternExternalID, "is not an external id", "shop-drills"), func(a *Account) *string { return &a.ExternalID }),
		key("region", "Region of targets there that name none; default: the runner's own.", shaped(patternRegion, "is not a region", "eu-west-1"), func(a *Account) *string { return &a.Region }),
	})
	entries := dictionary(one, "a name", patternName, nameText.MatchString)
	return value[[]Account]{schema: entries.schema, read: func(d *decoder, n *node, path string) ([]Account, bool) {
		got, ok := entries.read(d, n, path)
		var out []Account
		for _, e := range got {
			e.value.Name, e.value.Line = e.name, d.place(join(path, e.name)).line
			out = append(out, e.value)
		}
		return out, ok
	}}
}

// FindAccount is the account of a name; false if there is none.
func (x *Experiment) FindAccount(name string) (Account, bool) {
	for _, a := range x.Accounts {
		if a.Name == name {
			return a, true
		}
	}
	return Account{}, false
}

// settleAccounts gives each target the account that it names.
func (x *Experiment) settleAccounts() {
	for i := range x.Conditions {
		t := &x.Conditions[i].Target
		if a, ok := x.FindAccount(t.Account); ok {
			t.Assume = &a
		}
	}
}

// checkAccount tells of a name that accounts: does not have.
func (d *decoder) checkAccount(x *Experiment, name, path string) {
	if _, ok := x.FindAccount(name); name == "" || ok {
		return
	}
	var known []string
	for _, a := range x.Accounts {
		known = append(known, a.Name)
	}
	hint := "accounts: {" + name + ": {role: arn:aws:iam::111122223333:role/firedrill}}"
	if len(known) > 0 {
		hint = closest(name, known)
	}
	d.problem(path, name, "there is no such account", hint)
}
