package experiment

import (
	"slices"
	"time"
)

// Options are what Parse needs to know beside the text.
type Options struct {
	File string                           // for messages
	Vars map[string]string                // --var and what the local host defines; wins over Env and vars:
	Env  func(name string) (string, bool) // os.LookupEnv, or nil
	// Kinds are the faults of AWS accounts that conditions may name, beside those inside functions.
	Kinds []Kind
	// Set are values to put in place of what the file says.
	Set []Setting
}

// Parse reads an experiment file. It finds all mistakes it can, not just the first, in the order of the file.
// The experiment is nil if any of them is more than a warning.
func Parse(data []byte, o Options) (*Experiment, []Problem) {
	d := &decoder{file: o.File, options: o, catalog: newCatalog(o.Kinds), places: map[string]*node{}}
	x := d.parse(data)
	d.problems = sorted(d.problems)
	if anyFatal(d.problems) {
		return nil, d.problems
	}
	return x, d.problems
}

func (d *decoder) parse(data []byte) *Experiment {
	root := d.parseYAML(data)
	if root == nil {
		return nil
	}
	d.places[""] = root
	d.set(root)
	d.expandAll(root)
	draft, _ := document(d.catalog).read(d, root, "")
	x := draft.Experiment
	x.File = d.file
	if x.Phases.BaselineMax == 0 {
		x.Phases.BaselineMax = max(baselineFactor*x.Phases.Baseline, x.lateBaseline())
	}
	d.check(&x)
	x.settleAccounts()
	d.warnings(&x)
	return &x
}

// Defaults of what a file leaves out.
const (
	DefaultRecovery    = 30 * time.Second
	DefaultLease       = 15 * time.Second
	DefaultLoadTimeout = 10 * time.Second
	DefaultMaxInFlight = 1000
	DefaultEvery       = time.Second
	DefaultTimeout     = 5 * time.Second

	baselineFactor = 3 // Phases.BaselineMax, in baselines
	longest        = 24 * time.Hour
)

// A draft is an experiment with what only its file knows.
type draft struct {
	Experiment
	version int
	vars    []named[string]
}

// document is the whole file.
func document(all catalog) value[draft] {
	defaults := draft{Experiment: Experiment{Stages: []float64{100}, Lease: DefaultLease}}
	return object(defaults, []field[draft]{
		key("version", "The version of this format: 1.", integer(1, 1), func(x *draft) *int { return &x.version }).must(),
		key("title", "A short name, for lists and reports.", line(), func(x *draft) *string { return &x.Title }).must(),
		key("objective", "The hypothesis, in a sentence that users would understand.", prose(), func(x *draft) *string { return &x.Objective }).must(),
		key("vars", "Defaults of variables: ${NAME} anywhere in the file. --var and the environment win.",
			dictionary(text(), "the name of a variable", variableName.String(), variableName.MatchString), func(x *draft) *[]named[string] { return &x.vars }),
		key("load", "Traffic that runs through all phases, by name.", loads(), func(x *draft) *[]Load { return &x.Loads }),
		key("measures", "Numbers taken while the experiment runs, and what is expected of them.", atMost(maxItems, list(measure(), "measures")), func(x *draft) *[]Measure { return &x.Measures }).must(),
		key("conditions", "Faults to put on targets.", atMost(maxItems, list(condition(all), "conditions")), func(x *draft) *[]Condition { return &x.Conditions }).must(),
		key("accounts", "Accounts of AWS that targets lie in, by name, beside the runner's own.", accounts(), func(x *draft) *[]Account { return &x.Accounts }),
		key("phases", "How long each part of the run lasts.", phases(), func(x *draft) *Phases { return &x.Phases }).must(),
		key("stages", "Scale up while it holds: rising shares of each condition's own percentage.", stages(), func(x *draft) *[]float64 { return &x.Stages }),
		key("stop", "What ends the run at once.", atMost(maxItems, list(stopRule(), "stop rules")), func(x *draft) *[]StopRule { return &x.Stop }),
		key("guards", "What must be true before anything is injected.", guards(), func(x *draft) *Guards { return &x.Guards }),
		key("lease", "How long a fault outlives its runner; default 15s.", duration(time.Second, time.Hour), func(x *draft) *time.Duration { return &x.Lease }),
	})
}

func phases() value[Phases] {
	return object(Phases{Recovery: DefaultRecovery}, []field[Phases]{
		key("baseline", "How long the steady state is watched before the fault.", duration(time.Second, longest), func(p *Phases) *time.Duration { return &p.Baseline }).must(),
		key("baseline_max", "How far the baseline may be extended until the steady state is settled; default three times baseline, or as long as late measures take.", duration(time.Second, longest), func(p *Phases) *time.Duration { return &p.BaselineMax }),
		key("fault", "How long the fault lasts, in each stage.", duration(time.Second, longest), func(p *Phases) *time.Duration { return &p.Fault }).must(),
		key("recovery", "How long to wait, at most, for the steady state to come back; default 30s.", duration(time.Second, longest), func(p *Phases) *time.Duration { return &p.Recovery }),
	})
}

// stages reads shares that rise.
func stages() value[[]float64] {
	shares := list(percent(), "percentages")
	return value[[]float64]{schema: shares.schema, read: func(d *decoder, n *node, path string) ([]float64, bool) {
		out, ok := shares.read(d, n, path)
		if !ok {
			return nil, false
		}
		for i := 1; i < len(out); i++ {
			if out[i] <= out[i-1] {
				d.wrong(n.items[i], index(path, i), "does not rise above the stage before", "such as [5%, 25%, 100%]")
				return nil, false
			}
		}
		return out, true
	}}
}

// faultTime is how long the fault phase takes, all its stages together.
func (x *Experiment) faultTime() time.Duration {
	return time.Duration(len(x.Stages)) * x.Phases.Fault
}

// findLoad returns the load that "load.NAME" means, or nil.
func (x *Experiment) findLoad(of string) *Load {
	i := slices.IndexFunc(x.Loads, func(l Load) bool { return of == loadPrefix+l.Name })
	if i < 0 {
		return nil
	}
	return &x.Loads[i]
}
