package bearertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"time"
)

// proofAge is how far the time of a proof may differ from the time of the issuer.
const proofAge = 5 * time.Minute

// proofKey verifies the DPoP proof of a request, and returns the thumbprint of its key (RFC 9449 section 4.3). Without a proof,
// it returns "". token is the access token of the request; empty: none.
func (s *server) proofKey(r *http.Request, path, token string) (string, *oauthError) {
	proofs := r.Header.Values("DPoP")
	if len(proofs) == 0 {
		return "", nil
	}
	if len(proofs) > 1 {
		return "", failure("invalid_dpop_proof", "the request has more than one proof")
	}
	proof, ok := parseJWS(proofs[0])
	members, _ := proof.header["jwk"].(map[string]any)
	public, thumbprint := publicKey(members)
	if !ok || proof.header["typ"] != "dpop+jwt" || !slices.Contains(assertionAlgorithms(), proof.alg) || !proof.verify(public) {
		return "", failure("invalid_dpop_proof", "the proof is not a JWT of type dpop+jwt that is signed with the key in its header")
	}
	issued, _ := proof.claims["iat"].(float64) // without iat, the proof is from 1970 and therefore too old
	age := time.Since(time.Unix(int64(issued), 0)).Abs()
	unique, _ := proof.claims["jti"].(string)
	hash := sha256.Sum256([]byte(token))
	switch {
	case proof.claims["htm"] != r.Method || proof.claims["htu"] != s.root+path:
		return "", failure("invalid_dpop_proof", "htm and htu of the proof are not %s and %s", r.Method, s.root+path)
	case age > proofAge:
		return "", failure("invalid_dpop_proof", "iat of the proof differs from the time of the issuer by more than %v", proofAge)
	case token != "" && proof.claims["ath"] != base64url(hash[:]):
		return "", failure("invalid_dpop_proof", "ath of the proof is not the hash of the access token")
	// A proof is recorded only after all other checks, so that a rejected one can be corrected and sent again.
	case unique == "" || !s.used.add("proof "+thumbprint+" "+unique, struct{}{}):
		return "", failure("invalid_dpop_proof", "jti of the proof is missing, or was used before")
	default:
		return thumbprint, nil
	}
}

// publicKey parses a public JWK (RFC 7518 section 6, RFC 8037 section 2), and returns its thumbprint (RFC 7638). The key is nil if
// the JWK is not valid.
func publicKey(jwk map[string]any) (key crypto.PublicKey, thumbprint string) {
	text := func(name string) string {
		value, _ := jwk[name].(string)
		return value
	}
	number := func(name string) []byte {
		bytes, _ := base64.RawURLEncoding.DecodeString(text(name))
		return bytes
	}
	if _, private := jwk["d"]; private { // a proof with a private key lets everyone who sees it sign others
		return nil, ""
	}
	var required []string
	switch text("kty") {
	case "RSA":
		required = []string{"e", "kty", "n"}
		n, e := new(big.Int).SetBytes(number("n")), new(big.Int).SetBytes(number("e"))
		// A longer modulus would make the verification slow, and crypto/rsa rejects a longer exponent.
		if n.BitLen() >= 2048 && n.BitLen() <= 8192 && e.BitLen() <= 31 {
			key = &rsa.PublicKey{N: n, E: int(e.Int64())}
		}
	case "EC":
		required = []string{"crv", "kty", "x", "y"}
		key = ecKey(text("crv"), number("x"), number("y"))
	case "OKP":
		required = []string{"crv", "kty", "x"}
		if x := number("x"); text("crv") == "Ed25519" && len(x) == ed25519.PublicKeySize {
			key = ed25519.PublicKey(x)
		}
	}
	members := make(map[string]string)
	for _, name := range required {
		members[name] = text(name)
	}
	// RFC 7638 section 3 requires the members in alphabetical order without white space. Marshal sorts the keys of a map.
	canonical, _ := json.Marshal(members) // strings always have a JSON form
	hash := sha256.Sum256(canonical)
	return key, base64url(hash[:])
}

// ecKey returns the key with the given coordinates, or nil if they are not a point of the curve.
func ecKey(name string, x, y []byte) crypto.PublicKey {
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		size := (c.Params().BitSize + 7) / 8
		if c.Params().Name != name || len(x) != size || len(y) != size {
			continue
		}
		key, err := ecdsa.ParseUncompressedPublicKey(c, append(append([]byte{4}, x...), y...))
		if err == nil {
			return key
		}
	}
	return nil
}
