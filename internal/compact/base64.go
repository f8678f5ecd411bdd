package compact

import (
	"errors"
	"slices"
)

var (
	// ErrAlphabet says that a segment holds a character outside A–Z, a–z, 0–9, '-' and '_'.
	ErrAlphabet = errors.New("compact: character outside the base64url alphabet")

	// ErrEncoding says that no bytes are written as the segment is in base64url without padding.
	ErrEncoding = errors.New("compact: segment is not canonical base64url")
)

// DecodeSegment decodes base64url without padding (RFC 7515 §2). There is one text for each sequence of bytes: white
// space, padding and non-zero trailing bits are refused, so that a token has one spelling and may key a cache.
func DecodeSegment(segment string) ([]byte, error) {
	return appendDecoded(make([]byte, 0, len(segment)*6/8), segment)
}

func decodeText(segment string) (string, error) {
	var buffer [1 << 10]byte // most claim sets fit, so that the string is the only allocation
	decoded, err := appendDecoded(buffer[:0], segment)
	return string(decoded), err
}

// appendDecoded looks at every character, and only then whether all were good: most segments are.
func appendDecoded(dst []byte, segment string) ([]byte, error) {
	dst = slices.Grow(dst, len(segment)*6/8)
	var all byte
	for ; len(segment) >= 4; segment = segment[4:] {
		a, b, c, d := sextets[segment[0]], sextets[segment[1]], sextets[segment[2]], sextets[segment[3]]
		all |= a | b | c | d
		dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|d)
	}
	var behind byte // bits that no byte has room for
	switch len(segment) {
	case 1:
		all |= sextets[segment[0]]
		behind = 1
	case 2:
		a, b := sextets[segment[0]], sextets[segment[1]]
		all |= a | b
		behind = b << 4
		dst = append(dst, a<<2|b>>4)
	case 3:
		a, b, c := sextets[segment[0]], sextets[segment[1]], sextets[segment[2]]
		all |= a | b | c
		behind = c << 6
		dst = append(dst, a<<2|b>>4, b<<4|c>>2)
	}
	if all&outside != 0 {
		return nil, ErrAlphabet
	}
	if behind != 0 {
		return nil, ErrEncoding
	}
	return dst, nil
}

// outside is in sextets for a character that is not in the alphabet.
const outside = 1 << 7

// sextets are the six bits that each character stands for (RFC 4648 §5).
var sextets = func() (table [256]byte) { //nolint:gochecknoglobals // a table that nothing writes to
	for c := range table {
		table[c] = outside
	}
	for bits, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		table[c] = byte(bits)
	}
	return table
}()
