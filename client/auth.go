package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
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

// BasicEncoding says how the id and the secret of a client are written into an Authorization header.
type BasicEncoding int

// The encodings.
const (
	BasicForm BasicEncoding = iota // each one form-urlencoded (RFC 6749, Section 2.3.1)
	BasicRaw                       // unchanged, for servers that do not decode them
)

// SigningKey is a private key of the client. Neither fmt nor slog prints it.
type SigningKey struct {
	// Private is a crypto.Signer with an RSA key of at least 2048 bits, an ECDSA key, or an Ed25519 key.
	Private any

	// Algorithm is the signature algorithm, by its name in RFC 7518, Section 3.1: "ES256", "PS256", "EdDSA" and so on.
	Algorithm string

	// ID is the kid by which the server knows the key. Empty means that no kid is sent.
	ID string
}

func (k *SigningKey) key() jwtsign.Key {
	return jwtsign.Key{Private: k.Private, Algorithm: k.Algorithm, ID: k.ID}
}

// Format implements [fmt.Formatter]. For every verb, it omits the key.
func (k SigningKey) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.SigningKey{"+k.Algorithm+"}")
}

// LogValue implements [slog.LogValuer]. It omits the key.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.Algorithm) }

// validateAuth checks the fields that concern client authentication and keys. It requires the credential of the chosen
// AuthMethod, so that a missing secret is found at startup and not at the first request.
func (cfg Config) validateAuth() (faults []error) {
	fault := func(problem string) { faults = append(faults, errors.New("client: Config."+problem)) }
	for field, key := range map[string]*SigningKey{"Key": cfg.Key, "DPoP": cfg.DPoP} {
		if key == nil {
			continue
		}
		if err := key.key().Check(); err != nil {
			fault(field + ": " + err.Error())
		} else if strings.HasPrefix(key.Algorithm, "HS") {
			fault(field + ": a secret is not allowed, want a private key")
		}
	}
	switch cfg.AuthMethod {
	case "", AuthNone:
	case AuthTLS, AuthSelfSignedTLS:
		if cfg.HTTPClient == nil {
			fault("HTTPClient is required with this AuthMethod: its transport has the certificate")
		}
	case AuthBasic, AuthPost, AuthSecretJWT:
		if cfg.ClientSecret == "" {
			fault("ClientSecret is required with this AuthMethod")
		}
	case AuthPrivateKeyJWT:
		if cfg.Key == nil {
			fault("Key is required with this AuthMethod")
		}
	default:
		fault("AuthMethod is unknown")
	}
	if cfg.AuthMethod == AuthSecretJWT && len(cfg.ClientSecret) < minSecretJWT {
		fault("ClientSecret has fewer than 32 bytes, which client_secret_jwt requires")
	}
	if cfg.BasicEncoding == BasicRaw && strings.Contains(cfg.ClientID, ":") { // RFC 7617, Section 2
		fault("ClientID contains a colon, at which a server would end the id (BasicEncoding is BasicRaw)")
	}
	if cfg.MutualTLS && cfg.HTTPClient == nil {
		fault("HTTPClient is required with MutualTLS: its transport has the certificate")
	}
	return faults
}

// usesTLS reports whether the client has a certificate.
func (c *Client) usesTLS() bool {
	return c.cfg.MutualTLS || c.cfg.AuthMethod == AuthTLS || c.cfg.AuthMethod == AuthSelfSignedTLS
}

const minSecretJWT = 32 // bytes (RFC 7518, Section 3.2)

// destination is where a request is sent: the name of the endpoint in the metadata, and its URL. The name is empty for the
// MFA API, which the metadata does not list.
type destination struct{ name, url string }

// authenticate adds the credentials of the client for one request to header or to form, never to both (RFC 6749, Section
// 2.3). They are
//
//	AuthBasic                     the header Authorization: Basic …
//	AuthPost                      client_id and client_secret in the form
//	AuthSecretJWT                 an assertion that is signed with the secret
//	AuthPrivateKeyJWT             an assertion that is signed with Config.Key
//	AuthNone, AuthTLS, AuthSelf…  only client_id: with TLS, the certificate is the credential
func (c *Client) authenticate(ctx context.Context, to destination, form url.Values, header http.Header) error {
	method, err := c.authMethod(ctx, to.name)
	if err != nil {
		return err
	}
	switch method {
	case AuthBasic:
		header.Set("Authorization", "Basic "+c.basic())
	case AuthPost:
		form.Set("client_id", c.cfg.ClientID)
		form.Set("client_secret", c.cfg.ClientSecret)
	case AuthSecretJWT:
		return c.assert(form, jwtsign.Key{Private: []byte(c.cfg.ClientSecret), Algorithm: "HS256"})
	case AuthPrivateKeyJWT:
		return c.assert(form, c.cfg.Key.key())
	case AuthNone, AuthTLS, AuthSelfSignedTLS:
		form.Set("client_id", c.cfg.ClientID)
	}
	return nil
}

// basic returns the credentials for the Basic scheme (RFC 6749, Section 2.3.1).
func (c *Client) basic() string {
	id, secret := c.cfg.ClientID, c.cfg.ClientSecret
	if c.cfg.BasicEncoding == BasicForm {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionFor  = 60 * time.Second
)

// assert adds a client assertion to form (RFC 7523, Section 3; OpenID Connect Core, Section 9). Each request needs a new
// one, because its jti may be used only once.
func (c *Client) assert(form url.Values, key jwtsign.Key) error {
	now := time.Now()
	assertion, err := key.JWT(nil, map[string]any{
		"iss": c.cfg.ClientID, "sub": c.cfg.ClientID, "aud": c.cfg.AssertionAudience, "jti": RandomValue(randomBytes),
		"iat": now.Unix(), "exp": now.Add(assertionFor).Unix(),
	})
	if err != nil {
		return fmt.Errorf("client: signing the client assertion: %w", err)
	}
	form.Set("client_id", c.cfg.ClientID)
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return nil
}
