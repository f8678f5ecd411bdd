package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// RandomValue returns n random bytes, encoded in base64url without padding.
func RandomValue(n int) string {
	octets := make([]byte, n)
	_, _ = rand.Read(octets) // crypto/rand ends the process rather than return an error
	return base64.RawURLEncoding.EncodeToString(octets)
}

// S256 returns the SHA-256 hash of s, encoded in base64url without padding (RFC 7636, Section 4.2).
func S256(s string) string {
	hash := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}
