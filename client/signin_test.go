package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// provider is an OpenID provider whose responses the test defines.
type provider struct {
	*server
	issuer *bearertest.Issuer
}

func newProvider() *provider {
	return &provider{says(200, good), bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: issuerURL, Audience: "app", Algorithms: []string{"ES256"},
	})}
}

func (p *provider) metadata() *oidcdiscovery.Metadata {
	return &oidcdiscovery.Metadata{
		Issuer: issuerURL, TokenEndpoint: issuerURL + "/token", AuthorizationEndpoint: issuerURL + "/auth?p=1",
		JWKSURI: issuerURL + "/jwks", UserinfoEndpoint: issuerURL + "/me", EndSessionEndpoint: issuerURL + "/end",
		PushedAuthorizationRequestEndpoint: issuerURL + "/par",
		IDTokenSigningAlgValuesSupported:   []string{"ES256"}, AuthorizationSigningAlgValuesSupported: []string{"ES256"},
		UserinfoSigningAlgValuesSupported: []string{"ES256", "none"}, CodeChallengeMethodsSupported: []string{"S256"},
	}
}

func (p *provider) client(t testing.TB, change func(*client.Config)) *client.Client {
	t.Helper()
	keys, err := jwks.ParseJWKS(p.issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, p.server, func(cfg *client.Config) {
		cfg.Metadata, cfg.Keys = p.metadata(), keys
		cfg.Scopes, cfg.RedirectURI = []string{"openid", "api"}, "https://app.test/cb"
		if change != nil {
			change(cfg)
		}
	})
}

// idToken returns a builder for a valid ID token for the client "app", without a nonce.
func (p *provider) idToken() *bearertest.Token {
	token := p.issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("aud", "app").Set("sub", "alice")
	for _, name := range []string{"client_id", "jti", "scope"} {
		token.Set(name, bearertest.Absent)
	}
	return token
}

// jwt returns a JWT that the provider signed for the client "app".
func (p *provider) jwt(claims map[string]any) string {
	token := p.idToken().Set("sub", bearertest.Absent).Set("iat", bearertest.Absent)
	for name, value := range claims {
		token.Set(name, value)
	}
	return token.Sign()
}

func (p *provider) answersToken(idToken string) {
	p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(200, `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","id_token":"`+idToken+`"}`, nil)
	}
}

func begin(t testing.TB, c *client.Client, o client.AuthorizationOptions) *client.PendingAuthorization {
	t.Helper()
	pending, err := c.AuthorizationURL(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return pending
}

func queryOf(t testing.TB, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func TestC5_C13_AuthorizationURL(t *testing.T) {
	t.Parallel()
	p := newProvider()
	pending := begin(t, p.client(t, nil), client.AuthorizationOptions{
		Prompt: []string{"login"}, LoginHint: "alice", ACRValues: []string{"mfa"}, MaxAge: time.Minute,
		Resource: []string{"https://api.test"}, Extra: url.Values{"tenant": {"7"}},
	})
	hash := sha256.Sum256([]byte(pending.CodeVerifier))
	want := url.Values{
		"p": {"1"}, "response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"https://app.test/cb"},
		"scope": {"openid api"}, "state": {pending.State}, "nonce": {pending.Nonce}, "prompt": {"login"},
		"login_hint": {"alice"}, "acr_values": {"mfa"}, "max_age": {"60"}, "resource": {"https://api.test"}, "tenant": {"7"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])}, "code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, queryOf(t, pending.URL)); diff != "" {
		t.Error(diff)
	}
	if strings.Count(pending.URL, "?") != 1 || len(pending.State) != 43 || len(pending.CodeVerifier) != 43 || len(p.requests) != 0 {
		t.Errorf("%s, %d requests", pending.URL, len(p.requests))
	}
	again := begin(t, p.client(t, nil), client.AuthorizationOptions{})
	if again.State == pending.State || again.Nonce == pending.Nonce || again.CodeVerifier == pending.CodeVerifier {
		t.Error("something random came twice")
	}
}

