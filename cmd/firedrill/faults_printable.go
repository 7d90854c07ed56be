package main

import (
	"fmt"
	"strings"
	"unicode"
)

// printable is a text with escapes for whatever is no text: who has written a fault set must not write on the
// terminal of who looks at it. Line feeds stay.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
