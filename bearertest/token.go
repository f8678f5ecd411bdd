package bearertest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Token is a token that is not signed yet. Its methods change it and return it, so that calls can be chained.
// [Token.Sign] ends the chain. A later call of Set or SetHeader for the same name replaces an earlier one. The Edit
// methods do not replace each other: their functions are called in order.
//
// A Token is not safe for concurrent use. Each call of Sign returns a token with the same claims, including `jti`.
type Token struct {
	issuer *Issuer // nil for a proof
	header map[string]any
	claims map[string]any

	algorithm string // that Sign uses; the header may name another one
	key       any

	headerEdits, claimsEdits, inputEdits, signatureEdits edits
}

// edits are the functions that a test has passed to one of the Edit methods.
type edits []func([]byte) []byte

// apply runs all edits on data.
func (e edits) apply(data []byte) []byte {
	for _, edit := range e {
		data = edit(data)
	}
	return data
}

// Absent is a value that removes a claim or a header parameter: Set("exp", Absent).
const Absent = absence("absent")

// absence is a type of its own, so that no value that a test wants to set equals Absent.
type absence string

// set sets a member, or deletes it if value is Absent.
func set(members map[string]any, name string, value any) {
	if value == Absent {
		delete(members, name)
		return
	}
	members[name] = value
}

// Token returns a token with exactly the given claims; it does not even add `iss`. The token is signed with the first
// algorithm of [IssuerConfig]. If typ is empty, the header has no typ. The map claims is copied, but not its values.
func (i *Issuer) Token(typ string, claims map[string]any) *Token {
	token := &Token{issuer: i, header: make(map[string]any), claims: make(map[string]any)}
	maps.Copy(token.claims, claims)
	if typ != "" {
		token.header["typ"] = typ
	}
	return token.Algorithm(i.algorithms[0])
}

// Algorithm makes Sign use the key of the issuer for alg, and sets `alg` and `kid`. An issuer has a key for every known
// algorithm, but publishes only those of its [IssuerConfig]. With an unknown alg, Sign returns "". For a proof of a
// [ProofKey], Algorithm changes `alg` and keeps the key.
func (t *Token) Algorithm(alg string) *Token {
	if t.issuer == nil { // a proof names its key itself
		return t.SignWith(alg, t.key)
	}
	kid, key := t.issuer.signingKey(alg)
	if key != nil {
		t.header["kid"] = kid
	}
	return t.SignWith(alg, key)
}

// SignWith makes Sign use the given key, and sets `alg`. It does not change `kid`, which then names another key. key is a
// [crypto.Signer], or a []byte for HMAC. The algorithm "none", in any combination of cases, produces an empty signature.
func (t *Token) SignWith(alg string, key any) *Token {
	t.algorithm, t.key = alg, key
	return t.SetHeader("alg", alg)
}

// Set sets a claim to a value that encoding/json can encode. If value is [Absent], it removes the claim.
func (t *Token) Set(claim string, value any) *Token {
	set(t.claims, claim, value)
	return t
}

// SetHeader sets or removes a header parameter, as Set does for a claim. Setting `alg` or `kid` changes only the header, not
// the key and the algorithm that Sign uses.
func (t *Token) SetHeader(parameter string, value any) *Token {
	set(t.header, parameter, value)
	return t
}

// EditHeader calls edit with the JSON text of the header. The result is encoded and signed in its place.
func (t *Token) EditHeader(edit func(json []byte) []byte) *Token {
	t.headerEdits = append(t.headerEdits, edit)
	return t
}

// EditClaims calls edit with the JSON text of the claims. The result is encoded and signed in its place. Use it for duplicate
// members, trailing data, invalid UTF-8 and other texts that a map cannot represent.
func (t *Token) EditClaims(edit func(json []byte) []byte) *Token {
	t.claimsEdits = append(t.claimsEdits, edit)
	return t
}

// EditInput calls edit with the signing input: the two encoded parts with the dot between them (RFC 7515 section 5.1). The
// result is signed in its place. Use it for padding, white space and unencoded payloads with a valid signature.
func (t *Token) EditInput(edit func(input []byte) []byte) *Token {
	t.inputEdits = append(t.inputEdits, edit)
	return t
}

// EditSignature calls edit with the bytes of the signature. The result is encoded in their place.
func (t *Token) EditSignature(edit func(signature []byte) []byte) *Token {
	t.signatureEdits = append(t.signatureEdits, edit)
	return t
}

// Sign signs the token and returns it in compact form (RFC 7515 section 7.1). It returns "" if a value cannot be encoded
// as JSON, or if the type of the key does not fit the algorithm.
func (t *Token) Sign() string {
	header, err := json.Marshal(t.header)
	if err != nil {
		return ""
	}
	claims, err := json.Marshal(t.claims)
	if err != nil {
		return ""
	}
	input := base64url(t.headerEdits.apply(header)) + "." + base64url(t.claimsEdits.apply(claims))
	signed := t.inputEdits.apply([]byte(input))
	signature, err := t.signature(signed)
	if err != nil {
		return ""
	}
	return string(signed) + "." + base64url(t.signatureEdits.apply(signature))
}

// signature signs the signing input. The algorithm none has an empty signature (RFC 7515 appendix A.5). It passes a copy,
// so that sign cannot change the token.
func (t *Token) signature(input []byte) ([]byte, error) {
	if strings.EqualFold(t.algorithm, "none") {
		return nil, nil
	}
	return sign(t.algorithm, t.key, slices.Clone(input))
}
