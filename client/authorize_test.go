package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

func TestC5_QueryOfTheEndpointIsKept(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{ // empty: rejected
		issuerURL + "/auth":             "/auth?client_id=app&",
		issuerURL + "/auth?":            "/auth?client_id=app&",
		issuerURL + "/auth?p=1%2f":      "/auth?p=1%2f&client_id=app&",
		issuerURL + "/auth?p=1&":        "/auth?p=1&client_id=app&",
		issuerURL + "/auth?state=fixed": "",
		issuerURL + "/auth?p=%zz":       "",
		issuerURL + "/auth#top":         "",
		"http://login.test/auth":        "",
	} {
		p := newProvider()
		c := p.client(t, func(cfg *client.Config) { cfg.Metadata.AuthorizationEndpoint = endpoint })
		pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{})
		switch {
		case want == "" && (pending != nil || !errors.Is(err, client.ErrBadResponse)):
			t.Errorf("%s: %v", endpoint, err)
		case want != "" && (err != nil || !strings.HasPrefix(pending.URL, issuerURL+want) || strings.Contains(pending.URL, "#")):
			t.Errorf("%s: %v, %v", endpoint, pending, err)
		}
	}
	c := newProvider().client(t, func(cfg *client.Config) { cfg.Metadata.EndSessionEndpoint = issuerURL + "/end?client_id=x" })
	if _, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); !errors.Is(err, client.ErrBadResponse) {
		t.Errorf("logout: %v", err)
	}
}

// Servers compare redirect URIs as strings. Therefore both requests contain it exactly as it was registered.
func TestC5_C33_RedirectURIIsNotRewritten(t *testing.T) {
	t.Parallel()
	for _, redirect := range []string{
		"https://app.test/cb?x=%2f&y=a+b%20c", "HTTPS://App.test:443/%63b/../cb", "http://127.0.0.1:80/cb",
		"com.example.app:/cb", "https://app.test",
	} {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{RedirectURI: redirect})
		if got := queryOf(t, pending.URL).Get("redirect_uri"); got != redirect {
			t.Errorf("redirect_uri %q, want %q", got, redirect)
		}
		p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
		if _, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}}); err != nil {
			t.Fatal(err)
		}
		if got := p.lastForm().Get("redirect_uri"); got != redirect {
			t.Errorf("exchanged %q, want %q", got, redirect)
		}
	}
	for _, redirect := range []string{"/cb", "https://app.test/cb#", "https://app.test/cb#f", "//app.test/cb", "https://app test"} {
		if _, err := newProvider().client(t, nil).AuthorizationURL(t.Context(), client.AuthorizationOptions{RedirectURI: redirect}); err == nil {
			t.Errorf("%q: accepted", redirect)
		}
	}
}

