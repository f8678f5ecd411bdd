package bearertest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Token is a token on its way to being signed. Its methods change it and return it, so that they can be chained; Sign
// ends the chain. Later calls win over earlier ones for the same thing, and edits are made one after the other.
//
// A Token is not safe for concurrent use. Signing it twice gives the same claims twice, `jti` too.
type Token struct {
	issuer *Issuer
	header map[string]any
	claims map[string]any

	algorithm string
	key       any

	headerEdits, claimsEdits, inputEdits, signatureEdits edits
}

type edits []func([]byte) []byte

func (e edits) apply(data []byte) []byte {
	for _, edit := range e {
		data = edit(data)
	}
	return data
}

// Absent is the value that takes a claim or a header parameter away: Set("exp", Absent).
const Absent = absence("absent")

type absence string

func set(members map[string]any, name string, value any) {
	if value == Absent {
		delete(members, name)
		return
	}
	members[name] = value
}

// Token starts a token from claims alone: nothing is added to them, not even `iss`. It is signed with the issuer's first
// algorithm. An empty typ leaves the header parameter out. claims is copied, its values are not.
func (i *Issuer) Token(typ string, claims map[string]any) *Token {
	token := &Token{issuer: i, header: make(map[string]any), claims: make(map[string]any)}
	maps.Copy(token.claims, claims)
	if typ != "" {
		token.header["typ"] = typ
	}
	return token.Algorithm(i.algorithms[0])
}

// Algorithm signs with the issuer's own key for alg and says so in `alg` and `kid`. An issuer has a key for every
// algorithm; it publishes only those of its IssuerConfig.
func (t *Token) Algorithm(alg string) *Token {
	kid, key := t.issuer.signingKey(alg)
	if key != nil {
		t.header["kid"] = kid
	}
	return t.SignWith(alg, key)
}

// SignWith signs with a key of the caller's and says so in `alg`; `kid` stays what it is, a claim to be another key. key
// is a [crypto.Signer], or a []byte for HMAC. The algorithm "none", in any spelling, makes an empty signature.
func (t *Token) SignWith(alg string, key any) *Token {
	t.algorithm, t.key = alg, key
	return t.SetHeader("alg", alg)
}

// Set sets a claim to any value that encoding/json can write, or takes it away: see [Absent].
func (t *Token) Set(claim string, value any) *Token {
	set(t.claims, claim, value)
	return t
}

// SetHeader sets a header parameter as Set does a claim. Setting `alg` or `kid` changes only what the header says, not
// how the token is signed.
func (t *Token) SetHeader(parameter string, value any) *Token {
	set(t.header, parameter, value)
	return t
}

// EditHeader lets edit change the JSON text of the header before it is encoded and signed.
func (t *Token) EditHeader(edit func(json []byte) []byte) *Token {
	t.headerEdits = append(t.headerEdits, edit)
	return t
}

// EditClaims lets edit change the JSON text of the claims before it is encoded and signed: for duplicate members,
// trailing data, invalid UTF-8 and whatever else a map cannot hold.
func (t *Token) EditClaims(edit func(json []byte) []byte) *Token {
	t.claimsEdits = append(t.claimsEdits, edit)
	return t
}

// EditInput lets edit change the signing input, the two encoded parts with the dot between them (RFC 7515 §5.1), before
// it is signed: for padding, white space and unencoded payloads under a signature that is right.
func (t *Token) EditInput(edit func(input []byte) []byte) *Token {
	t.inputEdits = append(t.inputEdits, edit)
	return t
}

// EditSignature lets edit change the bytes of the signature before they are encoded.
func (t *Token) EditSignature(edit func(signature []byte) []byte) *Token {
	t.signatureEdits = append(t.signatureEdits, edit)
	return t
}

// Sign returns the token in compact form (RFC 7515 §7.1). It returns the empty string, which is no token at all, when
// there is nothing to be signed: a value that has no JSON text, or a key that cannot make the algorithm's signature.
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

func (t *Token) signature(input []byte) ([]byte, error) {
	if strings.EqualFold(t.algorithm, "none") {
		return nil, nil
	}
	return sign(t.algorithm, t.key, slices.Clone(input))
}
