package client

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// proof makes a DPoP proof for one request (RFC 9449 §4.2). accessToken is empty at the authorization server.
func (c *Client) proof(method, target, accessToken string) (string, error) {
	u, err := url.Parse(target)
	if err != nil {
		return "", errors.New("client: DPoP: the URL cannot be read")
	}
	jwk, err := jwtsign.PublicJWK(c.cfg.DPoP.Private.(crypto.Signer).Public()) //nolint:errcheck,forcetypeassert // New has looked
	if err != nil {
		return "", fmt.Errorf("client: DPoP: %w", err)
	}
	claims := map[string]any{
		"jti": RandomValue(randomBytes), "htm": method, "iat": time.Now().Unix(),
		"htu": (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(),
	}
	if nonce := c.nonces.get(originOf(u)); nonce != "" {
		claims["nonce"] = nonce
	}
	if accessToken != "" {
		hash := sha256.Sum256([]byte(accessToken))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	key := jwtsign.Key{Private: c.cfg.DPoP.Private, Algorithm: c.cfg.DPoP.Algorithm}
	return key.JWT(map[string]any{"typ": "dpop+jwt", "jwk": jwk}, claims)
}

// keepNonce takes a nonce from any answer, good or bad (RFC 9449 §8.2). It reports whether it is a new one.
func (c *Client) keepNonce(target, nonce string) bool {
	u, err := url.Parse(target)
	if err != nil || nonce == "" || len(nonce) > maxNonceBytes || nonce == c.nonces.get(originOf(u)) {
		return false
	}
	c.nonces.set(originOf(u), nonce)
	return true
}

const maxNonceBytes = 1 << 10

// originOf is scheme, host and port (RFC 6454 §4).
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme) + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