func TestC6_AuthorizeURLIsForTheBrowserOnly(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.AuthorizeURL = "https://public.test/auth" })
	pending := begin(t, c, client.AuthorizationOptions{})
	if !strings.HasPrefix(pending.URL, "https://public.test/auth?") || pending.Issuer != issuerURL {
		t.Error(pending.URL, pending.Issuer)
	}
	p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
	if _, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}}); err != nil {
		t.Fatal(err)
	}
	if got := p.requests[0].URL.String(); got != issuerURL+"/token" {
		t.Error(got)
	}
}

func TestC13_PKCEIsNotDowngraded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		offered []string
		change  func(*client.Config)
		options client.AuthorizationOptions
		method  string // empty: rejected
		none    bool
	}{
		"not said":             {nil, nil, client.AuthorizationOptions{}, "S256", false},
		"plain only":           {[]string{"plain"}, nil, client.AuthorizationOptions{}, "", false},
		"plain only, insecure": {[]string{"plain"}, func(cfg *client.Config) { cfg.InsecurePlainPKCE = true }, client.AuthorizationOptions{}, "plain", false},
		"none":                 {[]string{"S256"}, nil, client.AuthorizationOptions{InsecureNoPKCE: true}, "", true},
		"none, public": {[]string{"S256"}, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret = client.AuthNone, ""
		}, client.AuthorizationOptions{InsecureNoPKCE: true}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newProvider().client(t, func(cfg *client.Config) {
				cfg.Metadata.CodeChallengeMethodsSupported = test.offered
				if test.change != nil {
					test.change(cfg)
				}
			})
			pending, err := c.AuthorizationURL(t.Context(), test.options)
			if (err == nil) != (test.method != "" || test.none) {
				t.Fatal(err)
			}
			if err == nil && queryOf(t, pending.URL).Get("code_challenge_method") != test.method {
				t.Error(pending.URL)
			}
		})
	}
}

func TestAuthorizationOptionsAreChecked(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, nil)
	for name, o := range map[string]client.AuthorizationOptions{
		"mode":     {ResponseMode: "fragment"},
		"age":      {MaxAge: -1},
		"state":    {Extra: url.Values{"state": {"mine"}}},
		"request":  {Extra: url.Values{"request_uri": {"urn:x"}}},
		"unsigned": {Sign: true}, // there is no Key
	} {
		if _, err := c.AuthorizationURL(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	without := newProvider().client(t, func(cfg *client.Config) { cfg.RedirectURI = "" })
	if _, err := without.AuthorizationURL(t.Context(), client.AuthorizationOptions{}); err == nil {
		t.Error("no redirect URI: accepted")
	}
}

func TestC25_PushedAndSigned(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(201, `{"request_uri":"urn:x:1","expires_in":60}`, nil)
	}
	key := &client.SigningKey{Private: ecKey(t), Algorithm: "ES256", ID: "k"}
	c := p.client(t, func(cfg *client.Config) {
		cfg.Key, cfg.Metadata.RequirePushedAuthorizationRequests, cfg.Metadata.RequireSignedRequestObject = key, true, true
	})
	pending := begin(t, c, client.AuthorizationOptions{})
	want := url.Values{"p": {"1"}, "client_id": {"app"}, "request_uri": {"urn:x:1"}}
	if diff := cmp.Diff(want, queryOf(t, pending.URL)); diff != "" {
		t.Error(diff)
	}
	form := p.lastForm()
	var request map[string]any
	if err := client.InsecureDecode(form.Get("request"), &request); err != nil {
		t.Fatal(err)
	}
	if request["state"] != pending.State || request["iss"] != "app" || request["aud"] != issuerURL || request["redirect_uri"] != pending.RedirectURI {
		t.Errorf("%v", request)
	}
	if form.Has("state") || form.Has("request_uri") || p.requests[0].Header.Get("Authorization") == "" {
		t.Errorf("%v", form)
	}
	for body, status := range map[string]int{
		`{"request_uri":"urn:x:1"}`: 201, `{"expires_in":60}`: 201, `{"request_uri":"u","expires_in":60}`: 302,
		`{"error":"invalid_request"}`: 400,
	} {
		p.answer = says(status, body).answer
		if _, _, err := c.PushAuthorization(t.Context(), nil); err == nil {
			t.Errorf("%d %s: accepted", status, body)
		}
	}
	if _, _, err := c.PushAuthorization(t.Context(), url.Values{"request_uri": {"urn:x"}}); err == nil {
		t.Error("request_uri: accepted")
	}
}

