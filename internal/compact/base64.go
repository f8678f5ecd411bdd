package compact

import (
	"errors"
	"slices"
)

var (
	// ErrAlphabet reports a character that is not one of A–Z, a–z, 0–9, '-' and '_'.
	ErrAlphabet = errors.New("character outside the base64url alphabet")

	// ErrEncoding reports a segment that is not canonical base64url, for example because of padding or trailing bits.
	ErrEncoding = errors.New("segment is not canonical base64url")
)

// DecodeSegment decodes base64url without padding (RFC 7515 §2). It accepts exactly one text for each sequence of
// bytes: it rejects white space, padding and trailing bits that are not zero. Therefore the same token is always the
// same text, and the text can be the key of a cache. The error is [ErrAlphabet] or [ErrEncoding].
func DecodeSegment(segment string) ([]byte, error) {
	return appendDecoded(nil, segment)
}

// decodeText decodes a segment to a string.
func decodeText(segment string) (string, error) {
	var buffer [1 << 10]byte // large enough for most claim sets, so the string is the only allocation
	decoded, err := appendDecoded(buffer[:0], segment)
	return string(decoded), err
}

// appendDecoded decodes four characters at a time. It checks for invalid characters only once, at the end.
func appendDecoded(dst []byte, segment string) ([]byte, error) {
	dst = slices.Grow(dst, len(segment)*6/8)
	var all uint32
	for ; len(segment) >= 4; segment = segment[4:] {
		// A character outside the alphabet contributes the bit outside, which no other character has. It stays set in
		// all.
		bits := sextets[0][segment[0]] | sextets[1][segment[1]] | sextets[2][segment[2]] | sextets[3][segment[3]]
		all |= bits
		dst = append(dst, byte(bits>>16&0xff), byte(bits>>8&0xff), byte(bits&0xff))
	}
	var rest uint32
	for i := range len(segment) {
		rest |= sextets[i][segment[i]]
	}
	if (all|rest)&outside != 0 {
		return nil, ErrAlphabet
	}
	return appendRest(dst, rest, len(segment))
}

// appendRest decodes the last one to three characters. Bits that do not belong to a whole byte must be zero.
func appendRest(dst []byte, bits uint32, characters int) ([]byte, error) {
	switch {
	case characters == 0:
		return dst, nil
	// One character alone has only six bits, so it cannot be decoded.
	case characters == 2 && bits&0xffff == 0:
		return append(dst, byte(bits>>16&0xff)), nil
	case characters == 3 && bits&0xff == 0:
		return append(dst, byte(bits>>16&0xff), byte(bits>>8&0xff)), nil
	}
	return nil, ErrEncoding
}

// outside marks a character that is not in the alphabet.
const outside = 1 << 31

// sextets holds the six bits of each character (RFC 4648 §5), already shifted to one of the four positions in the 24 bits
// of three bytes.
var sextets = func() (table [4][256]uint32) { //nolint:gochecknoglobals // a table that nothing writes to
	for place := range table {
		for c := range table[place] {
			table[place][c] = outside
		}
		for bits, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
			table[place][c] = uint32(bits) << (18 - 6*place)
		}
	}
	return table
}()
