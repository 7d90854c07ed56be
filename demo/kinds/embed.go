package kinds

import "embed"

// Files holds the experiments, KIND.yaml, the functions file, and what its functions read. Every "${self}" in it stands
// for the program that runs "demo function NAME".
//
//go:embed *.yaml letter.txt
var Files embed.FS

// Names in Files: the functions file, and the template of a function's letters, which it reads from its folder.
const (
	FunctionsFile = "functions.yaml"
	LetterFile    = "letter.txt"
)