func TestC5_C17_C18_Callback(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	sum := sha256.Sum256([]byte("at"))
	p.answersToken(p.idToken().Set("nonce", pending.Nonce).Set("at_hash", base64.RawURLEncoding.EncodeToString(sum[:16])).Sign())
	token, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}, "iss": {issuerURL}})
	if err != nil {
		t.Fatal(err)
	}
	if token.IDClaims.Subject() != "alice" || token.IDClaims.Claims()["sub"] != "alice" || token.RefreshToken != "rt" {
		t.Errorf("%v", token.IDClaims.Claims())
	}
	want := url.Values{
		"grant_type": {"authorization_code"}, "code": {"c"}, "redirect_uri": {"https://app.test/cb"},
		"code_verifier": {pending.CodeVerifier},
	}
	if diff := cmp.Diff(want, p.lastForm()); diff != "" {
		t.Error(diff)
	}
}

func TestC14_C15_CallbackRejects(t *testing.T) {
	t.Parallel()
	good := url.Values{"state": {"S"}, "code": {"c"}, "iss": {issuerURL}}
	for name, test := range map[string]struct {
		change func(url.Values)
		want   error
	}{
		"twice":              {func(v url.Values) { v.Add("code", "d") }, client.ErrCallback},
		"anything twice":     {func(v url.Values) { v["x"] = []string{"1", "1"} }, client.ErrCallback},
		"another issuer":     {func(v url.Values) { v.Set("iss", issuerURL+"/") }, client.ErrCallback},
		"no issuer":          {func(v url.Values) { v.Del("iss") }, client.ErrCallback},
		"no issuer in error": {func(v url.Values) { v.Del("iss"); v.Del("code"); v.Set("error", "access_denied") }, client.ErrCallback},
		"another state":      {func(v url.Values) { v.Set("state", "T") }, client.ErrCallback},
		"no state":           {func(v url.Values) { v.Del("state") }, client.ErrCallback},
		"no code":            {func(v url.Values) { v.Del("code") }, client.ErrCallback},
		"error and state":    {func(v url.Values) { v.Set("error", "access_denied"); v.Set("state", "T") }, client.ErrCallback},
		"error":              {func(v url.Values) { v.Set("error", "access_denied") }, client.ErrAccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			c := p.client(t, func(cfg *client.Config) { cfg.Metadata.AuthorizationResponseIssParameterSupported = true })
			params := url.Values(maps.Clone(good))
			pending := begin(t, c, client.AuthorizationOptions{})
			params.Set("state", pending.State)
			test.change(params)
			token, err := c.Callback(t.Context(), pending, params)
			if token != nil || !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if len(p.requests) != 0 {
				t.Error("the code was sent")
			}
		})
	}
}

func TestC14_C15_CallbackOfAnotherIssuerOrTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{Lifetime: time.Minute})
		params := url.Values{"state": {pending.State}, "code": {"c"}}
		other := *pending
		other.Issuer = "https://other.test"
		if _, err := c.Callback(t.Context(), &other, params); !errors.Is(err, client.ErrCallback) {
			t.Error(err)
		}
		time.Sleep(time.Minute + time.Second)
		if _, err := c.Callback(t.Context(), pending, params); !errors.Is(err, client.ErrCallback) {
			t.Error(err)
		}
		if len(p.requests) != 0 {
			t.Error("the code was sent")
		}
	})
}

