package compact

import (
	"errors"
	"strings"
)

// Parts holds the three segments of a compact JWS (RFC 7515 §7.1), still encoded.
type Parts struct {
	Header, Payload, Signature string

	// SigningInput is the text that the signature covers: header, dot and payload as received (RFC 7515 §5.2).
	SigningInput string
}

// ErrParts reports a token that does not consist of three parts.
var ErrParts = errors.New("token does not have three parts")

// Split cuts raw at its two dots. Only the signature may be empty. Split does not check the characters of the parts: the
// decoding methods of [Parts] do.
func Split(raw string) (Parts, error) {
	header, rest, ok := strings.Cut(raw, ".")
	if !ok {
		return Parts{}, ErrParts
	}
	payload, signature, ok := strings.Cut(rest, ".")
	// An encrypted token (JWE) has five parts and is rejected here, too (RFC 7516 §7.1). The signature may be empty,
	// because the form of a token with the algorithm none is valid (RFC 7515 appendix A.5): the caller rejects it
	// because of its header.
	if !ok || strings.IndexByte(signature, '.') >= 0 || header == "" || payload == "" {
		return Parts{}, ErrParts
	}
	return Parts{
		Header: header, Payload: payload, Signature: signature,
		SigningInput: raw[:len(header)+1+len(payload)],
	}, nil
}

// DecodePayload decodes the payload as [DecodeSegment] does.
func (p Parts) DecodePayload() (string, error) { return decodeText(p.Payload) }

// DecodeHeader decodes the header as [DecodeSegment] does.
func (p Parts) DecodeHeader() (string, error) { return decodeText(p.Header) }

// AppendSignature decodes the signature as [DecodeSegment] does, appends it to dst and returns the extended slice.
func (p Parts) AppendSignature(dst []byte) ([]byte, error) { return appendDecoded(dst, p.Signature) }

// WithoutPadding returns p without the "=" at the end of its segments, and false if the padding of a segment is not that of
// RFC 4648 section 4. SigningInput keeps it, because the signature covers the text as received. RFC 7515 section 2 forbids
// padding. Call it only for an issuer that is known to send it.
func (p Parts) WithoutPadding() (Parts, bool) {
	ok := true
	for _, segment := range [...]*string{&p.Header, &p.Payload, &p.Signature} {
		text := strings.TrimRight(*segment, "=")
		padding := len(*segment) - len(text)
		ok = ok && (padding == 0 || padding < 3 && len(*segment)%4 == 0)
		*segment = text
	}
	return p, ok
}
