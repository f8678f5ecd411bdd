package benchmarks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
)

// bare is the baseline: Go's standard crypto checks the signature of a token that is already split. As a handler, it is the
// handler without middleware.
func bare() peer {
	return peer{
		name:     "bare",
		attempts: bareAttempts,
		handler:  func(_ testing.TB, _ trust, next http.Handler) http.Handler { return next },
	}
}

var errBadSignature = errors.New("bad signature")

func bareAttempts(tb testing.TB, t trust, raws []string) []attempt {
	tb.Helper()
	check := bareCheck(t.alg, t.key)
	attempts := make([]attempt, len(raws))
	for i, raw := range raws {
		dot := strings.LastIndexByte(raw, '.')
		signature := must(base64.RawURLEncoding.DecodeString(raw[dot+1:]))(tb)
		input := []byte(raw[:dot])
		attempts[i] = func() error {
			if !check(input, signature) {
				return errBadSignature
			}
			return nil
		}
	}
	return attempts
}

func bareCheck(alg string, key any) func(input, signature []byte) bool {
	switch alg {
	case "RS256":
		return func(input, signature []byte) bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature) == nil
		}
	case "PS256":
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		return func(input, signature []byte) bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature, options) == nil
		}
	case "ES256":
		return func(input, signature []byte) bool {
			digest := sha256.Sum256(input)
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return ecdsa.Verify(key.(*ecdsa.PublicKey), digest[:], r, s)
		}
	case "EdDSA":
		return func(input, signature []byte) bool {
			return ed25519.Verify(key.(ed25519.PublicKey), input, signature)
		}
	default: // HS256
		secret, _ := key.([]byte)
		return func(input, signature []byte) bool {
			mac := hmac.New(sha256.New, secret)
			mac.Write(input)
			return hmac.Equal(mac.Sum(nil), signature)
		}
	}
}