func TestC16_SignedResponse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claims map[string]any
		plain  bool
		ok     bool
	}{
		"good":            {claims: map[string]any{}, ok: true},
		"not signed":      {plain: true},
		"another client":  {claims: map[string]any{"aud": "other"}},
		"another issuer":  {claims: map[string]any{"iss": "https://other.test"}},
		"ended":           {claims: map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}},
		"without end":     {claims: map[string]any{"exp": bearertest.Absent}},
		"another's state": {claims: map[string]any{"state": "T"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			c := p.client(t, nil)
			pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "jwt"})
			p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
			claims := map[string]any{"state": pending.State, "code": "c"}
			maps.Copy(claims, test.claims)
			params := url.Values{"response": {p.jwt(claims)}}
			if test.plain {
				params = url.Values{"state": {pending.State}, "code": {"c"}}
			}
			if _, err := c.Callback(t.Context(), pending, params); (err == nil) != test.ok || err != nil && !errors.Is(err, client.ErrCallback) {
				t.Error(err)
			}
			if sent := len(p.requests) > 0; sent != test.ok {
				t.Errorf("the code was sent: %v", sent)
			}
		})
	}
}

func TestC17_C18_IDToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	now := time.Now()
	for name, test := range map[string]struct {
		edit    func(*bearertest.Token)
		options client.IDTokenOptions
		change  func(*client.Config)
		ok      bool
	}{
		"good":                 {ok: true},
		"issuer":               {edit: set("iss", issuerURL+"/")},
		"audience":             {edit: set("aud", "other")},
		"several, no azp":      {edit: set("aud", []string{"app", "other"})},
		"several, azp":         {edit: both(set("aud", []string{"app", "other"}), set("azp", "app")), ok: true},
		"several, a stranger":  {edit: both(set("aud", []string{"app", "other"}), set("azp", "app")), change: func(cfg *client.Config) { cfg.ExtraAudiences = []string{"api"} }},
		"azp of another":       {edit: set("azp", "other")},
		"azp is no string":     {edit: set("azp", []string{"app"})},
		"no subject":           {edit: set("sub", "")},
		"no iat":               {edit: set("iat", bearertest.Absent)},
		"ended":                {edit: set("exp", now.Add(-time.Minute).Unix())},
		"from the future":      {edit: set("iat", now.Add(time.Minute).Unix())},
		"nonce":                {edit: set("nonce", "n"), options: client.IDTokenOptions{Nonce: "n"}, ok: true},
		"another nonce":        {edit: set("nonce", "m"), options: client.IDTokenOptions{Nonce: "n"}},
		"no nonce":             {options: client.IDTokenOptions{Nonce: "n"}},
		"nonce nobody sent":    {edit: set("nonce", "n")},
		"fresh":                {edit: set("auth_time", now.Unix()), options: client.IDTokenOptions{MaxAge: time.Minute}, ok: true},
		"signed in long ago":   {edit: set("auth_time", now.Add(-time.Hour).Unix()), options: client.IDTokenOptions{MaxAge: time.Minute}},
		"signed in tomorrow":   {edit: set("auth_time", now.Add(time.Hour).Unix()), options: client.IDTokenOptions{MaxAge: time.Minute}},
		"nobody knows when":    {options: client.IDTokenOptions{MaxAge: time.Minute}},
		"acr":                  {edit: set("acr", "mfa"), options: client.IDTokenOptions{ACR: []string{"x", "mfa"}}, ok: true},
		"weaker acr":           {edit: set("acr", "pwd"), options: client.IDTokenOptions{ACR: []string{"mfa"}}},
		"no acr":               {options: client.IDTokenOptions{ACR: []string{"mfa"}}},
		"at_hash of another":   {edit: set("at_hash", "AAAA"), options: client.IDTokenOptions{AccessToken: "at"}},
		"c_hash of another":    {edit: set("c_hash", "AAAA"), options: client.IDTokenOptions{Code: "c"}},
		"not signed":           {edit: func(token *bearertest.Token) { token.SignWith("none", nil) }},
		"access token":         {edit: func(token *bearertest.Token) { token.SetHeader("typ", "at+jwt") }},
		"logout token":         {edit: set("events", map[string]any{})},
		"algorithm not listed": {change: func(cfg *client.Config) { cfg.Algorithms = []string{"RS256"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := p.idToken()
			if test.edit != nil {
				test.edit(token)
			}
			got, err := p.client(t, test.change).VerifyIDToken(t.Context(), token.Sign(), test.options)
			if (err == nil) != test.ok || err != nil && (!errors.Is(err, consumer.ErrInvalidToken) || got != nil) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func set(name string, value any) func(*bearertest.Token) {
	return func(token *bearertest.Token) { token.Set(name, value) }
}

func both(one, two func(*bearertest.Token)) func(*bearertest.Token) {
	return func(token *bearertest.Token) { one(token); two(token) }
}

// The client secret verifies ID tokens only if the Config says so.
func TestC17_SymmetricIDToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	secret := strings.Repeat("s", 32)
	symmetric := func(cfg *client.Config) {
		cfg.Keys, cfg.ClientSecret, cfg.Algorithms = nil, secret, []string{"HS256"}
	}
	raw := p.idToken().SignWith("HS256", []byte(secret)).Sign()
	if _, err := p.client(t, symmetric).VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := p.client(t, nil).VerifyIDToken(t.Context(), raw, client.IDTokenOptions{}); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Error(err)
	}
	for name, change := range map[string]func(*client.Config){
		"short secret": func(cfg *client.Config) { symmetric(cfg); cfg.ClientSecret = "short" },
		"mixed":        func(cfg *client.Config) { symmetric(cfg); cfg.Algorithms = []string{"HS256", "RS256"} },
		"unknown":      func(cfg *client.Config) { cfg.Algorithms = []string{"none"} },
	} {
		cfg := client.Config{Issuer: issuerURL, ClientID: "app", AuthMethod: client.AuthPost}
		change(&cfg)
		if _, err := client.New(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
}

// A sign-in with an invalid ID token loses nothing: its refresh token may be the only one.
func TestC17_NothingIsLost(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{"bad": "a.b.c", "none": ""} {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{})
		p.answersToken(raw)
		token, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
		incomplete, ok := errors.AsType[*client.IncompleteError](err)
		if token != nil || !ok || incomplete.Token.RefreshToken != "rt" || incomplete.Token.IDClaims != nil {
			t.Errorf("%s: %v, %v", name, token, err)
		}
	}
}

func TestC20_C17_KeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.Keys = nil })
	p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(200, string(p.issuer.JWKS()), nil)
	}
	for range 3 {
		if _, err := c.VerifyIDToken(t.Context(), p.idToken().Sign(), client.IDTokenOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err := c.VerifyIDToken(t.Context(), p.idToken().SetHeader("kid", "unknown").Sign(), client.IDTokenOptions{})
		if !errors.Is(err, consumer.ErrInvalidToken) {
			t.Error(err)
		}
	}
	if len(p.requests) > 2 { // and once more for the unknown key
		t.Errorf("%d requests", len(p.requests))
	}
	p.answer = says(500, "").answer
	down := p.client(t, func(cfg *client.Config) { cfg.Keys = nil })
	if _, err := down.VerifyIDToken(t.Context(), p.idToken().Sign(), client.IDTokenOptions{}); !errors.Is(err, client.ErrUnavailable) {
		t.Error(err)
	}
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
