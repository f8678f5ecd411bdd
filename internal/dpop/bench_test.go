package dpop_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// BenchmarkCheck compares a proof with the bare check of its signature. benchmarks/ does the same through a Guard.
func BenchmarkCheck(b *testing.B) {
	c := newChecker(b, dpop.Config{})
	d := newDraft("ES256")
	raw, w := d.sign(), want(d.key.jwk)
	nonces, err := dpop.NewNonces(nil, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	w.Nonce = func(nonce string) (time.Time, bool) { return nonces.Issued(nonce, now) }
	withNonce := newDraft("ES256").claim("nonce", nonces.Current(now)).sign()

	b.Run("bare", func(b *testing.B) {
		public := d.key.private.Public().(*ecdsa.PublicKey)
		end := strings.LastIndexByte(raw, '.')
		signature, err := base64.RawURLEncoding.DecodeString(raw[end+1:])
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256([]byte(raw[:end]))
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			if !ecdsa.Verify(public, digest[:], r, s) {
				b.Fatal("the signature is wrong")
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Read(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("proof", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := check(c, withNonce, w); err != nil {
				b.Fatal(err)
			}
		}
	})
	other := w
	other.Thumbprint = strings.Repeat("A", 43)
	b.Run("other key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := check(c, withNonce, other); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}
