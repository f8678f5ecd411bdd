package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// boundToken requests an access token that is bound to a new key (RFC 9449 section 5). Its `cnf` claim contains the thumbprint.
func (as authorizationServer) boundToken(t *testing.T, client, resource, scope string) string {
	t.Helper()
	proof := http.Header{"Dpop": {dpopProof(t, http.MethodPost, as.tokenEndpoint)}}
	g, err := as.ask(t.Context(), client, clientCredentials(resource, scope), proof)
	if err != nil {
		t.Fatal(err)
	}
	if g.TokenType != "DPoP" {
		t.Fatalf("token_type is %q, want DPoP", g.TokenType)
	}
	return g.AccessToken
}

// dpopProof signs a proof (RFC 9449 section 4.2) with a new ES256 key.
func dpopProof(t *testing.T, method, uri string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes() // 0x04, x, y
	if err != nil {
		t.Fatal(err)
	}
	segment := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	jwk := map[string]string{
		"kty": "EC", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]),
		"y": base64.RawURLEncoding.EncodeToString(point[33:]),
	}
	signed := segment(map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}) + "." +
		segment(map[string]any{"jti": rand.Text(), "htm": method, "htu": uri, "iat": time.Now().Unix()})
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature[:])
}
