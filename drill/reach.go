package drill

import (
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/experiment"
)

// A Reach is everything that an experiment breaks, sends requests to or looks at, by name. The same name means the same thing, or
// may: a queue and a table of one name keep two experiments apart that could run together, which costs only time.
type Reach struct {
	names map[string]bool
	// Alone says why nothing may run beside the experiment; empty if something may.
	Alone string
}

// ReachOf is what an experiment says itself that it reaches. Guards are those of guards files.
func ReachOf(x *experiment.Experiment, guards []experiment.Guards) Reach {
	r := Reach{names: map[string]bool{}}
	for _, c := range x.Conditions {
		if c.Irreversible {
			r.Alone = "what it does cannot be undone"
		}
		r.addTarget(c.Target)
	}
	for _, l := range x.Loads {
		r.addRequest(l.HTTP)
		r.add(function(l.Lambda))
	}
	for _, m := range x.Measures {
		r.addProbe(m.Probe)
	}
	for _, rule := range x.Stop {
		r.addAlarm(rule.Alarm)
	}
	for _, g := range append(slices.Clone(guards), x.Guards) {
		for _, alarm := range g.NoAlarm {
			r.addAlarm(alarm)
		}
	}
	return r
}

// Add adds names: those of the targets, once they are resolved.
func (r *Reach) Add(names ...string) {
	for _, name := range names {
		r.add(name)
		if strings.HasPrefix(name, "arn:") {
			r.add(tail(name))
		}
	}
}

// Behind adds what stands behind an address, if it is reached.
func (r *Reach) Behind(address string, names ...string) {
	if r.names[origin(address)] {
		r.Add(names...)
	}
}

// Shared is what two experiments both reach, in order; nil means that they may run side by side, unless one must be alone.
func Shared(a, b Reach) []string {
	var both []string
	for name := range a.names {
		if b.names[name] {
			both = append(both, name)
		}
	}
	slices.Sort(both)
	return both
}

// Names are what is reached, in order.
func (r Reach) Names() []string { return slices.Sorted(maps.Keys(r.names)) }

func (r *Reach) add(name string) {
	if name != "" && name != "*" {
		r.names[name] = true
	}
}

func (r *Reach) addTarget(t experiment.Target) {
	r.add(function(t.Lambda))
	for _, f := range t.Functions {
		r.add(function(f))
	}
	r.Add(t.Resources...)
	for prefix, name := range map[string]string{"tag ": t.Tag, "stack ": t.Stack, "ssm:": t.SSM, "s3://": t.S3, "appconfig:": t.AppConfig} {
		if name != "" {
			r.add(prefix + name)
		}
	}
	if t.File != "" {
		r.add("file " + filepath.Clean(t.File))
	}
}

func (r *Reach) addProbe(p experiment.ProbeSpec) {
	r.addRequest(p.HTTP)
	r.add(function(p.Lambda))
	r.add(origin(p.URL))
	if len(p.Command) > 0 {
		r.Alone = "nobody knows what the command of its measure looks at"
	}
	for _, m := range p.Metrics {
		for _, value := range m.Dimensions {
			r.Add(value)
		}
		if len(m.Dimensions) == 0 {
			r.add("metric " + m.Namespace + "/" + m.Name)
		}
	}
	for _, group := range p.LogGroups {
		r.add(tail(group)) // /aws/lambda/FUNCTION
	}
	r.addAlarm(experiment.Alarm{Name: p.Alarm})
}

func (r *Reach) addRequest(q *experiment.HTTPRequest) {
	if q != nil {
		r.add(origin(q.URL))
	}
}

func (r *Reach) addAlarm(a experiment.Alarm) {
	if a.Name != "" {
		r.add("alarm " + a.Name)
	}
}

// function is a function's bare name, of a name or ARN with or without a version or alias.
func function(name string) string {
	if _, rest, ok := strings.Cut(name, ":function:"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

// tail is the last part of an ARN or path: the name that people use.
func tail(name string) string {
	if strings.Contains(name, ":function:") {
		return function(name)
	}
	return name[strings.LastIndexAny(name, ":/")+1:]
}

// origin is where requests go, but for the path: paths of one application share what is behind them.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if standard := map[string]string{"http": "80", "https": "443"}[u.Scheme]; port != "" && port != standard {
		host += ":" + port
	}
	return host
}
