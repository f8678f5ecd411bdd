package interop_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/bearerkit/bearerkit/client"
)

func (p *provider) dpopFlows() []clientFlow {
	flows := []clientFlow{
		{"DPoP: code bound to the key (dpop_jkt)", p.boundCode},
		{"DPoP: pushed authorization request", func(t *testing.T) {
			c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKey(t) })
			signIn(t, c, client.AuthorizationOptions{Push: true})
		}},
		{"DPoP: public client with a bound refresh token", p.boundRefresh},
		{"DPoP: an API that requires its own nonces", p.dpopAPI},
		{"DPoP: a client that requires it, without a proof", func(t *testing.T) {
			c := p.as(t, "dpop", nil)
			pending := begin(t, c, client.AuthorizationOptions{})
			_, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
			refusedBy(t, err, client.ErrInvalidGrant)
		}},
	}
	for _, alg := range []string{"ES256", "ES384", "RS256", "PS256", "EdDSA"} {
		flows = append(flows, clientFlow{"DPoP with nonces: code, user information, refresh, call; " + alg, func(t *testing.T) { p.dpop(t, alg) }})
		flows = append(flows, clientFlow{"DPoP: an API with oauth4webapi verifies the request; " + alg, func(t *testing.T) { p.dpopNodeAPI(t, alg) }})
	}
	return flows
}

func (p *provider) dpop(t *testing.T, alg string) {
	t.Helper()
	key := signingKeyFor(t, alg)
	c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP, cfg.UseUserInfo = key, true })
	token := signIn(t, c, offline())
	if token.TokenType != "DPoP" || token.IDClaims.UserInfo() == nil {
		t.Fatal(token)
	}
	next, err := c.Refresh(t.Context(), token.RefreshToken)
	must(t, next, err)
	afresh := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = key }) // knows no nonce
	for _, one := range []*client.Client{c, afresh} {
		source := sourceOf(t, one, client.TokenSourceConfig{Token: next})
		if status := statusOf(t, nil, source, p.issuer+"/me"); status != http.StatusOK {
			t.Error(status)
		}
	}
	thief := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKey(t) })
	_, err = thief.UserInfo(t.Context(), next.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
}

func (p *provider) boundCode(t *testing.T) {
	c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKey(t) })
	thief := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKey(t) })
	pending := begin(t, c, client.AuthorizationOptions{})
	_, err := thief.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	refusedBy(t, err, client.ErrInvalidGrant)
}

func (p *provider) boundRefresh(t *testing.T) {
	withKey := func(cfg *client.Config) { public(cfg); cfg.DPoP = signingKey(t) }
	c, thief := p.as(t, "pub", withKey), p.as(t, "pub", withKey)
	token := signIn(t, c, offline())
	_, err := thief.Refresh(t.Context(), token.RefreshToken)
	refusedBy(t, err, client.ErrInvalidGrant)
	next, err := c.Refresh(t.Context(), token.RefreshToken)
	must(t, next, err)
}

// dpopAPI calls an API at another origin, which accepts each nonce once.
func (p *provider) dpopAPI(t *testing.T) {
	c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKey(t) })
	token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}, Resource: []string{apiExample}})
	api := &dpopAPI{nonce: rand.Text()}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	source := sourceOf(t, c, client.TokenSourceConfig{Token: token})
	for range 3 {
		if status := statusOf(t, nil, source, server.URL+"/orders?page=2"); status != http.StatusOK {
			t.Error(status)
		}
	}
	if api.asked != 1 {
		t.Errorf("asked %d times for a nonce, want 1: the good answers bring the next", api.asked)
	}
}

// dpopNodeAPI calls an API that npm's oauth4webapi guards.
func (p *provider) dpopNodeAPI(t *testing.T, alg string) {
	t.Helper()
	c := p.as(t, "dpop", func(cfg *client.Config) { cfg.DPoP = signingKeyFor(t, alg) })
	token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}, Resource: []string{apiExample}})
	node := startNodeClient(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subject, failure := node.check(t, p.authorizationServer, apiExample, r); subject != "alice" {
			t.Errorf("subject %q: %s", subject, failure)
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	source := sourceOf(t, c, client.TokenSourceConfig{Token: token})
	for _, path := range []string{"/orders", "/orders?page=2", "/a%20b/c%2Fd"} {
		if status := statusOf(t, nil, source, server.URL+path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// dpopAPI verifies proofs with the code of another library (RFC 9449 section 4.3).
type dpopAPI struct {
	mu    sync.Mutex // guards the fields below
	nonce string
	asked int
}

func (a *dpopAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	problem := a.check(r)
	a.nonce = rand.Text()
	w.Header().Set("DPoP-Nonce", a.nonce)
	if problem != "" {
		a.asked++
		w.Header().Set("WWW-Authenticate", `DPoP error="`+problem+`", algs="ES256"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (a *dpopAPI) check(r *http.Request) (problem string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP ")
	proof, err := jwt.ParseSigned(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
	if !ok || err != nil {
		return "invalid_dpop_proof"
	}
	key := proof.Headers[0].JSONWebKey
	var claims struct {
		Nonce string `json:"nonce"`
		Ath   string `json:"ath"`
		Htm   string `json:"htm"`
		Htu   string `json:"htu"`
	}
	if err := proof.Claims(key, &claims); err != nil {
		return "invalid_dpop_proof"
	}
	if claims.Nonce != a.nonce {
		return "use_dpop_nonce"
	}
	var access struct {
		Cnf map[string]string `json:"cnf"`
	}
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	hash := sha256.Sum256([]byte(token))
	switch encode := base64.RawURLEncoding.EncodeToString; {
	case err != nil, client.InsecureDecode(token, &access) != nil, access.Cnf["jkt"] != encode(thumbprint):
		return "invalid_token"
	case claims.Ath != encode(hash[:]), claims.Htm != r.Method, claims.Htu != "http://"+r.Host+r.URL.Path:
		return "invalid_dpop_proof"
	}
	return ""
}
