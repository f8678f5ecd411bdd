// Package compact reads the two parts that every JWT consists of: the compact JWS serialization (RFC 7515 §7.1) and
// JSON objects (RFC 8259). It accepts only input that all readers interpret in the same way.
//
// [Split] requires three parts. [DecodeSegment] requires canonical base64url: for each sequence of bytes, it accepts
// only one text. [ParseObject] rejects duplicate member names, including names that differ only in case, invalid UTF-8,
// lone surrogates, trailing data and deep nesting. An [Object] keeps its text and decodes a value when the value is
// read, so reading a few members of a large object costs little. [ParseClaims] accepts names that differ only in case and
// reports them. [ParseDocument] is for documents of an issuer, in which a fault of one member must not cost the others.
//
// The results do not depend on the Go version. Therefore [Object.Decode] does not call encoding/json. The exception is
// types whose only decoding method is that of encoding/json/v2.
//
// This package does not verify signatures and does not check times.
package compact
