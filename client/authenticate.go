package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// destination is where a request is sent: the name of the endpoint in the metadata, and its URL. The name is empty for the
// MFA API, which the metadata does not list.
type destination struct{ name, url string }

// authenticate adds the credentials of the client for one request to header or to form, never to both (RFC 6749, Section
// 2.3). With AuthBasic and Config.ClientIDInBody, the form has the id too. It returns the secret that it used, or "".
func (c *Client) authenticate(ctx context.Context, to destination, form url.Values, header http.Header) (secret string, err error) {
	if err := c.checkDocumentSupport(ctx); err != nil {
		return "", err
	}
	method, err := c.authMethod(ctx, to.name)
	if err != nil {
		return "", err
	}
	if method != AuthBasic {
		return c.authenticateInForm(ctx, method, to, form)
	}
	if secret, err = c.secret(ctx); err != nil {
		return "", err
	}
	header.Set("Authorization", "Basic "+c.basic(secret))
	if c.cfg.ClientIDInBody {
		form.Set("client_id", c.cfg.ClientID)
	}
	return secret, nil
}

// authenticateInForm adds the credentials of the client for one request to form, and returns the secret that it used:
//
//	AuthPost                      client_id and client_secret
//	AuthSecretJWT                 an assertion that is signed with the secret
//	AuthPrivateKeyJWT             an assertion of Config.AssertionSource, or one that is signed with Config.Key
//	AuthNone, AuthTLS, AuthSelf…  only client_id: with TLS, the certificate is the credential
func (c *Client) authenticateInForm(
	ctx context.Context, method AuthMethod, to destination, form url.Values,
) (secret string, err error) {
	form.Set("client_id", c.cfg.ClientID)
	if method == AuthPost || method == AuthSecretJWT {
		if secret, err = c.secret(ctx); err != nil {
			return "", err
		}
	}
	var assertion string
	switch method {
	case AuthPost:
		form.Set("client_secret", secret)
		return secret, nil
	case AuthSecretJWT:
		assertion, err = c.assertWithSecret(ctx, secret, to)
	case AuthPrivateKeyJWT:
		assertion, err = c.assertWithKey(ctx, to)
	default: // the id is all
		return "", nil
	}
	if err != nil {
		return "", err
	}
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return secret, nil
}

// basic returns the credentials for the Basic scheme (RFC 6749, Section 2.3.1).
func (c *Client) basic(secret string) string {
	id := c.cfg.ClientID
	if c.cfg.BasicEncoding == BasicForm {
		id, secret = url.QueryEscape(id), url.QueryEscape(secret)
	}
	return base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
}

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionFor  = 60 * time.Second
)

// assertWithSecret returns a client assertion that is signed with the client secret.
func (c *Client) assertWithSecret(ctx context.Context, secret string, to destination) (string, error) {
	if len(secret) < minSecretJWT { // New has checked a ClientSecret
		return "", errors.New("client: Config.SecretSource: the secret has fewer than 32 bytes, which client_secret_jwt requires")
	}
	offered, err := c.algorithmsAt(ctx, to)
	if err != nil {
		return "", err
	}
	key := jwtsign.Key{Private: []byte(secret), Algorithm: secretAlgorithm(offered, secret)}
	return signedAssertion(key.JWT(nil, c.assertionClaims(to)))
}

// assertWithKey returns a client assertion of Config.AssertionSource, or one that is signed with Config.Key.
func (c *Client) assertWithKey(ctx context.Context, to destination) (string, error) {
	if c.cfg.AssertionSource != nil {
		return c.assertion(ctx)
	}
	var header map[string]any
	if c.cfg.Key.Certificate != nil { // servers that read certificates require it
		header = map[string]any{"typ": "JWT"}
	}
	return signedAssertion(c.cfg.Key.jwt(header, c.assertionClaims(to)))
}

// signedAssertion returns the result of signing a client assertion, and says in an error what was signed.
func signedAssertion(assertion string, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("client: signing the client assertion: %w", err)
	}
	return assertion, nil
}

// assertionClaims returns the claims of a client assertion (RFC 7523, Section 3; OpenID Connect Core, Section 9). Each
// request needs a new one, because its jti may be used only once.
func (c *Client) assertionClaims(to destination) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": c.cfg.ClientID, "sub": c.cfg.ClientID, "aud": c.assertionAudience(to), "jti": RandomValue(randomBytes),
		"iat": now.Unix(), "exp": now.Add(assertionFor).Unix(),
	}
}

// assertionAudience returns the audience of an assertion for one request.
func (c *Client) assertionAudience(to destination) string {
	if c.cfg.AssertionAudience == AudienceEndpoint {
		return to.url
	}
	return c.cfg.AssertionAudience
}

// algorithmsAt returns the algorithms that the metadata lists for client assertions at an endpoint.
func (c *Client) algorithmsAt(ctx context.Context, to destination) ([]string, error) {
	m, err := c.facts(ctx, cmp.Or(to.name, endpointToken))
	if err != nil {
		return nil, err
	}
	return offeredAlgorithms(m, to.name), nil
}
