package bearertest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// parts takes a compact token apart without judging it.
type parts struct {
	header, claims map[string]any
	input          string
	signature      []byte
}

func split(t *testing.T, raw string) parts {
	t.Helper()
	segments := strings.Split(raw, ".")
	if len(segments) != 3 {
		t.Fatalf("token has %d parts, want 3: %q", len(segments), raw)
	}
	return parts{
		header:    object(t, segments[0]),
		claims:    object(t, segments[1]),
		input:     segments[0] + "." + segments[1],
		signature: decode(t, segments[2]),
	}
}

func decode(t *testing.T, segment string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		t.Fatalf("segment %q: %v", segment, err)
	}
	return data
}

func object(t *testing.T, segment string) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(decode(t, segment), &members); err != nil {
		t.Fatalf("segment %q: %v", segment, err)
	}
	return members
}

type jwk struct {
	Kty, Kid, Alg, Use, N, E, Crv, X, Y, K string
}

func keySet(t *testing.T, document []byte) []jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatalf("key set %q: %v", document, err)
	}
	return set.Keys
}

func kids(t *testing.T, document []byte) []string {
	t.Helper()
	var all []string
	for _, key := range keySet(t, document) {
		all = append(all, key.Kid)
	}
	return all
}

// public rebuilds the key from its published members alone.
func (k jwk) public(t *testing.T) any {
	t.Helper()
	switch k.Kty {
	case "RSA":
		e := new(big.Int).SetBytes(decode(t, k.E))
		return &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, k.N)), E: int(e.Int64())}
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Crv]
		point := slices.Concat([]byte{4}, decode(t, k.X), decode(t, k.Y))
		key, err := ecdsa.ParseUncompressedPublicKey(curve, point)
		if err != nil {
			t.Fatalf("key %s: %v", k.Kid, err)
		}
		return key
	case "OKP":
		return ed25519.PublicKey(decode(t, k.X))
	case "oct":
		return decode(t, k.K)
	}
	t.Fatalf("key %s: kty %q", k.Kid, k.Kty)
	return nil
}

var errSignature = errors.New("signature is wrong")

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// verify checks a signature by what the RFCs say about alg, sharing nothing with the code that made it.
func verify(alg string, key any, input string, signature []byte) error {
	var digest []byte
	hash := hashes[alg[2:]]
	if hash != 0 {
		h := hash.New()
		h.Write([]byte(input))
		digest = h.Sum(nil)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if strings.HasPrefix(alg, "PS") {
			return rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: hash.Size()})
		}
		return rsa.VerifyPKCS1v15(key, hash, digest, signature)
	case *ecdsa.PublicKey:
		half := map[string]int{"ES256": 32, "ES384": 48, "ES512": 66}[alg]
		if len(signature) != 2*half {
			return fmt.Errorf("%w: %d bytes", errSignature, len(signature))
		}
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		return yes(ecdsa.Verify(key, digest, r, s))
	case ed25519.PublicKey:
		return yes(ed25519.Verify(key, []byte(input), signature))
	case []byte:
		mac := hmac.New(hash.New, key)
		mac.Write([]byte(input))
		return yes(hmac.Equal(mac.Sum(nil), signature))
	}
	return fmt.Errorf("no way to verify %q with a %T", alg, key)
}

func yes(ok bool) error {
	if !ok {
		return errSignature
	}
	return nil
}
