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
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// AuthMethod is how a client proves itself, by the names of RFC 7591 §2 and OpenID Connect Core §9.
type AuthMethod string

// The methods of client authentication.
const (
	AuthNone          AuthMethod = "none"                // a public client: its id alone
	AuthBasic         AuthMethod = "client_secret_basic" // RFC 6749 §2.3.1
	AuthPost          AuthMethod = "client_secret_post"  // RFC 6749 §2.3.1
	AuthSecretJWT     AuthMethod = "client_secret_jwt"   // OpenID Connect Core §9
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"     // RFC 7523 §2.2
	AuthTLS           AuthMethod = "tls_client_auth"     // RFC 8705 §2: the certificate is in HTTPClient
	AuthSelfSignedTLS AuthMethod = "self_signed_tls_client_auth"
)

// BasicEncoding is how a client's id and secret are written into an Authorization header.
type BasicEncoding int

// The encodings.
const (
	BasicForm BasicEncoding = iota // application/x-www-form-urlencoded, as RFC 6749 §2.3.1 says
	BasicRaw                       // as they are, for servers that do not decode
)

// SigningKey is a private key of the client.
type SigningKey struct {
	// Private is a crypto.Signer with an RSA key of at least 2048 bits, an ECDSA or an Ed25519 key.
	Private any

	// Algorithm is what it signs with, as in RFC 7518 §3.1: "ES256", "PS256", "EdDSA", …
	Algorithm string

	// ID is the `kid` under which the server knows the key. Empty: none is sent.
	ID string
}

func (k *SigningKey) key() jwtsign.Key {
	return jwtsign.Key{Private: k.Private, Algorithm: k.Algorithm, ID: k.ID}
}

// Format leaves the key out, whatever the verb.
func (k SigningKey) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.SigningKey{"+k.Algorithm+"}")
}

// LogValue leaves the key out.
func (k SigningKey) LogValue() slog.Value { return slog.StringValue(k.Algorithm) }

func (cfg Config) validateAuth() (faults []error) {
	fault := func(problem string) { faults = append(faults, errors.New("client: Config."+problem)) }
	for field, key := range map[string]*SigningKey{"Key": cfg.Key, "DPoP": cfg.DPoP} {
		if key == nil {
			continue
		}
		if err := key.key().Check(); err != nil || strings.HasPrefix(key.Algorithm, "HS") {
			fault(field + ": the key does not go with its algorithm")
		}
	}
	switch cfg.AuthMethod {
	case "", AuthNone:
	case AuthTLS, AuthSelfSignedTLS:
		if cfg.HTTPClient == nil {
			fault("HTTPClient is required with this AuthMethod: the certificate is in its transport")
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
		fault("ClientSecret is too short for client_secret_jwt")
	}
	if cfg.BasicEncoding == BasicRaw && strings.Contains(cfg.ClientID, ":") { // RFC 7617 §2
		fault("ClientID has a colon, after which BasicRaw would have the secret begin")
	}
	if cfg.MutualTLS && cfg.HTTPClient == nil {
		fault("HTTPClient is required with MutualTLS: the certificate is in its transport")
	}
	return faults
}

func (c *Client) usesTLS() bool {
	return c.cfg.MutualTLS || c.cfg.AuthMethod == AuthTLS || c.cfg.AuthMethod == AuthSelfSignedTLS
}

// authMethod chooses before the request: a method that is tried and refused has already used up a code.
func (c *Client) authMethod(ctx context.Context) (AuthMethod, error) {
	switch {
	case c.cfg.AuthMethod != "":
		return c.cfg.AuthMethod, nil
	case c.cfg.Key != nil:
		return AuthPrivateKeyJWT, nil
	case c.cfg.ClientSecret == "":
		return AuthNone, nil
	}
	m, err := c.Metadata(ctx)
	if err != nil {
		return "", err
	}
	return c.secretMethod(m.TokenEndpointAuthMethodsSupported)
}

// secretMethod never sends the secret in a way that the server does not offer.
func (c *Client) secretMethod(offered []string) (AuthMethod, error) {
	for _, name := range offered {
		if method := AuthMethod(name); method == AuthBasic || method == AuthPost {
			return method, nil
		}
	}
	switch {
	case len(offered) == 0:
		return AuthBasic, nil // RFC 8414 §2
	case slices.Contains(offered, string(AuthSecretJWT)) && len(c.cfg.ClientSecret) >= minSecretJWT:
		return AuthSecretJWT, nil
	}
	return "", fmt.Errorf("%w: the metadata have no method of client authentication for a secret", ErrUnsupported)
}

const minSecretJWT = 32 // RFC 7518 §3.2

// authenticate puts the client's proof into header or form, in one place only (RFC 6749 §2.3).
func (c *Client) authenticate(ctx context.Context, form url.Values, header http.Header) error {
	method, err := c.authMethod(ctx)
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

// assert makes an assertion for one attempt (RFC 7523 §3, OpenID Connect Core §9): its jti is used once.
func (c *Client) assert(form url.Values, key jwtsign.Key) error {
	now := time.Now()
	assertion, err := key.JWT(nil, map[string]any{
		"iss": c.cfg.ClientID, "sub": c.cfg.ClientID, "aud": c.cfg.AssertionAudience, "jti": RandomValue(randomBytes),
		"iat": now.Unix(), "exp": now.Add(assertionFor).Unix(),
	})
	if err != nil {
		return fmt.Errorf("client: the assertion could not be signed: %w", err)
	}
	form.Set("client_id", c.cfg.ClientID)
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return nil
}
