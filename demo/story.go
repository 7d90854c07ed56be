package demo

import "embed"

// Files holds the shop's functions file, functions.yaml, another one with versions of purchase, versions.yaml, and the
// experiments: those that hold, experiments/NAME.yaml, and one that teaches something, lessons/NAME.yaml. Every "${self}" in the
// functions files stands for the program that runs "demo function NAME".
//
//go:embed functions.yaml versions.yaml experiments/*.yaml lessons/*.yaml
var Files embed.FS

// FunctionsFile is the name of the functions file in Files.
const FunctionsFile = "functions.yaml"

// VersionsFile is the name of the functions file in Files that has good and bad versions of purchase.
const VersionsFile = "versions.yaml"

// An Act is one experiment of the story, with what to tell about it.
type Act struct {
	File   string // in Files
	Expect string // the verdict that the story needs: "held" or "disproved"
	Before string // two sentences: what will be broken, and what a good engineer hopes for
	Lesson string // what the outcome teaches, if it is the expected one
}

// Story is the demo, in order: two failures that the shop was built for, and one that nobody rehearsed.
func Story() []Act {
	return []Act{
		{
			File:   "experiments/slow-inventory.yaml",
			Expect: "held",
			Before: "Inventory will answer 200-600 ms late. The shop waits 300 ms for it, then sells from the stock it last knew.",
			Lesson: "A timeout shorter than the objective, and a fallback behind it: customers noticed next to nothing.",
		},
		{
			File:   "experiments/failing-inventory.yaml",
			Expect: "held",
			Before: "Now every call of inventory ends in an error. The same fallback should carry the shop.",
			Lesson: "It degraded gracefully: no order was lost, although the function behind it failed every single time.",
		},
		{
			File:   "lessons/hanging-payment.yaml",
			Expect: "disproved",
			Before: "Now one payment in four hangs. There is a timeout here, too, and a fallback that takes the order and charges later.",
			Lesson: "The fallback works, but the timeout in front of it is wrong: it waits 2 s for payment, and a purchase promises an answer within 1 s. No error rate shows that; a rehearsal does. 500 ms would keep the promise (demo/purchase.go, paymentTimeout).",
		},
	}
}
