package experiment

import (
	_ "embed"
	"slices"
)

//go:embed first.yaml
var firstExperiment []byte

// Template is the commented experiment that "firedrill init" writes. It wants a function called hello behind
// GET ${api}/hello.
func Template() []byte { return slices.Clone(firstExperiment) }
