package client

import (
	"errors"
	"fmt"
	"strings"
)

// AuthMethod is the way in which a client authenticates to the server. The values are those of RFC 7591, Section 2, and
// OpenID Connect Core, Section 9.
type AuthMethod string

// The methods of client authentication.
const (
	AuthNone          AuthMethod = "none"                        // a public client: only its id is sent
	AuthBasic         AuthMethod = "client_secret_basic"         // RFC 6749, Section 2.3.1
	AuthPost          AuthMethod = "client_secret_post"          // RFC 6749, Section 2.3.1
	AuthSecretJWT     AuthMethod = "client_secret_jwt"           // OpenID Connect Core, Section 9
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"             // RFC 7523, Section 2.2
	AuthTLS           AuthMethod = "tls_client_auth"             // RFC 8705, Section 2.1; the certificate is in HTTPClient
	AuthSelfSignedTLS AuthMethod = "self_signed_tls_client_auth" // RFC 8705, Section 2.2
)

// BasicEncoding says how AuthBasic writes the id and the secret of a client into the Authorization header. The zero value is
// BasicForm.
type BasicEncoding int

// The ways to encode the id and the secret.
const (
	BasicForm BasicEncoding = iota // both form-urlencoded (RFC 6749, Section 2.3.1)
	BasicRaw                       // both unchanged, for servers that do not decode them
)

// AudienceEndpoint is a value for Config.AssertionAudience. The audience of each client assertion is then the URL of the
// endpoint that receives it, such as the token endpoint or the pushed authorization request endpoint. If the client uses an
// endpoint in mtls_endpoint_aliases, the audience is the URL in that member.
const AudienceEndpoint = "endpoint"

// validateAuth checks the fields that concern client authentication and keys. It requires the credential of the chosen
// AuthMethod, so that a missing secret is found at startup and not at the first request.
func (cfg Config) validateAuth() (faults []error) {
	check := func(ok bool, problem string) {
		if !ok {
			faults = append(faults, errors.New("client: Config."+problem))
		}
	}
	for field, key := range map[string]*SigningKey{"Key": cfg.Key, "DPoP": cfg.DPoP} {
		if key == nil {
			continue
		}
		if err := key.check(); err != nil {
			faults = append(faults, fmt.Errorf("client: Config.%s: %w", field, err))
		}
	}
	check(cfg.DPoP == nil || cfg.DPoP.Certificate == nil, "DPoP.Certificate must be nil: a proof has the public key itself (RFC 9449, Section 4.2)")
	check(cfg.BasicEncoding == BasicForm || !strings.Contains(cfg.ClientID, ":"), // RFC 7617, Section 2
		"ClientID contains a colon, at which a server would end the id (BasicEncoding is BasicRaw)")
	check(!cfg.MutualTLS || cfg.HTTPClient != nil, "HTTPClient is required with MutualTLS: its transport has the certificate")
	check(cfg.ClientSecret == "" || cfg.SecretSource == nil, "SecretSource must be nil if ClientSecret is set")
	check(cfg.AssertionAudience == "" || cfg.AssertionSource == nil,
		"AssertionAudience must be empty if AssertionSource is set: the function chooses the audience")
	cfg.validateMethod(check)
	cfg.validateDocument(check)
	return faults
}

// validateMethod requires the credential of AuthMethod. A SecretSource or an AssertionSource that AuthMethod does not use is
// a fault too: requests would be sent without that credential.
func (cfg Config) validateMethod(check func(ok bool, problem string)) {
	usesSecret, usesKey := false, false
	switch cfg.AuthMethod {
	case "":
		usesSecret, usesKey = true, true
	case AuthNone:
	case AuthTLS, AuthSelfSignedTLS:
		check(cfg.HTTPClient != nil, "HTTPClient is required with this AuthMethod: its transport has the certificate")
	case AuthBasic, AuthPost, AuthSecretJWT:
		usesSecret = true
		check(cfg.hasSecret(), "ClientSecret or Config.SecretSource is required with this AuthMethod")
		check(cfg.AuthMethod != AuthSecretJWT || cfg.SecretSource != nil || len(cfg.ClientSecret) >= minSecretJWT,
			"ClientSecret has fewer than 32 bytes, which client_secret_jwt requires")
	case AuthPrivateKeyJWT:
		usesKey = true
		check(cfg.canAssert(), "Key or Config.AssertionSource is required with this AuthMethod")
	default:
		check(false, "AuthMethod is unknown, expected a constant of type AuthMethod")
	}
	check(usesSecret || cfg.SecretSource == nil, "SecretSource is not used with this AuthMethod")
	check(usesKey || cfg.AssertionSource == nil, "AssertionSource is not used with this AuthMethod")
}

// isPublic reports whether the client has no credentials.
func (c *Client) isPublic() bool {
	cfg := c.cfg
	return cfg.AuthMethod == AuthNone || cfg.AuthMethod == "" && !cfg.hasSecret() && !cfg.canAssert()
}

// hasSecret reports whether the client has a secret.
func (cfg Config) hasSecret() bool { return cfg.ClientSecret != "" || cfg.SecretSource != nil }

// canAssert reports whether the client can send a client assertion that is not signed with its secret.
func (cfg Config) canAssert() bool { return cfg.Key != nil || cfg.AssertionSource != nil }

// usesTLS reports whether the client has a certificate.
func (c *Client) usesTLS() bool {
	return c.cfg.MutualTLS || c.cfg.AuthMethod == AuthTLS || c.cfg.AuthMethod == AuthSelfSignedTLS
}

const minSecretJWT = 32 // bytes (RFC 7518, Section 3.2)
