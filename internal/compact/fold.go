package compact

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// manyMembers is the number of members above which sorting finds duplicates.
const manyMembers = 24

// hasDuplicate reports whether two members have the same name, ignoring case. Two readers of such an object may use
// different members (RFC 8259 §4), so that one checks a claim that the other does not see. In an object with few
// members, as in every token, it compares only names in the same bucket. It sorts the names of larger objects, so the
// time never grows with the square of the length.
func hasDuplicate(members []member) bool {
	if len(members) > manyMembers {
		return hasDuplicateAmongMany(members)
	}
	var taken [256]bool
	for i, m := range members {
		mine, ascii := bucket(m.name)
		if !ascii { // a change of case may change the length of the name, and so its bucket
			return hasDuplicateAmongMany(members)
		}
		if taken[mine] && slices.ContainsFunc(members[:i], m.hasNameOf) {
			return true
		}
		taken[mine] = true
	}
	return false
}

// hasNameOf reports whether m and other have the same name, ignoring case.
func (m member) hasNameOf(other member) bool { return strings.EqualFold(m.name, other.name) }

// bucket returns a hash that is equal for ASCII names that differ only in case. A collision of other names costs one
// comparison.
func bucket(name string) (b byte, ascii bool) {
	var all byte
	for i := range len(name) {
		all |= name[i]
		// The bit 0x20 distinguishes the cases of an ASCII letter. It also makes a few other characters equal, which
		// only costs comparisons.
		b = b*31 + (name[i] | 0x20)
	}
	return b, all < utf8.RuneSelf
}

// hasDuplicateAmongMany is hasDuplicate for any number of members and all characters. It sorts the names, which brings
// equal names next to each other.
func hasDuplicateAmongMany(members []member) bool {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = Fold(m.name)
	}
	slices.Sort(names) // n log n steps, also for names that a sender has chosen
	return len(slices.Compact(names)) < len(members)
}

// hasEqualNames reports whether two members have the same name, byte for byte. It is only called for objects that have
// names that differ at most in case.
func hasEqualNames(members []member) bool {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	slices.Sort(names)
	return len(slices.Compact(names)) < len(members)
}

// Fold returns the same text for all names that differ only in case. Many decoders, encoding/json among them, do not
// distinguish such names, so they would read an object with two such names differently than the kit.
func Fold(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, name)
		}
	}
	return name
}

// foldRune maps each rune to the smallest rune that equals it under [unicode.SimpleFold], and ASCII letters to lower
// case. For example, it maps the Kelvin sign to k.
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
