package registry

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Secret holds a text that must not be shown by accident: printed, logged or encoded it is "[redacted]". The zero value
// is no secret. It can be copied.
//
// The text is behind a pointer because package fmt looks into unexported fields without asking for methods.
type Secret struct{ text *string }

const redacted = "[redacted]"

// NewSecret wraps a text. An empty one is no secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text: to hand it to the one it is for.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == nil }

// String returns "[redacted]", or nothing if there is no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const (
	idLength       = 22 // 130 bits
	secretLength   = 43 // 256 bits
	secretIDLength = 12 // unique within a client

	minSecret = 16   // of one that is given
	maxSecret = 1024 // of any
)

// randomText returns n characters of A–Z, a–z and 0–9, each with the same probability. In this alphabet all ways of
// encoding credentials agree (RFC 6749 §2.3.1).
func randomText(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const fair = 256 - 256%len(alphabet) // from here on, some characters would come more often than others
	var text strings.Builder
	random := make([]byte, 2*n)
	for text.Len() < n {
		_, _ = rand.Read(random) // never fails
		for _, b := range random {
			if int(b) < fair && text.Len() < n {
				text.WriteByte(alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return text.String()
}

// isSecret reports whether a text may be a secret. HMAC takes no notice of zeros at the end of one, for example.
func isSecret(text string) bool { return text != "" && len(text) <= maxSecret && isVisible(text) }

// isVisible reports whether text is made of the characters that client ids and secrets consist of (RFC 6749 appendices
// A.1 and A.2).
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
