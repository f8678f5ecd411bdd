package compact

import (
	"strings"
	"unicode"
)

// fold maps names that differ only in case to one text. encoding/json and many other decoders take such names for the
// same member, so an object that holds two of them has two readings and is refused.
func fold(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

// foldRune maps each rune to the smallest one of its case orbit, ASCII letters to lower case. The Kelvin sign, for
// one, becomes k.
func foldRune(r rune) rune {
	smallest := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		smallest = min(smallest, next)
	}
	if 'A' <= smallest && smallest <= 'Z' {
		return smallest + 'a' - 'A'
	}
	return smallest
}
