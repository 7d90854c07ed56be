package kinds

import "embed"

// Files holds the experiments, KIND.yaml, the functions file, and what its functions read. Every "${self}" in it stands
// for the program that runs "demo function NAME".
//
//go:embed *.yaml letter.txt
var Files embed.FS

// FunctionsFile is the name of the functions file in Files.
const FunctionsFile = "functions.yaml"
