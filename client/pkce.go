package client

import (
	"fmt"
	"io"
	"log/slog"
)

// PKCE is a proof key for one authorization request (RFC 7636). The challenge goes along with the user, the verifier
// with the code.
type PKCE struct {
	Verifier, Challenge string

	// Method is "S256", always.
	Method string
}

// Format leaves the verifier out, whatever the verb.
func (p PKCE) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.PKCE{"+p.Method+"}") }

// LogValue leaves the verifier out.
func (p PKCE) LogValue() slog.Value { return slog.StringValue("client.PKCE{" + p.Method + "}") }

// NewPKCE makes a PKCE of 32 random octets. [Client.AuthorizationURL] makes its own.
func NewPKCE() PKCE { return newPKCE(randomBytes, false) }

func newPKCE(octets int, plain bool) PKCE {
	verifier := RandomValue(octets)
	if plain {
		return PKCE{Verifier: verifier, Challenge: verifier, Method: "plain"}
	}
	return PKCE{Verifier: verifier, Challenge: S256(verifier), Method: "S256"}
}
