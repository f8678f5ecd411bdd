package bearertest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

func (p *party) refresh(token any, form ...string) (int, map[string]any) {
	p.Helper()
	return p.post("/token", append([]string{"grant_type", "refresh_token", "refresh_token", text(token)}, form...)...)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		first := p.signIn("resource", "https://a.test")
		began := p.claims(first["id_token"])["auth_time"]
		time.Sleep(time.Hour)
		status, second := p.refresh(first["refresh_token"])
		if status != 200 || second["refresh_token"] == first["refresh_token"] || second["scope"] != "openid orders:read" {
			t.Fatal(status, second)
		}
		id := p.claims(second["id_token"])
		if id["nonce"] != nil || id["auth_time"] != began || id["sub"] != "alice" {
			t.Error(id)
		}
		status, third := p.refresh(second["refresh_token"], "scope", "orders:read", "resource", "https://a.test")
		if status != 200 || third["scope"] != "orders:read" || third["id_token"] != nil {
			t.Fatal(status, third)
		}
		status, response := p.refresh(third["refresh_token"], "scope", "orders:write")
		p.rejected("more scopes", "invalid_scope", status, response)
		status, response = p.refresh(third["refresh_token"], "resource", "https://b.test")
		p.rejected("another resource", "invalid_target", status, response)
		status, response = p.as("cli", "").refresh(third["refresh_token"])
		p.rejected("another client", "invalid_grant", status, response)
		status, fourth := p.refresh(third["refresh_token"])
		if status != 200 || fourth["scope"] != "openid orders:read" {
			t.Fatal("a rejected request must not use up the refresh token, and the scopes of the sign-in return:", status, fourth)
		}

		other := p.signIn()
		status, response = p.refresh(first["refresh_token"])
		p.rejected("reuse", "invalid_grant", status, response)
		status, response = p.refresh(fourth["refresh_token"])
		p.rejected("after the reuse", "invalid_grant", status, response)
		if p.introspect(fourth["access_token"])["active"] != false || p.introspect(other["access_token"])["active"] != true {
			t.Error("the reuse revokes the tokens of this sign-in, and no others")
		}
		time.Sleep(24 * time.Hour)
		status, response = p.refresh(other["refresh_token"])
		p.rejected("late", "invalid_grant", status, response)
	})
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	api := p.as("api", "of the api")
	status, response := api.post("/token", "grant_type", "client_credentials", "scope", "read", "resource", "https://a.test", "resource", "https://b.test")
	claims := p.claims(response["access_token"])
	if status != 200 || response["refresh_token"] != nil || response["id_token"] != nil || claims["sub"] != "api" || claims["client_id"] != "api" ||
		claims["scope"] != "read" || claims["auth_time"] != nil || cmp.Diff([]any{"https://a.test", "https://b.test"}, claims["aud"]) != "" {
		t.Error(status, response, claims)
	}
	status, response = api.post("/token", "grant_type", "client_credentials", "scope", "write")
	p.rejected("scope", "invalid_scope", status, response)
	status, response = p.as("cli", "").post("/token", "grant_type", "client_credentials")
	p.rejected("public client", "unauthorized_client", status, response)
	status, response = api.post("/token", "grant_type", "refresh_token", "refresh_token", "x")
	p.rejected("another grant", "unauthorized_client", status, response)
	status, response = api.post("/token", "grant_type", "password")
	p.rejected("unknown grant", "unsupported_grant_type", status, response)
	status, response = api.post("/token", "grant_type", "client_credentials", "grant_type", "client_credentials")
	p.rejected("twice", "invalid_request", status, response)
	status, _, body := api.with("Content-Type", "application/json").send(http.MethodPost, p.issuer.URL()+"/token", `{"grant_type":"client_credentials"}`)
	response = members(t, body)
	p.rejected("JSON", "invalid_request", status, response)
}

