package compact

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hasDuplicate reports whether two members have the same name, case aside. With few members, as in every token, most
// names fall into a bucket of their own and are compared with no other; else they are sorted, so that no text costs
// quadratic time.
func hasDuplicate(members []member) bool {
	if len(members) > manyMembers {
		return hasDuplicateAmongMany(members)
	}
	var taken [256]bool
	for i, m := range members {
		mine, ascii := bucket(m.name)
		if !ascii { // case may change the length
			return hasDuplicateAmongMany(members)
		}
		if taken[mine] && slices.ContainsFunc(members[:i], m.hasNameOf) {
			return true
		}
		taken[mine] = true
	}
	return false
}

const manyMembers = 24

func (m member) hasNameOf(other member) bool { return strings.EqualFold(m.name, other.name) }

// bucket is the same for names that differ in case. Names that share one by accident cost a comparison and nothing else.
func bucket(name string) (b byte, ascii bool) {
	var all byte
	for i := range len(name) {
		all |= name[i]
		b = b*31 + (name[i] | 0x20)
	}
	return b, all < utf8.RuneSelf
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