func TestC5_AuthorizationParameters(t *testing.T) {
	t.Parallel()
	p := newProvider()
	hint := p.idToken().Sign()
	c := p.client(t, func(cfg *client.Config) {
		cfg.DPoP, cfg.Audience, cfg.Resource = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"}, "orders", []string{"https://a.test", "https://b.test"}
	})
	pending := begin(t, c, client.AuthorizationOptions{
		ResponseMode: "form_post", Display: "touch", UILocales: []string{"de", "en"}, IDTokenHint: hint, Prompt: []string{"login", "consent"},
		Claims: map[string]any{"id_token": map[string]any{"email": nil}}, Extra: url.Values{"empty": {""}, "none": nil},
	})
	got := queryOf(t, pending.URL)
	for _, random := range []string{"state", "nonce", "code_challenge", "dpop_jkt"} {
		if len(got.Get(random)) != 43 {
			t.Errorf("%s is %q", random, got.Get(random))
		}
		got.Del(random)
	}
	want := url.Values{
		"p": {"1"}, "response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"https://app.test/cb"},
		"scope": {"openid api"}, "response_mode": {"form_post"}, "display": {"touch"}, "ui_locales": {"de en"},
		"id_token_hint": {hint}, "prompt": {"login consent"}, "claims": {`{"id_token":{"email":null}}`},
		"audience": {"orders"}, "resource": {"https://a.test", "https://b.test"}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	without := begin(t, p.client(t, nil), client.AuthorizationOptions{Scopes: []string{"api"}})
	if got := queryOf(t, without.URL); got.Has("nonce") || !got.Has("state") || without.Nonce != "" {
		t.Errorf("without openid: %v", got)
	}
}

func TestC5_C13_ExtraReplacesNothing(t *testing.T) {
	t.Parallel()
	confidential := func(cfg *client.Config) { cfg.Key = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"} }
	for _, name := range []string{
		"state", "nonce", "client_id", "redirect_uri", "response_type", "response_mode", "scope", "code_challenge",
		"code_challenge_method", "max_age", "acr_values", "dpop_jkt", "request", "request_uri", "resource", "audience", "claims",
		"client_secret", "client_assertion", "code_verifier", "iss", "sub", "aud", "exp", "jti",
	} {
		_, err := newProvider().client(t, confidential).AuthorizationURL(t.Context(), client.AuthorizationOptions{
			Scopes: []string{"api"}, InsecureNoPKCE: true, Extra: url.Values{name: {"x"}},
		})
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	twice := client.AuthorizationOptions{Extra: url.Values{"tenant": {"1", "2"}}}
	if _, err := newProvider().client(t, nil).AuthorizationURL(t.Context(), twice); err == nil {
		t.Error("a parameter with two values: accepted")
	}
}

func TestAuthorizationOptionsAreConsistent(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, nil)
	for name, o := range map[string]client.AuthorizationOptions{
		"half a second":      {MaxAge: time.Second / 2},
		"lifetime":           {Lifetime: -1},
		"none and login":     {Prompt: []string{"none", "login"}},
		"return to":          {ReturnTo: strings.Repeat("/", 4<<10)},
		"hint":               {IDTokenHint: "x"},
		"hint of nobody":     {IDTokenHint: newProvider().jwt(nil)},
		"user, no openid":    {Subject: "alice", Scopes: []string{"api"}},
		"hint of another":    {Subject: "mallory", IDTokenHint: newProvider().idToken().Sign()},
		"hint, no openid":    {IDTokenHint: newProvider().idToken().Sign(), Scopes: []string{"api"}},
		"claims of no JSON":  {Claims: map[string]any{"f": func() {}}},
		"unknown mode":       {ResponseMode: "fragment.jwt"},
		"no key to sign by":  {Sign: true},
		"PAR is not offered": {Push: true},
	} {
		if name == "PAR is not offered" {
			c = newProvider().client(t, func(cfg *client.Config) { cfg.Metadata.PushedAuthorizationRequestEndpoint = "" })
		}
		if pending, err := c.AuthorizationURL(t.Context(), o); err == nil || pending != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// InsecurePlainPKCE is used only for servers that do not support S256.
func TestC13_PlainIsUsedOnlyWithoutS256(t *testing.T) {
	t.Parallel()
	for want, offered := range map[string][]string{"S256": {"plain", "S256"}, "plain": nil} {
		c := newProvider().client(t, func(cfg *client.Config) {
			cfg.InsecurePlainPKCE, cfg.Metadata.CodeChallengeMethodsSupported = true, offered
		})
		if got := queryOf(t, begin(t, c, client.AuthorizationOptions{}).URL).Get("code_challenge_method"); got != want {
			t.Errorf("%v: %s", offered, got)
		}
	}
	for _, octets := range []int{32, 96} {
		c := newProvider().client(t, func(cfg *client.Config) { cfg.VerifierLength, cfg.StateLength = octets, octets })
		pending := begin(t, c, client.AuthorizationOptions{})
		if want := (octets*4 + 2) / 3; len(pending.CodeVerifier) != want || len(pending.State) != want {
			t.Errorf("%d octets: %d characters", octets, len(pending.CodeVerifier))
		}
	}
	pkce := client.NewPKCE()
	if pkce.Method != "S256" || pkce.Challenge != client.S256(pkce.Verifier) || pkce.Verifier == client.NewPKCE().Verifier {
		t.Error(pkce)
	}
}

// In a request object, every parameter has its own JSON type, and the typ of the JWT identifies it.
func TestC25_RequestObject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newProvider().client(t, func(cfg *client.Config) {
			cfg.Key = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256", ID: "k"}
		})
		pending := begin(t, c, client.AuthorizationOptions{
			Sign: true, MaxAge: time.Minute, Claims: map[string]any{"userinfo": map[string]any{"email": nil}},
			Resource: []string{"https://a.test", "https://b.test"},
			Extra:    url.Values{"authorization_details": {`[{"type":"a"}]`}, "number": {"7"}},
		})
		query := queryOf(t, pending.URL)
		if diff := cmp.Diff([]string{"client_id", "p", "request", "response_type", "scope"}, sortedNames(query)); diff != "" {
			t.Error(diff)
		}
		raw := query.Get("request")
		var got map[string]any
		if err := client.InsecureDecode(raw, &got); err != nil {
			t.Fatal(err)
		}
		now := float64(time.Now().Unix())
		if id, _ := got["jti"].(string); len(id) != 43 {
			t.Errorf("jti is %q", id)
		}
		delete(got, "jti")
		want := map[string]any{
			"iss": "app", "aud": issuerURL, "iat": now, "nbf": now - 10, "exp": now + 300, "client_id": "app",
			"response_type": "code", "redirect_uri": "https://app.test/cb", "scope": "openid api", "state": pending.State,
			"nonce": pending.Nonce, "code_challenge": client.S256(pending.CodeVerifier), "code_challenge_method": "S256",
			"max_age": 60.0, "claims": map[string]any{"userinfo": map[string]any{"email": nil}}, "number": "7",
			"resource": []any{"https://a.test", "https://b.test"}, "authorization_details": []any{map[string]any{"type": "a"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		var header map[string]any
		if err := json.Unmarshal(decoded(t, strings.Split(raw, ".")[0]), &header); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"typ": "oauth-authz-req+jwt", "alg": "ES256", "kid": "k"}, header); diff != "" {
			t.Error(diff)
		}
	})
}

func TestC25_C26_PushedWithProofOfPossession(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.Header.Get("DPoP") == "" {
			t.Error("no proof")
		}
		if len(p.requests) == 1 {
			return written(400, `{"error":"use_dpop_nonce"}`, map[string]string{"DPoP-Nonce": "n"})
		}
		return written(201, `{"request_uri":"urn:x:1","expires_in":"60"}`, nil)
	}
	c := p.client(t, func(cfg *client.Config) { cfg.DPoP = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"} })
	pending := begin(t, c, client.AuthorizationOptions{Push: true, Lifetime: time.Hour})
	if want := (url.Values{"p": {"1"}, "client_id": {"app"}, "request_uri": {"urn:x:1"}}); !cmp.Equal(want, queryOf(t, pending.URL)) {
		t.Error(pending.URL)
	}
	if form := p.lastForm(); form.Get("state") != pending.State || form.Get("dpop_jkt") == "" || form.Has("client_secret") || len(p.requests) != 2 {
		t.Errorf("%v, %d requests", form, len(p.requests))
	}
	if left := time.Until(pending.ExpiresAt); left < 59*time.Minute { // the reference ends earlier than the user's time
		t.Errorf("%v left", left)
	}
	for _, body := range []string{
		`{"request_uri":"urn:x:1","expires_in":0}`, `{"request_uri":"urn:x:1","expires_in":-1}`, `{"request_uri":7,"expires_in":60}`,
		`{"request_uri":"` + strings.Repeat("u", 5<<10) + `","expires_in":60}`, `[]`,
	} {
		p.answer = says(201, body).answer
		if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{Push: true}); !errors.Is(err, client.ErrBadResponse) {
			t.Errorf("%.60s: %v", body, err)
		}
	}
}

func TestC25_NoReferenceToAnother(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answer = says(201, `{"request_uri":"urn:x:1","expires_in":60}`).answer
	_, _, err := p.client(t, nil).PushAuthorization(t.Context(), url.Values{"request_uri": {"urn:x"}})
	if err == nil || len(p.requests) != 0 {
		t.Errorf("%v, %d requests", err, len(p.requests))
	}
}

func TestC6_OtherEndpointsStay(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, func(cfg *client.Config) {
		cfg.Endpoints = map[string]string{"authorization_endpoint": "https://own.test/auth", "end_session_endpoint": "https://own.test/end"}
		cfg.MutualTLS = true
		cfg.Metadata.MTLSEndpointAliases = map[string]string{"end_session_endpoint": "https://mtls.test/end"}
	})
	if pending := begin(t, c, client.AuthorizationOptions{}); !strings.HasPrefix(pending.URL, "https://own.test/auth?") {
		t.Error(pending.URL)
	}
	if place, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); err != nil || place != "https://own.test/end?client_id=app" {
		t.Error(place, err)
	}
	c = newProvider().client(t, func(cfg *client.Config) { // a browser has no certificate of the client
		cfg.MutualTLS = true
		cfg.Metadata.MTLSEndpointAliases = map[string]string{"end_session_endpoint": "https://mtls.test/end"}
	})
	if place, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); err != nil || !strings.HasPrefix(place, issuerURL+"/end?") {
		t.Error(place, err)
	}
	c = newProvider().client(t, func(cfg *client.Config) {
		cfg.Metadata.AuthorizationEndpoint, cfg.Metadata.EndSessionEndpoint = "", ""
	})
	if _, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{}); !errors.Is(err, client.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := c.LogoutURL(t.Context(), client.LogoutOptions{}); !errors.Is(err, client.ErrUnsupported) {
		t.Error(err)
	}
}