func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := newParty(t, func(cfg *bearertest.IssuerConfig) {
		cfg.Clients = append(cfg.Clients, bearertest.Client{ID: "signer", Key: key.Public()})
	})
	assertion := func(change func(*bearertest.Token)) []string {
		token := p.issuer.Token("JWT", map[string]any{
			"iss": "signer", "sub": "signer", "aud": p.issuer.URL(), "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix(),
		})
		token.SignWith("ES256", key)
		if change != nil {
			change(token)
		}
		return []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", token.Sign()}
	}
	once := assertion(nil)
	basic := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	tests := []struct {
		name   string
		header string
		form   []string
		want   string
	}{
		{"basic", basic("shop", "s%25cret%3A%2B"), nil, ""},
		{"basic with client_id", basic("shop", "s%25cret%3A%2B"), []string{"client_id", "shop"}, ""},
		{"post", "", []string{"client_id", "shop", "client_secret", "s%cret:+"}, ""},
		{"assertion", "", once, ""},
		{"assertion for the endpoint", "", assertion(func(t *bearertest.Token) { t.Set("aud", []string{p.issuer.URL() + "/token"}) }), ""},
		{"basic, another secret", basic("shop", "x"), nil, "invalid_client"},
		{"basic, not encoded", basic("shop", "s%cret:+"), nil, "invalid_client"},
		{"basic, another client_id", basic("shop", "s%25cret%3A%2B"), []string{"client_id", "api"}, "invalid_request"},
		{"basic and post", basic("shop", "s%25cret%3A%2B"), []string{"client_secret", "s%cret:+"}, "invalid_request"},
		{"post, another secret", "", []string{"client_id", "shop", "client_secret", "x"}, "invalid_client"},
		{"no secret", "", []string{"client_id", "shop"}, "invalid_client"},
		{"no client", "", nil, "invalid_client"},
		{"unknown client", "", []string{"client_id", "other", "client_secret", "x"}, "invalid_client"},
		{"public client with a secret", "", []string{"client_id", "cli", "client_secret", "x"}, "invalid_client"},
		{"key client with a secret", "", []string{"client_id", "signer", "client_secret", "x"}, "invalid_client"},
		{"key client without an assertion", "", []string{"client_id", "signer"}, "invalid_client"},
		{"bearer", "Bearer x", []string{"client_id", "shop"}, "invalid_client"},
		{"replay", "", once, "invalid_client"},
		{"another audience", "", assertion(func(t *bearertest.Token) { t.Set("aud", "https://other.test") }), "invalid_client"},
		{"no exp", "", assertion(func(t *bearertest.Token) { t.Set("exp", bearertest.Absent) }), "invalid_client"},
		{"expired", "", assertion(func(t *bearertest.Token) { t.Set("exp", time.Now().Add(-time.Second).Unix()) }), "invalid_client"},
		{"no jti", "", assertion(func(t *bearertest.Token) { t.Set("jti", bearertest.Absent) }), "invalid_client"},
		{"another issuer", "", assertion(func(t *bearertest.Token) { t.Set("iss", "shop") }), "invalid_client"},
		{"another client", "", assertion(func(t *bearertest.Token) { t.Set("iss", "shop").Set("sub", "shop") }), "invalid_client"},
		{"another key", "", assertion(func(t *bearertest.Token) { t.SignWith("ES256", other) }), "invalid_client"},
		{"unsigned", "", assertion(func(t *bearertest.Token) { t.SignWith("none", nil) }), "invalid_client"},
		{"not a JWT", "", []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", "x"}, "invalid_client"},
		{"another type", "", []string{"client_assertion_type", "saml", "client_assertion", "x"}, "invalid_request"},
	}
	for _, test := range tests {
		client := p.as("", "")
		if test.header != "" {
			client = client.with("Authorization", test.header)
		}
		form := pairs(append(test.form, "grant_type", "client_credentials")...)
		status, header, body := client.send(http.MethodPost, p.issuer.URL()+"/token", form.Encode())
		response := members(t, body)
		if test.want == "" && status != 200 {
			t.Errorf("%s: %d %v", test.name, status, response)
		}
		if test.want != "" {
			p.rejected(test.name, test.want, status, response)
		}
		if (status == 401) != (header.Get("WWW-Authenticate") != "") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", test.name, status, header)
		}
	}
}

func TestProofsAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		endpoint := p.issuer.URL() + "/token"
		get := func(proofs ...string) (int, map[string]any) {
			client := p
			for _, proof := range proofs {
				client = client.with("DPoP", proof)
			}
			return client.post("/token", "grant_type", "client_credentials")
		}
		for _, alg := range []string{"RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"} {
			key := bearertest.NewProofKey(alg)
			status, response := get(key.Proof("POST", endpoint, "").Sign())
			cnf := fmt.Sprint(p.claims(response["access_token"])["cnf"])
			if status != 200 || response["token_type"] != "DPoP" || cnf != fmt.Sprint(map[string]any{"jkt": key.Thumbprint()}) {
				t.Errorf("%s: %d %v %s", alg, status, response, cnf)
			}
		}
		key := bearertest.NewProofKey("ES256")
		used := key.Proof("POST", endpoint, "").Sign()
		get(used)
		private := key.JWK()
		private["d"] = "x"
		for name, proofs := range map[string][]string{
			"replay":       {used},
			"two":          {key.Proof("POST", endpoint, "").Sign(), key.Proof("POST", endpoint, "").Sign()},
			"method":       {key.Proof("GET", endpoint, "").Sign()},
			"URL":          {key.Proof("POST", p.issuer.URL()+"/par", "").Sign()},
			"old":          {key.Proof("POST", endpoint, "").Set("iat", time.Now().Add(-6*time.Minute).Unix()).Sign()},
			"future":       {key.Proof("POST", endpoint, "").Set("iat", time.Now().Add(6*time.Minute).Unix()).Sign()},
			"no iat":       {key.Proof("POST", endpoint, "").Set("iat", bearertest.Absent).Sign()},
			"no jti":       {key.Proof("POST", endpoint, "").Set("jti", bearertest.Absent).Sign()},
			"typ":          {key.Proof("POST", endpoint, "").SetHeader("typ", "JWT").Sign()},
			"unsigned":     {key.Proof("POST", endpoint, "").SignWith("none", nil).Sign()},
			"HMAC":         {key.Proof("POST", endpoint, "").SignWith("HS256", []byte("secret")).Sign()},
			"another key":  {key.Proof("POST", endpoint, "").SetHeader("jwk", bearertest.NewProofKey("ES256").JWK()).Sign()},
			"private key":  {key.Proof("POST", endpoint, "").SetHeader("jwk", private).Sign()},
			"no key":       {key.Proof("POST", endpoint, "").SetHeader("jwk", bearertest.Absent).Sign()},
			"critical":     {key.Proof("POST", endpoint, "").SetHeader("crit", []string{"x"}).Sign()},
			"not a JWT":    {"x"},
			"wrong point":  {key.Proof("POST", endpoint, "").SetHeader("jwk", map[string]any{"kty": "EC", "crv": "P-256", "x": base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "y": base64.RawURLEncoding.EncodeToString(make([]byte, 32))}).Sign()},
			"two in one":   {key.Proof("POST", endpoint, "").Sign() + "," + key.Proof("POST", endpoint, "").Sign()},
			"another kind": {p.issuer.AccessToken().Sign()},
		} {
			status, response := get(proofs...)
			p.rejected(name, "invalid_dpop_proof", status, response)
		}
	})
}

// The refresh tokens of a public client are bound to its key. The code is bound if the authorization request names the key.
func TestBoundCodesAndRefreshTokens(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil).as("cli", "")
	endpoint, uri := p.issuer.URL()+"/token", "http://127.0.0.1:1/callback"
	key, other := bearertest.NewProofKey("ES256"), bearertest.NewProofKey("ES256")
	prove := func(key *bearertest.ProofKey) *party { return p.with("DPoP", key.Proof("POST", endpoint, "").Sign()) }

	code := p.authorize("redirect_uri", uri, "dpop_jkt", key.Thumbprint()).Get("code")
	status, response := prove(other).redeem(code, "redirect_uri", uri)
	p.rejected("another key", "invalid_grant", status, response)
	status, response = p.redeem(code, "redirect_uri", uri)
	p.rejected("no key", "invalid_grant", status, response)
	status, tokens := prove(key).redeem(code, "redirect_uri", uri)
	if status != 200 || tokens["token_type"] != "DPoP" {
		t.Fatal(status, tokens)
	}
	status, response = p.refresh(tokens["refresh_token"])
	p.rejected("refresh without the key", "invalid_grant", status, response)
	status, response = prove(other).refresh(tokens["refresh_token"])
	p.rejected("refresh with another key", "invalid_grant", status, response)
	if status, response = prove(key).refresh(tokens["refresh_token"]); status != 200 || response["token_type"] != "DPoP" {
		t.Error(status, response)
	}
}

func TestTokensThatATestChanges(t *testing.T) {
	t.Parallel()
	p := newParty(t, func(cfg *bearertest.IssuerConfig) {
		cfg.TokenLifetime = -time.Minute
		cfg.EditToken = func(kind string, token *bearertest.Token) { token.Set("aud", "a changed "+kind) }
	})
	tokens := p.signIn()
	for _, kind := range []string{"access_token", "id_token"} {
		claims := p.claims(tokens[kind])
		if expiry, _ := claims["exp"].(float64); claims["aud"] != "a changed "+kind || expiry >= float64(time.Now().Unix()) {
			t.Error(kind, claims)
		}
	}
	if tokens["expires_in"] != 0.0 {
		t.Error(tokens["expires_in"])
	}
}
