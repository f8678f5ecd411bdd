package compact

import "math/bits"

// plainEnd returns the position of the first quote, backslash or control character in text, starting at position at. It
// returns the length of text if there is none. These are the characters that end a JSON string or have a meaning in it.
//
// Most of a token consists of strings, so plainEnd checks eight characters at a time.
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

// eight returns the first eight bytes of text as a little-endian number.
func eight(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// less sets the high bit of each byte of word that is less than c. c is at most 0x80. Only the lowest mark is reliable,
// because a byte that is less than c borrows from the next byte in the subtraction.
func less(word, c uint64) uint64 { return (word - lowBits*c) &^ word & highBits }

// equal marks the bytes of word that equal c, in the same way as less.
func equal(word, c uint64) uint64 { return less(word^lowBits*c, 1) }
