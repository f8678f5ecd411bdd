package client

// PKCE is a proof key for one authorization request (RFC 7636). The challenge goes along with the user, the verifier
// with the code.
type PKCE struct {
	Verifier, Challenge string

	// Method is "S256", always.
	Method string
}

// NewPKCE makes a PKCE of 32 random octets. [Client.AuthorizationURL] makes its own.
func NewPKCE() PKCE { return newPKCE(randomBytes, false) }

func newPKCE(octets int, plain bool) PKCE {
	verifier := RandomValue(octets)
	if plain {
		return PKCE{Verifier: verifier, Challenge: verifier, Method: "plain"}
	}
	return PKCE{Verifier: verifier, Challenge: S256(verifier), Method: "S256"}
}
