package compact

import "math/bits"

// plainEnd is where text, from at on, has the first character that ends a JSON string or means something in it: a
// quote, a backslash or a control character. Without one it is the length of text.
//
// Most of a token is strings, so this looks at eight characters at a time.
func plainEnd(text string, at int) int {
	for ; at+8 <= len(text); at += 8 {
		word := eight(text[at:])
		special := equal(word, '"') | equal(word, '\\') | less(word, ' ')
		if special != 0 {
			return at + bits.TrailingZeros64(special)/8
		}
	}
	for at < len(text) && text[at] != '"' && text[at] != '\\' && text[at] >= ' ' {
		at++
	}
	return at
}

// eight is the first eight bytes of text, the first one lowest.
func eight(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// less marks the bytes of word that are less than c, which is at most 0x80, by their high bits. The lowest mark is
// exact. Marks above it may be wrong, since a byte that is less borrows from the next.
func less(word, c uint64) uint64 { return (word - lowBits*c) &^ word & highBits }

// equal marks the bytes of word that are c, likewise.
func equal(word, c uint64) uint64 { return less(word^lowBits*c, 1) }
