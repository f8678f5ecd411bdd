package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/jwtsign"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func newKey(t *testing.T) *client.SigningKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &client.SigningKey{Private: key, Algorithm: "ES256", ID: "key-1"}
}

func public(t *testing.T, key *client.SigningKey) *ecdsa.PublicKey {
	t.Helper()
	private, ok := key.Private.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatal("no ECDSA key")
	}
	return &private.PublicKey
}

// parts returns the header and the claims of a JWT.
func parts(t *testing.T, raw string) (header, claims map[string]any) {
	t.Helper()
	segments := strings.Split(raw, ".")
	for i, target := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, target); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

func TestC27_PrivateKeyJWT(t *testing.T) {
	t.Parallel()
	key, s := newKey(t), says(200, good)
	c := newClient(t, s, func(cfg *client.Config) { cfg.AuthMethod, cfg.Key = "", key })
	seen := make(map[any]bool)
	for range 2 {
		if _, err := c.ClientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		form := s.lastForm()
		assertion := form.Get("client_assertion")
		// The kit's own verifier is the server: iss and sub are the client, aud the issuer.
		verifier, err := consumer.New(consumer.Config{
			Issuer: "app", Audience: []string{issuerURL}, Profile: consumer.ProfileCrossauth,
			Keys: jwks.Static{{ID: "key-1", Algorithm: "ES256", Public: public(t, key)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, claims := parts(t, assertion)
		lifetime := claims["exp"].(float64) - claims["iat"].(float64)
		if claims["iss"] != "app" || claims["sub"] != "app" || claims["aud"] != issuerURL || lifetime > 60 || seen[claims["jti"]] {
			t.Errorf("claims %v", claims)
		}
		seen[claims["jti"]] = true
		if _, err := verifier.Verify(t.Context(), assertion); !errors.Is(err, consumer.ErrInvalidToken) ||
			strings.Contains(err.Error(), "signature") { // all is well but the type claim of that profile
			t.Errorf("verified with %v", err)
		}
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Has("client_secret") {
			t.Errorf("sent %v", form)
		}
	}
}

func TestC26_DPoP(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	bound := `{"access_token":"at","token_type":"DPoP","expires_in":60}`
	s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		_, claims := parts(t, r.Header.Get("DPoP"))
		if claims["nonce"] != "n2" {
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n2"})
		}
		return written(200, bound, nil)
	}}
	c := newClient(t, s, func(cfg *client.Config) { cfg.DPoP = key })
	token, err := c.ClientCredentials(t.Context())
	if err != nil || token.TokenType != "DPoP" {
		t.Fatalf("got %v, %v", token, err)
	}
	if len(s.requests) != 2 {
		t.Fatalf("%d requests, want one for the nonce and one with it", len(s.requests))
	}
	var ids []any
	for _, r := range s.requests {
		header, claims := parts(t, r.Header.Get("DPoP"))
		jwk, _ := header["jwk"].(map[string]any)
		if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || header["kid"] != nil || jwk["d"] != nil || jwk["kty"] != "EC" ||
			claims["htm"] != "POST" || claims["htu"] != issuerURL+"/token" || claims["ath"] != nil {
			t.Errorf("proof %v %v", header, claims)
		}
		ids = append(ids, claims["jti"])
	}
	if ids[0] == ids[1] {
		t.Error("a proof was sent twice")
	}
	if _, err := c.ClientCredentials(t.Context()); err != nil || len(s.requests) != 3 { // the nonce is kept
		t.Errorf("%v after %d requests", err, len(s.requests))
	}

	never := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": client.RandomValue(8)})
	}}
	c = newClient(t, never, func(cfg *client.Config) { cfg.DPoP = key })
	if _, err := c.ClientCredentials(t.Context()); !errors.Is(err, client.ErrUseDPoPNonce) || len(never.requests) != 2 {
		t.Errorf("%v after %d requests", err, len(never.requests))
	}
	c = newClient(t, says(200, good), func(cfg *client.Config) { cfg.DPoP = key })
	if _, err := c.ClientCredentials(t.Context()); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("a bearer token for a DPoP request: %v", err)
	}
}

func TestMutualTLSAlias(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) {
		cfg.AuthMethod = client.AuthTLS
		cfg.Metadata.MTLSEndpointAliases = map[string]string{"token_endpoint": "https://mtls.login.test/token"}
	})
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if host := s.requests[0].URL.Host; host != "mtls.login.test" || s.lastForm().Get("client_id") != "app" {
		t.Errorf("request to %s with %v", host, s.lastForm())
	}
}

func TestMFARequired(t *testing.T) {
	t.Parallel()
	c := newClient(t, says(403, `{"error":"mfa_required","mfa_token":"mfa-secret"}`), nil)
	_, err := c.Password(t.Context(), "alice", "hunter2")
	required, ok := errors.AsType[*client.MFARequiredError](err)
	if !ok || required.MFAToken != "mfa-secret" || !errors.Is(err, client.ErrMFARequired) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestExchangeAndOthers(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) { cfg.Resource = []string{"https://a.test", "https://b.test"} })
	for grant, call := range map[string]func() error{
		"urn:ietf:params:oauth:grant-type:token-exchange": func() error {
			_, err := c.ExchangeToken(t.Context(), client.TokenExchange{
				SubjectToken: "st", SubjectTokenType: client.TokenTypeAccessToken, Audience: []string{"x", "y"},
			})
			return err
		},
		"urn:ietf:params:oauth:grant-type:jwt-bearer": func() error { _, err := c.JWTBearer(t.Context(), "a.b.c"); return err },
		"urn:example:own": func() error {
			_, err := c.Grant(t.Context(), "urn:example:own", url.Values{"resource": {"https://c.test"}, "empty": {""}})
			return err
		},
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
		form := s.lastForm()
		if form.Get("grant_type") != grant || form.Has("empty") || form.Has("actor_token_type") {
			t.Errorf("%s: sent %v", grant, form)
		}
		if want := 2; grant == "urn:example:own" && len(form["resource"]) != 1 || grant != "urn:example:own" && len(form["resource"]) != want {
			t.Errorf("%s: resource %v", grant, form["resource"])
		}
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := client.New(client.Config{
		Timeout: -1, MaxBytes: -1, PostType: 7, BasicEncoding: 7, AuthMethod: "trial",
		Endpoints: map[string]string{"token_endpoint": "http://login.test"},
		Key:       &client.SigningKey{Algorithm: "ES256"}, DPoP: &client.SigningKey{Private: []byte(strings.Repeat("s", 64)), Algorithm: "HS256"},
	})
	for _, field := range []string{
		"Issuer", "ClientID", "Timeout", "MaxBytes", "PostType", "BasicEncoding", "AuthMethod", "Endpoints", "Key", "DPoP",
	} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s is not named by %v", field, err)
		}
	}
	_, err = client.New(client.Config{
		Issuer: issuerURL, ClientID: "app", Metadata: &oidcdiscovery.Metadata{Issuer: "https://other.test"},
	})
	if err == nil {
		t.Error("metadata of another issuer is accepted")
	}
}

// TestThumbprint checks the form of RFC 7638, Section 3.1: which members there are, and their order.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	key := public(t, newKey(t))
	jwk, err := jwtsign.PublicJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := jwtsign.Thumbprint(key)
	if want := client.S256(`{"crv":"P-256","kty":"EC","x":"` + jwk["x"] + `","y":"` + jwk["y"] + `"}`); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
