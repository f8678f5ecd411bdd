package jwtsign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
	"github.com/bearerkit/bearerkit/jwks"
)

// TestJWT: what is signed here is what the kit verifies.
func TestJWT(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	secret := bytes.Repeat([]byte("s"), 64)
	for alg, private := range map[string]any{
		"RS256": rsaKey, "RS384": rsaKey, "RS512": rsaKey, "PS256": rsaKey, "PS384": rsaKey, "PS512": rsaKey,
		"ES256": ecKey(t, elliptic.P256()), "ES384": ecKey(t, elliptic.P384()), "ES512": ecKey(t, elliptic.P521()),
		"EdDSA": edKey(t), "Ed25519": edKey(t), "HS256": secret, "HS384": secret, "HS512": secret,
	} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			raw, err := jwtsign.Key{Private: private, Algorithm: alg, ID: "key-1"}.JWT(
				map[string]any{"typ": "at+jwt", "alg": "none"},
				map[string]any{
					"iss": "https://issuer.test", "aud": "api", "sub": "alice", "client_id": "app", "jti": "1",
					"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
				})
			if err != nil {
				t.Fatal(err)
			}
			public := private
			if signer, ok := private.(crypto.Signer); ok {
				public = signer.Public()
			}
			c, err := consumer.New(consumer.Config{
				Issuer: "https://issuer.test", Audience: []string{"api"}, Profile: consumer.ProfileRFC9068,
				Algorithms: []string{alg}, Keys: jwks.Static{{ID: "key-1", Algorithm: alg, Public: public}},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 20 { // an ECDSA signature is as long as it should be whatever its numbers are
				if _, err := c.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]jwtsign.Key{
		"none":             {Private: edKey(t), Algorithm: "none"},
		"no algorithm":     {Private: edKey(t)},
		"no key":           {Algorithm: "ES256"},
		"another curve":    {Private: ecKey(t, elliptic.P384()), Algorithm: "ES256"},
		"another family":   {Private: edKey(t), Algorithm: "RS256"},
		"secret for ES256": {Private: bytes.Repeat([]byte("s"), 64), Algorithm: "ES256"},
		"short secret":     {Private: []byte("short"), Algorithm: "HS256"},
		"weak":             {Private: small, Algorithm: "RS256"},
	} {
		if err := key.Check(); !errors.Is(err, jwtsign.ErrKey) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func edKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
