package compact

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Parts are the segments of a compact JWS, still encoded.
type Parts struct {
	Header, Payload, Signature string

	// SigningInput is what the signature covers: header, dot and payload as they were sent (RFC 7515 §5.2).
	SigningInput string
}

var (
	// ErrAlphabet says that a token holds a character outside A–Z, a–z, 0–9, '-', '_' and '.'.
	ErrAlphabet = errors.New("compact: character outside the base64url alphabet")

	// ErrParts says that a token is not made of three parts.
	ErrParts = errors.New("compact: token does not have three parts")

	// ErrEncoding says that a segment is not canonical base64url without padding.
	ErrEncoding = errors.New("compact: segment is not canonical base64url")
)

// Split cuts raw into its three parts. The alphabet is checked before anything else looks at the token, so that no
// later step meets JSON, white space or padding (RFC 8725bis §3.14).
func Split(raw string) (Parts, error) {
	if !inAlphabet(raw) {
		return Parts{}, ErrAlphabet
	}
	header, rest, ok := strings.Cut(raw, ".")
	if !ok {
		return Parts{}, ErrParts
	}
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(signature, ".") || header == "" || payload == "" {
		return Parts{}, ErrParts
	}
	return Parts{
		Header: header, Payload: payload, Signature: signature,
		SigningInput: raw[:len(header)+1+len(payload)],
	}, nil
}

// DecodePayload decodes the payload of parts that come from [Split].
func (p Parts) DecodePayload() (string, error) { return decodeText(p.Payload) }

// DecodeHeader decodes the header of parts that come from [Split].
func (p Parts) DecodeHeader() (string, error) { return decodeText(p.Header) }

// DecodeSignature decodes the signature of parts that come from [Split].
func (p Parts) DecodeSignature() ([]byte, error) { return appendDecoded(nil, p.Signature) }

// DecodeSegment decodes base64url without padding. There is one text for each sequence of bytes: line breaks, padding
// and non-zero trailing bits are refused, so that a token has one spelling and may key a cache.
func DecodeSegment(segment string) ([]byte, error) {
	if strings.ContainsAny(segment, "\r\n") { // encoding/base64 skips them
		return nil, ErrEncoding
	}
	return appendDecoded(nil, segment)
}

func decodeText(segment string) (string, error) {
	var buffer [1 << 10]byte // most claim sets fit, so that the string is the only allocation
	decoded, err := appendDecoded(buffer[:0], segment)
	return string(decoded), err
}

func appendDecoded(dst []byte, segment string) ([]byte, error) {
	decoded, err := strictBase64.AppendDecode(dst, []byte(segment))
	if err != nil {
		return nil, ErrEncoding
	}
	return decoded, nil
}

var strictBase64 = base64.RawURLEncoding.Strict() //nolint:gochecknoglobals // like those of encoding/base64

// inAlphabet looks at eight characters at a time: all of a token passes through here.
func inAlphabet(raw string) bool {
	var bad byte
	for ; len(raw) >= 8; raw = raw[8:] {
		bad |= outside[raw[0]] | outside[raw[1]] | outside[raw[2]] | outside[raw[3]] |
			outside[raw[4]] | outside[raw[5]] | outside[raw[6]] | outside[raw[7]]
	}
	for i := range len(raw) {
		bad |= outside[raw[i]]
	}
	return bad == 0
}

// outside is 0 for the characters of the alphabet and 1 for all others.
var outside = func() (table [256]byte) { //nolint:gochecknoglobals // a table that nothing writes to
	for c := range table {
		table[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") {
		table[c] = 0
	}
	return table
}()
