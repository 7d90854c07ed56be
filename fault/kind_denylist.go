package fault

import (
	"regexp"
	"strings"
	"time"
)

// maxPatterns bounds the patterns of a denylist, of either sort.
const maxPatterns = 200

// A DenyMode is what becomes of a denied host.
type DenyMode string

// The modes of a denylist.
const (
	DenyNXDomain  DenyMode = "nxdomain"  // its name does not exist
	DenyRefused   DenyMode = "refused"   // it refuses connections
	DenyBlackhole DenyMode = "blackhole" // connections to it hang
	DenySlow      DenyMode = "slow"      // it is reached late
)

// A Denial is what a Denylist does, and to whom. It is immutable.
type Denial struct {
	Mode  DenyMode
	Delay time.Duration // for DenySlow; never wait less
	// Expressions (RE2) are searched in the names of hosts, in any case; the name in which one is found is denied.
	Expressions []string

	compiled []*regexp.Regexp
}

// Hits reports whether a host is denied: a name or an address, without a port. A dot at its end and the case of its
// letters do not count. Names beyond ASCII, which are not how hosts are looked up, and names that are longer than
// any in DNS, are never denied.
func (d *Denial) Hits(host string) bool {
	if d == nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > 253 || strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		return false
	}
	host = strings.ToLower(host)
	for _, expression := range d.compiled {
		if expression.MatchString(host) {
			return true
		}
	}
	return false
}

// NoDeniedHost is the reason that is recorded for a Denylist that hit nothing, because nothing asked for its hosts.
const NoDeniedHost = "no lookup of a denied host"

func denylistKind() kind {
	return kind{
		KindInfo: KindInfo{Kind: Denylist, Doc: "chosen hosts cannot be found, refuse connections, let them hang, or are reached late", Attributes: []Attribute{
			{Name: "hosts", Type: TypeTexts, Doc: "whole names, with * for any characters and ? for any one"},
			{Name: "deny_list", Type: TypeTexts, Doc: "regular expressions, searched in the host's name"},
			{Name: "mode", Type: TypeText, Values: []string{string(DenyNXDomain), string(DenyRefused), string(DenyBlackhole), string(DenySlow)},
				Doc: "what becomes of the hosts; default nxdomain"},
			{Name: "delay", Type: TypeDuration, Min: 1, Max: maxInvocation, Doc: "how late, for slow"},
		}},
		build: buildDenylist,
	}
}

func buildDenylist(v values) (behaviour, []Problem) {
	d := &Denial{Mode: DenyMode(v.text("mode", string(DenyNXDomain))), Delay: time.Duration(v.number("delay", 0) * float64(time.Millisecond))}
	problems := d.compile(v.texts("hosts"), v.texts("deny_list"))
	switch {
	case d.Mode == DenySlow && d.Delay == 0:
		problems = append(problems, Problem{Field: "delay", Message: "is missing: slow hosts are slow by how much?", Hint: "write delay: 2s"})
	case d.Mode != DenySlow && v.has("delay"):
		problems = append(problems, Problem{Field: "delay", Message: "is for the mode slow only", Hint: "add mode: slow"})
	}
	return behaviour{effect: func(moment) Injection { return Injection{Deny: d} }}, problems
}

func (d *Denial) compile(globs, expressions []string) (problems []Problem) {
	switch n := len(globs) + len(expressions); {
	case n == 0:
		return []Problem{{Field: "hosts", Message: "names no host", Hint: `hosts takes names with wildcards ("*.example.com"), deny_list regular expressions`}}
	case n > maxPatterns:
		return []Problem{{Field: "hosts", Message: "has more than 200 patterns, with those of deny_list"}}
	}
	bounded := patterns{most: maxPatterns * 100}
	for _, glob := range globs {
		if wrong := wrongGlob(glob); wrong != "" {
			problems = append(problems, Problem{Field: "hosts", Value: glob, Message: wrong})
			continue
		}
		if err := d.add(globExpression(glob), &bounded); err != nil {
			problems = append(problems, Problem{Field: "hosts", Value: glob, Message: "is not a pattern of hosts: " + err.Error()})
		}
	}
	for _, expression := range expressions {
		if err := d.add(expression, &bounded); err != nil {
			problems = append(problems, Problem{Field: "deny_list", Value: expression, Message: "is not a regular expression (RE2): " + err.Error()})
		}
	}
	return problems
}

func (d *Denial) add(expression string, bounded *patterns) error {
	compiled, err := bounded.compile("(?i)" + expression)
	if err == nil {
		d.Expressions, d.compiled = append(d.Expressions, expression), append(d.compiled, compiled)
	}
	return err
}

// wrongGlob says why a text cannot be a pattern of hosts' names.
func wrongGlob(glob string) string {
	for _, c := range []byte(glob) {
		switch {
		case c <= ' ' || c >= 0x7f || strings.IndexByte("/\\[](){}|^$+@", c) >= 0:
			return "is not a name with * and ? as wildcards; regular expressions belong into deny_list"
		case c == ':' && strings.Count(glob, ":") == 1:
			return "has a port, which a lookup does not"
		}
	}
	if strings.Trim(glob, ".") == "" {
		return "is empty"
	}
	return ""
}

// globExpression is the regular expression that says the same as a glob.
func globExpression(glob string) string {
	var b strings.Builder
	b.WriteString("^")
	for _, c := range strings.TrimSuffix(glob, ".") {
		switch c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return b.String() + "$"
}
