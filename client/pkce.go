package client

import (
	"fmt"
	"io"
	"log/slog"
)

// PKCE is a proof key for one authorization request (RFC 7636). Challenge is sent with the authorization request, Verifier
// with the code. Verifier is a secret, which neither fmt nor slog prints.
type PKCE struct {
	Verifier, Challenge string

	// Method is "S256". A [Client] with Config.InsecurePlainPKCE uses "plain" for servers that do not support S256.
	Method string
}

// Format implements [fmt.Formatter]. For every verb, it omits the secrets.
func (p PKCE) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.PKCE{"+p.Method+"}") }

// LogValue implements [slog.LogValuer]. It omits the secrets.
func (p PKCE) LogValue() slog.Value { return slog.StringValue("client.PKCE{" + p.Method + "}") }

// NewPKCE returns a PKCE with a verifier of 32 random bytes. [Client.AuthorizationURL] does not need it, because it makes
// its own.
func NewPKCE() PKCE { return newPKCE(randomBytes, false) }

// newPKCE returns a PKCE with a verifier of octets random bytes, for the method plain or S256.
func newPKCE(octets int, plain bool) PKCE {
	verifier := RandomValue(octets)
	if plain {
		return PKCE{Verifier: verifier, Challenge: verifier, Method: "plain"}
	}
	return PKCE{Verifier: verifier, Challenge: S256(verifier), Method: "S256"}
}
