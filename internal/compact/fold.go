package compact

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hasDuplicate reports whether two members have the same name, case aside. With few members most names fall into a
// bucket of their own and are compared with no other; with many they are sorted, so that no text costs quadratic time.
func hasDuplicate(members []member) bool {
	if len(members) > manyMembers {
		return hasDuplicateAmongMany(members)
	}
	var taken uint64
	for i, m := range members {
		mine := buckets(m.name)
		if taken&mine != 0 && slices.ContainsFunc(members[:i], m.hasNameOf) {
			return true
		}
		taken |= mine
	}
	return false
}

const manyMembers = 24

func (m member) hasNameOf(other member) bool { return strings.EqualFold(m.name, other.name) }

// buckets is one of 64 bits, the same for names that differ in case, or all of them for a name outside ASCII, where
// case may change the length.
func buckets(name string) uint64 {
	if name == "" {
		return 1
	}
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return math.MaxUint64
		}
	}
	first, last := name[0]|0x20, name[len(name)-1]|0x20
	return 1 << ((7*len(name) + 5*int(first) + int(last)) % 64)
}

func hasDuplicateAmongMany(members []member) bool {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = fold(m.name)
	}
	slices.Sort(names)
	return len(slices.Compact(names)) < len(members)
}

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
