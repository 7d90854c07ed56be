// Package conformance makes fault sets that every host must cope with, good and bad, from the table of kinds: a new
// kind is covered by itself. The tests of the SDK and of the proxy run them; nothing that ships links it.
//
// The shared vectors (fault/testdata/vectors) say what good documents do, one by one. This package is for what
// must hold for all of them.
package conformance
