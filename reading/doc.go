// Package reading says what a fault document means: what of it is in force, what is wrong with it, how documents of
// failure-lambda and chaos-lambda read, what behaves differently here than under their own tool, and the conditions of
// an experiment that do the same. It is pure: where documents are kept, and how they are changed, is package action's.
package reading
