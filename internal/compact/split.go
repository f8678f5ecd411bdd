package compact

import (
	"errors"
	"strings"
)

// Parts are the segments of a compact JWS, still encoded.
type Parts struct {
	Header, Payload, Signature string

	// SigningInput is what the signature covers: header, dot and payload as they were sent (RFC 7515 §5.2).
	SigningInput string
}

// ErrParts says that a token is not made of three parts.
var ErrParts = errors.New("token does not have three parts")

// Split cuts raw into its three parts. What they hold is found out by decoding them.
func Split(raw string) (Parts, error) {
	header, rest, ok := strings.Cut(raw, ".")
	if !ok {
		return Parts{}, ErrParts
	}
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.IndexByte(signature, '.') >= 0 || header == "" || payload == "" {
		return Parts{}, ErrParts
	}
	return Parts{
		Header: header, Payload: payload, Signature: signature,
		SigningInput: raw[:len(header)+1+len(payload)],
	}, nil
}

// DecodePayload decodes the payload.
func (p Parts) DecodePayload() (string, error) { return decodeText(p.Payload) }

// DecodeHeader decodes the header.
func (p Parts) DecodeHeader() (string, error) { return decodeText(p.Header) }

// AppendSignature decodes the signature behind dst.
func (p Parts) AppendSignature(dst []byte) ([]byte, error) { return appendDecoded(dst, p.Signature) }
