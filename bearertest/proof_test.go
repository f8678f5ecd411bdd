package bearertest_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

// A client sends a token that is bound to its key with the scheme DPoP, and a new proof with each request.
func ExampleProofKey() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	key := bearertest.NewProofKey("ES256")
	token := issuer.AccessToken().BoundTo(key).Sign()

	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
	request.Header.Set("Authorization", "DPoP "+token)
	request.Header.Set("DPoP", key.Proof(request.Method, "https://api.test/orders", token).Sign())

	fmt.Println(strings.Count(request.Header.Get("DPoP"), "."))
	// Output: 2
}

// sum returns the SHA-256 hash of data, encoded with base64url.
func sum(data string) string {
	hash := sha256.Sum256([]byte(data))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

func TestProof(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	for _, alg := range asymmetric {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			key := bearertest.NewProofKey(alg)
			token := issuer.AccessToken().BoundTo(key).Sign()
			proof := split(t, key.Proof("POST", "https://api.test/orders", token).Sign())

			want := map[string]any{"alg": alg, "typ": "dpop+jwt", "jwk": key.JWK()}
			if diff := cmp.Diff(want, proof.header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			jti, _ := proof.claims["jti"].(string)
			iat, _ := proof.claims["iat"].(float64)
			if len(jti) < 16 || iat == 0 {
				t.Errorf("jti %q, iat %v", jti, iat)
			}
			wantClaims := map[string]any{
				"htm": "POST", "htu": "https://api.test/orders", "ath": sum(token), "jti": jti, "iat": iat,
			}
			if diff := cmp.Diff(wantClaims, proof.claims); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			bound := split(t, token).claims["cnf"]
			if diff := cmp.Diff(map[string]any{"jkt": key.Thumbprint()}, bound); diff != "" {
				t.Errorf("cnf (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProof_Changed(t *testing.T) {
	t.Parallel()
	key := bearertest.NewProofKey("ES256")
	proof := split(t, key.Proof("GET", "https://api.test/", "").Set("nonce", "n").Algorithm("ES384").Sign())
	if _, has := proof.claims["ath"]; has || proof.claims["nonce"] != "n" || proof.header["alg"] != "ES384" {
		t.Errorf("header %v, claims %v", proof.header, proof.claims)
	}
	first, second := key.Proof("GET", "u", ""), key.Proof("GET", "u", "")
	if split(t, first.Sign()).claims["jti"] == split(t, second.Sign()).claims["jti"] {
		t.Error("two proofs have the same jti")
	}
	if raw := bearertest.NewProofKey("HS256").Proof("GET", "u", "").Sign(); raw != "" {
		t.Errorf("a proof with a secret is %q, want none", raw)
	}
}

// The thumbprint hashes the required members in the order of their names, without white space (RFC 7638 section 3).
func TestThumbprint(t *testing.T) {
	t.Parallel()
	key := bearertest.NewProofKey("ES256")
	jwk := key.JWK()
	want := sum(fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q,"y":%q}`, jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]))
	if got := key.Thumbprint(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBoundToKeyAndCertificate(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	key := bearertest.NewProofKey("Ed25519")
	want := map[string]any{"jkt": key.Thumbprint(), "x5t#S256": sum("der")}
	for _, token := range []*bearertest.Token{
		issuer.AccessToken().BoundTo(key).BoundToCertificate([]byte("der")),
		issuer.AccessToken().BoundToCertificate([]byte("der")).BoundTo(key),
	} {
		if diff := cmp.Diff(want, split(t, token.Sign()).claims["cnf"]); diff != "" {
			t.Errorf("cnf (-want +got):\n%s", diff)
		}
	}
}
