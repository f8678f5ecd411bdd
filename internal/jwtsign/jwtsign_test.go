package jwtsign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
	"github.com/bearerkit/bearerkit/jwks"
)

// The kit verifies every JWT that this package signs.
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
			for range 20 { // the length of an ECDSA signature does not depend on its numbers
				if _, err := c.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var small *rsa.PrivateKey
	fips140.WithoutEnforcement(func() {
		var err error
		if small, err = rsa.GenerateKey(rand.Reader, 1024); err != nil {
			t.Fatal(err)
		}
	})
	for name, key := range map[string]jwtsign.Key{
		"none":             {Private: edKey(t), Algorithm: "none"},
		"no algorithm":     {Private: edKey(t)},
		"no key":           {Algorithm: "ES256"},
		"another curve":    {Private: ecKey(t, elliptic.P384()), Algorithm: "ES256"},
		"another family":   {Private: edKey(t), Algorithm: "RS256"},
		"secret for ES256": {Private: bytes.Repeat([]byte("s"), 64), Algorithm: "ES256"},
		"short secret":     {Private: []byte("short"), Algorithm: "HS256"},
		"weak":             {Private: small, Algorithm: "RS256"},
		"typed nil":        {Private: (*ecdsa.PrivateKey)(nil), Algorithm: "ES256"},
		"typed nil, RSA":   {Private: (*rsa.PrivateKey)(nil), Algorithm: "RS256"},
		"empty Ed25519":    {Private: ed25519.PrivateKey{}, Algorithm: "EdDSA"},
		"pointer to empty": {Private: new(ed25519.PrivateKey), Algorithm: "EdDSA"},
		"pointer to nil":   {Private: (*ed25519.PrivateKey)(nil), Algorithm: "EdDSA"},
		"empty ECDSA":      {Private: &ecdsa.PrivateKey{}, Algorithm: "ES256"},
		"empty RSA":        {Private: &rsa.PrivateKey{}, Algorithm: "RS256"},
		"of 256 bits":      {Private: far{public: &ecdsa.PublicKey{Curve: otherCurve{elliptic.P256()}}}, Algorithm: "ES256"},
	} {
		if err := key.Check(); !errors.Is(err, jwtsign.ErrKey) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// otherCurve is a curve of the same size as P-256.
type otherCurve struct{ elliptic.Curve }

// far is a key in a remote service, with a fixed response.
type far struct {
	public    crypto.PublicKey
	signature []byte
	asked     *int
}

func (f far) Public() crypto.PublicKey { return f.public }

func (f far) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	if f.asked != nil {
		*f.asked++
	}
	return f.signature, nil
}

// Check does not call a remote service.
func TestCheckNamesTheKey(t *testing.T) {
	t.Parallel()
	_, ed25519Key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		key  jwtsign.Key
		want string
	}{
		"RSA":    {jwtsign.Key{Private: ed25519Key, Algorithm: "RS256"}, "RS256 requires a crypto.Signer with an RSA key of at least 2048 bits, received ed25519.PrivateKey"},
		"curve":  {jwtsign.Key{Private: ecdsaKey, Algorithm: "ES256"}, "ES256 requires a crypto.Signer with an ECDSA key on P-256, received an ECDSA key on P-384"},
		"none":   {jwtsign.Key{Algorithm: "EdDSA"}, "EdDSA requires a crypto.Signer with an Ed25519 key, received <nil>"},
		"secret": {jwtsign.Key{Private: []byte("s3cr3t"), Algorithm: "HS256"}, "HS256 requires a secret of at least 32 bytes, received a secret of 6 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.key.Check(); err == nil || err.Error() != "the key does not match the algorithm: "+tt.want {
				t.Errorf("error %v, want it to end in %q", err, tt.want)
			}
		})
	}
}

func TestCheckDoesNotSign(t *testing.T) {
	t.Parallel()
	asked := 0
	key := jwtsign.Key{Private: far{public: edKey(t).Public(), asked: &asked}, Algorithm: "EdDSA"}
	if err := key.Check(); err != nil || asked != 0 {
		t.Errorf("%v after %d signatures", err, asked)
	}
}

// A signer that returns an invalid signature causes an error.
func TestInvalidSignature(t *testing.T) {
	t.Parallel()
	public := ecKey(t, elliptic.P256()).Public()
	huge := new(big.Int).Lsh(big.NewInt(1), 300)
	for _, pair := range [][2]*big.Int{
		{huge, big.NewInt(1)}, {big.NewInt(1), huge}, {big.NewInt(-1), big.NewInt(1)}, {big.NewInt(1), big.NewInt(0)},
	} {
		der, err := asn1.Marshal(struct{ R, S *big.Int }{pair[0], pair[1]})
		if err != nil {
			t.Fatal(err)
		}
		for _, signature := range [][]byte{der, append(der, 0), nil} {
			key := jwtsign.Key{Private: far{public: public, signature: signature}, Algorithm: "ES256"}
			if _, err := key.JWT(nil, nil); !errors.Is(err, jwtsign.ErrKey) {
				t.Errorf("%v: %v", pair, err)
			}
		}
	}
}

// JSON cannot represent bytes that are not UTF-8, so nothing is signed in their place.
func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	key := jwtsign.Key{Private: bytes.Repeat([]byte("s"), 32), Algorithm: "HS256"}
	for name, claims := range map[string]map[string]any{
		"name": {"a\xff": 1}, "string": {"a": "b\xff"}, "list": {"a": []string{"b", "\xff"}},
	} {
		if _, err := key.JWT(nil, claims); !errors.Is(err, jwtsign.ErrText) {
			t.Errorf("%s in the claims: error %v, want ErrText", name, err)
		}
		if _, err := key.JWT(claims, nil); !errors.Is(err, jwtsign.ErrText) {
			t.Errorf("%s in the header: error %v, want ErrText", name, err)
		}
	}
}

// With GODEBUG=fips140=only, the error says why a key is not allowed.
func TestCheckInFIPSMode(t *testing.T) {
	t.Parallel()
	if !fips140.Enforced() {
		t.Skip("needs GODEBUG=fips140=only")
	}
	odd := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2048), E: 65537}
	for _, public := range []*rsa.PublicKey{odd, {N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 3}} {
		err := jwtsign.Key{Private: far{public: public}, Algorithm: "RS256"}.Check()
		if !errors.Is(err, jwtsign.ErrKey) || !strings.Contains(err.Error(), "FIPS 140") {
			t.Errorf("got %v", err)
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
