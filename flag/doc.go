// Package flag turns a feature flag on for a cohort, and off again for nobody but that cohort. Its words are
// OpenFeature's: a flag is evaluated for the attributes of a user, and answers with a variant, its value and the reason.
//
// A Change is one such step. It puts one rule in front of those that the flag has, and takes that one rule out again;
// what others change in the same document meanwhile survives. A Format knows how flags and their rules are written, a
// Store where the document is kept. A Provider of another kind, such as a program, has its own way to do the same.
//
// Rules are evaluated here for one purpose: nobody should trust a verdict about a cohort before it is known that the flag
// is on for the cohort, and off for those it is compared with. Evaluation is exact for what it knows, and says ErrUndecided
// of the rest: what a user of a percentage gets is the vendor's own hash.
package flag
