package fault

import (
	"path"
	"strings"
)

func outgoingKind() kind {
	attributes := append([]Attribute{
		{Name: "hosts", Type: TypeTexts, Required: true,
			Doc: "the hosts that are hit: names or addresses, with * and ? as wildcards; host:port hits one port"},
		{Name: "refuse", Type: TypeFlag, Doc: "the connection is refused"},
	}, statusAttributes("answer with this status instead of sending the request")...)
	return kind{
		KindInfo: KindInfo{
			Kind: Outgoing, Doc: "an HTTP request that the handler makes is late, refused, or answered with a status",
			Attributes: append(attributes, delayAttributes()...),
		},
		build: buildOutgoing,
	}
}

func buildOutgoing(v values) (behaviour, []Problem) {
	b := behaviour{hosts: v.texts("hosts")}
	delay, draws, problems := buildDelay(v)
	if len(b.hosts) == 0 {
		problems = append(problems, Problem{Field: "hosts", Message: "names no host", Hint: `write ["*"] to hit all hosts`})
	}
	for i, glob := range b.hosts {
		b.hosts[i] = strings.ToLower(glob)
		if _, err := path.Match(glob, ""); err != nil || glob == "" {
			problems = append(problems, Problem{Field: "hosts", Value: glob, Message: "is not a host or a pattern of hosts"})
		}
	}
	refuse := v.flag("refuse")
	if refuse && v.has("status_code") {
		problems = append(problems, Problem{Field: "refuse", Value: "true", Message: "does not go with status_code: a refused request has no answer"})
	}
	if !v.has("status_code") && (v.has("body") || v.has("headers")) {
		problems = append(problems, Problem{Field: "status_code", Message: "is missing: body and headers belong to an answer"})
	}
	delayed := v.has("min_latency") || v.has("max_latency") || v.has("mean")
	if !delayed && !refuse && !v.has("status_code") {
		problems = append(problems, Problem{Field: "hosts", Message: "are named, but nothing is to happen to them", Hint: "set a latency, refuse or status_code"})
	}
	var template Injection
	if v.has("status_code") {
		template = answer(v, int(v.number("status_code", 0)))
	}
	template.Refuse = refuse
	b.draws = draws
	b.effect = func(m moment) Injection {
		injection := template
		if delayed {
			injection.Delay = delay(m)
		}
		return injection
	}
	return b, problems
}

// hitsHost reports whether a glob matches host, with or without its port. The brackets around an IPv6 address, as
// URLs have them, would be a class in a pattern: such a host also matches its own text, and without its brackets.
func hitsHost(globs []string, host string) bool {
	name, bracketed := host, host
	if end := strings.LastIndexByte(host, ']'); end > 0 && host[0] == '[' {
		name, bracketed = host[1:end], host[:end+1]
	} else if i := strings.IndexByte(host, ':'); i >= 0 && i == strings.LastIndexByte(host, ':') {
		name = host[:i]
	}
	for _, glob := range globs {
		if glob == host || glob == bracketed {
			return true
		}
		if ok, _ := path.Match(glob, name); ok {
			return true
		}
		if ok, _ := path.Match(glob, host); ok {
			return true
		}
	}
	return false
}
