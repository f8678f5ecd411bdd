package dpop_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// now is the time of all requests of these tests.
var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const (
	target = "https://api.example.com/orders/7"
	token  = "the.access.token"
)

type object = map[string]any

// key is a private key of a sender, made once for all tests.
type key struct {
	alg     string
	private crypto.Signer
	jwk     object
}

var keys = sync.OnceValue(func() map[string]key {
	made := make(map[string]key)
	for alg, curve := range map[string]elliptic.Curve{"ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		made[alg] = key{alg, private, ecJWK(&private.PublicKey)}
	}
	// The seeds of the fuzz targets contain the public keys of these two.
	fixed, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		panic(err)
	}
	made["ES256"] = key{"ES256", fixed, ecJWK(&fixed.PublicKey)}
	edwards := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	for _, alg := range []string{"EdDSA", "Ed25519"} {
		made[alg] = key{alg, edwards, object{"kty": "OKP", "crv": "Ed25519", "x": b64(edwards.Public().(ed25519.PublicKey))}}
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		made[alg] = key{alg, private, rsaJWK(&private.PublicKey)}
	}
	return made
})

func ecJWK(public *ecdsa.PublicKey) object {
	point, err := public.Bytes()
	if err != nil {
		panic(err)
	}
	half := len(point) / 2
	return object{"kty": "EC", "crv": public.Params().Name, "x": b64(point[1 : half+1]), "y": b64(point[half+1:])}
}

func rsaJWK(public *rsa.PublicKey) object {
	return object{"kty": "RSA", "n": b64(public.N.Bytes()), "e": b64(big.NewInt(int64(public.E)).Bytes())}
}

func b64(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

// draft is a proof before it is signed. Tests change its members.
type draft struct {
	key            key
	header, claims object
}

// newDraft returns a good proof for target and token at now.
func newDraft(alg string) *draft {
	k := keys()[alg]
	hash := sha256.Sum256([]byte(token))
	return &draft{
		key:    k,
		header: object{"typ": "dpop+jwt", "alg": alg, "jwk": maps.Clone(k.jwk)},
		claims: object{"jti": "id-1", "htm": "GET", "htu": target, "iat": now.Unix(), "ath": b64(hash[:])},
	}
}

// claim sets a claim. absent removes it.
func (d *draft) claim(name string, value any) *draft { set(d.claims, name, value); return d }

func (d *draft) head(name string, value any) *draft { set(d.header, name, value); return d }

// member sets a member of the jwk.
func (d *draft) member(name string, value any) *draft {
	set(d.header["jwk"].(object), name, value)
	return d
}

type missing struct{}

var absent = missing{}

func set(o object, name string, value any) {
	if value == any(absent) {
		delete(o, name)
		return
	}
	o[name] = value
}

func (d *draft) sign() string { return d.key.sign(text(d.header), text(d.claims)) }

func text(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// sign signs any header and claims.
func (k key) sign(header, claims string) string {
	input := b64([]byte(header)) + "." + b64([]byte(claims))
	return input + "." + b64(k.signature(input))
}

// hash returns the hash of the algorithm. It is not used for Ed25519.
func (k key) hash() crypto.Hash {
	switch k.alg[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func (k key) signature(input string) []byte {
	hash := k.hash()
	message := []byte(input)
	if _, edwards := k.private.(ed25519.PrivateKey); !edwards {
		h := hash.New()
		h.Write(message)
		message = h.Sum(nil)
	} else {
		hash = 0
	}
	if private, ok := k.private.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, private, message)
		if err != nil {
			panic(err)
		}
		size := (private.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(k.alg, "PS") {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signed, err := k.private.Sign(rand.Reader, message, options)
	if err != nil {
		panic(err)
	}
	return signed
}

// thumbprint is the RFC 7638 thumbprint by way of encoding/json, which sorts the names of a map.
func thumbprint(jwk object) string {
	required := object{}
	for _, name := range []string{"kty", "crv", "x", "y", "e", "n"} {
		if v, ok := jwk[name]; ok {
			required[name] = v
		}
	}
	hash := sha256.Sum256([]byte(text(required)))
	return b64(hash[:])
}

// want is the request that newDraft is for.
func want(jwk object) dpop.Want {
	return dpop.Want{Method: "GET", URL: target, Token: token, Thumbprint: thumbprint(jwk), Now: now}
}

func newChecker(t testing.TB, cfg dpop.Config) *dpop.Checker {
	t.Helper()
	c, err := dpop.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// check reads and checks raw.
func check(c *dpop.Checker, raw string, w dpop.Want) (dpop.Use, error) {
	p, err := c.Read(raw)
	if err != nil {
		return dpop.Use{}, err
	}
	return c.Check(&p, w)
}

// wantError checks that err is an *Error with a Detail that contains part.
func wantError(t *testing.T, err error, part string) {
	t.Helper()
	var e *dpop.Error
	switch {
	case !errors.As(err, &e):
		t.Errorf("got error %v, want an *Error", err)
	case part == "" || !strings.Contains(e.Detail, part):
		t.Errorf("got %q, want it to contain %q", e.Detail, part)
	case e.Nonce:
		t.Errorf("%q requires a nonce", e.Detail)
	}
}
