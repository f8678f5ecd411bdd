package bearertest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"time"
)

// ProofKey is the key of a client that signs DPoP proofs (RFC 9449). A token is bound to it with [Token.BoundTo]:
//
//	key := bearertest.NewProofKey("ES256")
//	token := issuer.AccessToken().BoundTo(key).Sign()
//
//	request.Header.Set("Authorization", "DPoP "+token)
//	request.Header.Set("DPoP", key.Proof("GET", "https://api.test/orders", token).Sign())
//
// The API accepts each proof once, so every request needs a new one. A ProofKey is safe for concurrent use.
type ProofKey struct {
	algorithm string
	private   crypto.Signer
}

// NewProofKey returns a new key for alg, which is one of the asymmetric algorithms of [IssuerConfig]. For any other alg, it
// returns a ProofKey without a key: Sign of its proofs returns "", and JWK returns nil.
func NewProofKey(alg string) *ProofKey {
	private, _ := generateKey(alg).(crypto.Signer)
	return &ProofKey{algorithm: alg, private: private}
}

// Proof returns a valid proof for one request with the given token (RFC 9449 section 4.2). It is a [Token] that is not
// signed yet, because a proof is a JWT. method is the HTTP method. url is the URL that the API expects, without query and
// fragment: its external URL and the path of the request. token is the access token as it is sent. If it is empty, the
// proof has no `ath`, as for a token endpoint.
//
// A test can change the proof as it can change a token. Set("nonce", nonce) adds the nonce of a DPoP-Nonce header.
// [Token.Algorithm] changes the algorithm and keeps the key.
func (k *ProofKey) Proof(method, url, token string) *Token {
	proof := &Token{
		header: map[string]any{"typ": "dpop+jwt", "jwk": k.JWK()},
		claims: map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()},
	}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		proof.claims["ath"] = base64url(hash[:])
	}
	return proof.SignWith(k.algorithm, k.private)
}

// JWK returns the public key as it is in the header of a proof: without `alg`, `kid` and `use`. It is nil if
// k has no key.
func (k *ProofKey) JWK() map[string]any {
	if k.private == nil {
		return nil
	}
	jwk := JWK("", "", k.private.Public())
	delete(jwk, "use")
	return jwk
}

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638), which is `jkt` in the `cnf` of a bound token. It
// hashes all members of [ProofKey.JWK], which are the required ones. encoding/json sorts them as the RFC demands.
func (k *ProofKey) Thumbprint() string {
	text, _ := json.Marshal(k.JWK()) // strings always have a JSON form
	hash := sha256.Sum256(text)
	return base64url(hash[:])
}

// BoundTo binds the token to a key: it sets `jkt` in `cnf` (RFC 9449 section 6.1).
func (t *Token) BoundTo(key *ProofKey) *Token { return t.confirm("jkt", key.Thumbprint()) }

// BoundToCertificate binds the token to the client certificate with the given DER encoding, which is the field Raw of a
// [crypto/x509.Certificate]: it sets `x5t#S256` in `cnf` (RFC 8705 section 3.1).
func (t *Token) BoundToCertificate(der []byte) *Token {
	hash := sha256.Sum256(der)
	return t.confirm("x5t#S256", base64url(hash[:]))
}

// confirm adds a member to `cnf`. It keeps the others, because a token can be bound to a key and to a certificate.
func (t *Token) confirm(member, value string) *Token {
	members := map[string]any{}
	if before, ok := t.claims["cnf"].(map[string]any); ok {
		maps.Copy(members, before)
	}
	members[member] = value
	return t.Set("cnf", members)
}
