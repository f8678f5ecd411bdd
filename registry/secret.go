package registry

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret contains a text that must not be printed or logged by accident. Packages fmt, log/slog and the encoding packages
// write it as "[redacted]". The zero value holds no secret. A Secret can be copied.
//
// The text is behind a pointer because package fmt prints unexported fields without calling their methods.
type Secret struct{ text *string }

const redacted = "[redacted]"

// NewSecret returns a Secret that holds text. If text is empty, it returns the zero value.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text, or "" if there is none. Call it to deliver the secret to its client.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether s holds no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns "[redacted]", or "" if s holds no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format implements [fmt.Formatter]. It writes the result of String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue implements [slog.LogValuer]. It returns the result of String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements [encoding.TextMarshaler]. It returns the result of String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const (
	idLength       = 22 // 130 bits
	secretLength   = 43 // 256 bits
	secretIDLength = 12 // random enough to be unique within a client

	minSecret = 16   // of a secret that the caller chooses
	maxSecret = 1024 // of every secret
)

// randomText returns n characters of A–Z, a–z and 0–9, each with the same probability. These characters are the same in every
// encoding of credentials (RFC 6749 section 2.3.1).
func randomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const fair = 256 - 256%len(alphabet) // bytes from here on are skipped: they would make some characters more likely
	var text strings.Builder
	random := make([]byte, 2*n)
	for text.Len() < n {
		_, _ = rand.Read(random) // never returns an error
		for _, b := range random {
			if int(b) < fair && text.Len() < n {
				text.WriteByte(alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return text.String()
}

// isSecret reports whether a text can be a secret: 1 to 1024 printable ASCII characters. This excludes NUL bytes, which
// HMAC ignores at the end of a key.
func isSecret(text string) bool { return text != "" && len(text) <= maxSecret && isVisible(text) }

// isVisible reports whether text consists of printable ASCII characters, as client ids and secrets do (RFC 6749 appendices
// A.1 and A.2).
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
