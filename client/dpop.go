package client

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
)

// proof returns a DPoP proof for one request (RFC 9449, Section 4.2), and the nonce in it. A proof is a JWT that is signed
// with Config.DPoP. It has the public key in its header, and these claims: a new jti, the method (htm) and the URL (htu) of
// the request, the time (iat), the nonce of the server if there is one, and the hash (ath) of the access token.
//
// accessToken is the token that is sent with the request. It is empty for requests to the authorization server.
func (c *Client) proof(method, target, accessToken string) (proof, nonce string, err error) {
	if c.cfg.DPoP == nil {
		return "", "", errors.New("client: DPoP: the token is bound to a key, but Config.DPoP is nil")
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", "", errors.New("client: DPoP: the URL of the request cannot be parsed")
	}
	jwk, err := jwtsign.PublicJWK(c.cfg.DPoP.Private.(crypto.Signer).Public()) //nolint:errcheck,forcetypeassert // New has checked it
	if err != nil {
		return "", "", fmt.Errorf("client: DPoP: %w", err)
	}
	claims := map[string]any{
		"jti": RandomValue(randomBytes), "htm": method, "iat": time.Now().Unix(), "htu": targetOf(u),
	}
	if nonce = c.nonces.get(nonceKey(u, accessToken)); nonce != "" {
		claims["nonce"] = nonce
	}
	if accessToken != "" {
		hash := sha256.Sum256([]byte(accessToken))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	key := jwtsign.Key{Private: c.cfg.DPoP.Private, Algorithm: c.cfg.DPoP.Algorithm}
	proof, err = key.JWT(map[string]any{"typ": "dpop+jwt", "jwk": jwk}, claims)
	return proof, nonce, err
}

// targetOf returns the htu claim: the URL without query and fragment. It is normalized as the receiver does before it
// compares (RFC 9449, Section 4.3; RFC 3986, Sections 6.2.2 and 6.2.3).
func targetOf(u *url.URL) string {
	host := fetch.LowerASCII(u.Host)
	if port := u.Port(); port == "" || port == defaultPort(u) {
		host = strings.TrimSuffix(host, ":"+port)
	}
	plain := url.URL{Scheme: strings.ToLower(u.Scheme), Host: host, Path: u.Path, RawPath: u.RawPath}
	if plain.Path == "" {
		plain.Path = "/"
	}
	return plain.String()
}

// keepNonce stores the nonce in a response, whatever the status of the response (RFC 9449, Section 8.2). It reports whether
// that nonce differs from used, the one in the request, so that sending the request again makes sense. It does not compare
// with the stored nonce, which a concurrent request may have replaced.
func (c *Client) keepNonce(target, accessToken, used string, header http.Header) bool {
	u, err := url.Parse(target)
	nonces := header.Values("DPoP-Nonce")
	if err != nil || len(nonces) != 1 || nonces[0] == "" || len(nonces[0]) > maxNonceBytes {
		return false
	}
	c.nonces.set(nonceKey(u, accessToken), nonces[0])
	return nonces[0] != used
}

const maxNonceBytes = 1 << 10

// nonceKey returns the key of nonces for a server. An authorization server and an API have separate nonces, even at the
// same origin (RFC 9449, Section 9).
func nonceKey(u *url.URL, accessToken string) string {
	if accessToken == "" {
		return "AS " + fetch.Origin(u)
	}
	return "RS " + fetch.Origin(u)
}

// defaultPort returns the port that a URL of this scheme means if it has none.
func defaultPort(u *url.URL) string {
	return map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
}

// nonces remembers the last DPoP nonce of each server, by nonceKey (RFC 9449, Sections 8 and 9). A nonce that was evicted
// costs one request, because the server sends another. It is safe for concurrent use.
type nonces struct{ byServer *lru.Cache[string, string] }

const maxNonces = 100 // one for each server that the client calls

func newNonces() *nonces { return &nonces{newLRU[string, string](maxNonces)} }

// get returns the nonce for the next request, or "" if the server has sent none.
func (n *nonces) get(server string) string {
	nonce, _ := n.byServer.Get(server)
	return nonce
}

func (n *nonces) set(server, nonce string) { n.byServer.Add(server, nonce) }
