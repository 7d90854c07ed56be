package demo

import "slices"

// Names of the functions.
const (
	Purchase  = "purchase"
	Inventory = "inventory"
	Payment   = "payment"
	Hello     = "hello"
)

// Function returns the handler of a function of the demo, for lambda.Start; ok is false if there is none of that
// name. getenv reads the function's environment, which Lambda sets: where the Lambda API is, and the region.
func Function(name string, getenv func(string) string) (handler any, ok bool) {
	switch name {
	case Purchase:
		return release(newLambda(getenv), getenv), true
	case Inventory:
		return inventory, true
	case Payment:
		return payment, true
	case Hello:
		return hello, true
	}
	return nil, false
}

// WithSDK reports whether a function is one that its owners wrapped with the SDK. The others stay as they are:
// they stand behind the layer (layer: true in the functions file), and wrapping those too would inject twice.
func WithSDK(name string) bool {
	return slices.Contains([]string{Purchase, Inventory, Hello}, name)
}
