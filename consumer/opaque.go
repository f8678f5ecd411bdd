package consumer

import (
	"encoding/base64"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// looksLikeJWT reports whether an authorization server might read raw as a JWT. Such a token is never passed to
// GroupConfig.Opaque, because a JWT that a Consumer rejects, for example one that was revoked here, would get a second chance
// there. Some servers read a JWT less strictly than this package: they ignore padding, a dot at the end, or characters that are
// not base64. So a text looks like a JWT if it has at least two dots, and if its first part begins like a JSON object.
// An encrypted token is an exception, because only the server can read it.
func looksLikeJWT(raw string) bool {
	if strings.Count(raw, ".") < 2 {
		return false
	}
	header, rest, _ := strings.Cut(strings.TrimLeft(raw, "."), ".")
	return beginsLikeObject(header) && !isEncrypted(header, rest)
}

// beginsLikeObject reports whether the beginning of segment, without characters that are not base64, is that of an object.
func beginsLikeObject(segment string) bool {
	const enough = 32 // characters; JSON allows white space before the object
	beginning := make([]byte, 0, enough)
	for i := 0; i < len(segment) && len(beginning) < enough; i++ {
		switch c := segment[i]; {
		case c == '+':
			beginning = append(beginning, '-')
		case c == '/':
			beginning = append(beginning, '_')
		case c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z':
			beginning = append(beginning, c)
		}
	}
	text, _ := base64.RawURLEncoding.DecodeString(string(beginning[:len(beginning)/4*4])) // the alphabet was checked
	return strings.HasPrefix(strings.TrimLeft(string(text), "\uFEFF \t\r\n"), "{")
}

// isEncrypted reports whether a token is a JWE: it has five parts, and its header names the encryption (RFC 7516 section
// 4.1.2).
func isEncrypted(header, rest string) bool {
	if strings.Count(rest, ".") != 3 {
		return false
	}
	o, err := readObject(compact.Parts{Header: header}.DecodeHeader())
	_, named := o.Get("enc")
	return err == nil && named
}
