package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// RandomValue returns n random octets in base64url without padding.
func RandomValue(n int) string {
	octets := make([]byte, n)
	_, _ = rand.Read(octets) // never fails
	return base64.RawURLEncoding.EncodeToString(octets)
}

// S256 returns the SHA-256 of s in base64url without padding (RFC 7636 §4.2).
func S256(s string) string {
	hash := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}
