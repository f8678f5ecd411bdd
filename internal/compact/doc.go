// Package compact reads the two things every JWT is made of, and reads them strictly: the compact JWS serialisation
// (RFC 7515 §7.1) and a JSON object (RFC 8259).
//
// Strict means that there is one reading. [Split] takes three parts over the URL-safe alphabet and nothing else, and
// [DecodeSegment] takes the one canonical base64url text of some bytes. [ParseObject] refuses duplicate member names,
// also those that differ only in case, invalid UTF-8, lone surrogates, trailing data and deep nesting; what it accepts
// it keeps as text and decodes on demand, so that reading a few members of a large object costs little.
//
// Nothing here checks a signature, and nothing here has a notion of time.
package compact
