package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// stored returns what a program reads back after it has stored value as JSON.
func stored[T any](t *testing.T, value *T) *T {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	read := new(T)
	if err := json.Unmarshal(text, read); err != nil {
		t.Fatal(err)
	}
	return read
}

// The owner of a device code, a CIBA request or an MFA challenge is stored with it.
func TestCaseS1_StoredFlowsBelongToTheirClient(t *testing.T) {
	t.Parallel()
	endpoints := map[string]string{
		"device_authorization_endpoint": issuerURL + "/d", "backchannel_authentication_endpoint": issuerURL + "/b",
	}
	start := func(body string) *client.Client {
		return newClient(t, says(200, body), func(cfg *client.Config) { cfg.Endpoints = endpoints })
	}
	device, err := start(deviceStarted).StartDevice(t.Context(), client.DeviceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ciba, err := start(`{"auth_req_id":"r","expires_in":60}`).StartCIBA(t.Context(), client.CIBAOptions{LoginHint: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := start(`{"challenge_type":"oob","oob_code":"o"}`).MFARequest(t.Context(), "mfa", "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = newClient(t, says(403, `{"error":"mfa_required","mfa_token":"m"}`), nil).Password(t.Context(), "alice", "p")
	required, ok := errors.AsType[*client.MFARequiredError](err)
	if !ok || required.Issuer != issuerURL || required.ClientID != "app" {
		t.Errorf("%v has no owner", err)
	}
	enrollment, err := start(`{"authenticator_type":"oob","oob_code":"o"}`).MFAAssociate(t.Context(), "mfa", client.MFAAssociation{Type: "oob"})
	if err != nil {
		t.Fatal(err)
	}
	device, ciba, challenge = stored(t, device), stored(t, ciba), stored(t, challenge)
	half := *device // its owner was stored in part
	half.Issuer = ""
	ctx := context.Background() // the calls below run in and outside of a bubble
	calls := map[string]func(*client.Client) (*client.Token, error){
		"device code":    func(c *client.Client) (*client.Token, error) { return c.WaitDevice(ctx, device) },
		"CIBA":           func(c *client.Client) (*client.Token, error) { return c.WaitCIBA(ctx, ciba) },
		"challenge":      func(c *client.Client) (*client.Token, error) { return c.MFAWaitOOB(ctx, "mfa", challenge) },
		"new challenge":  func(c *client.Client) (*client.Token, error) { return c.MFAWaitOOB(ctx, "mfa", &enrollment.Challenge) },
		"half the owner": func(c *client.Client) (*client.Token, error) { return c.WaitDevice(ctx, &half) },
	}
	s := says(200, good)
	for which, other := range others(t, s) {
		for name, call := range calls {
			if token, err := call(other); err == nil || !strings.Contains(err.Error(), "expected issuer") {
				t.Errorf("%s, %s: %v, %v", which, name, token, err)
			}
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("another client sent %v", s.lastForm())
	}
	delete(calls, "half the owner")
	synctest.Test(t, func(t *testing.T) { // another Client with the same Config is the same owner
		for name, call := range calls {
			if _, err := call(newClient(t, says(200, good), nil)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// The credentials of a registration are only for the server that issued them, even if another server has the same origin.
func TestCaseS1_RegistrationsBelongToTheirServer(t *testing.T) {
	t.Parallel()
	at := func(issuer string, s *server) *client.RegistrationEndpoint {
		e, err := client.NewRegistrationEndpoint(client.Config{
			Issuer: issuer, HTTPClient: &http.Client{Transport: s},
			Metadata: &oidcdiscovery.Metadata{Issuer: issuer, RegistrationEndpoint: "https://shared.test/register"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	const own, other = "https://shared.test/one", "https://shared.test/two"
	body := `{"client_id":"app","client_secret":"s","registration_access_token":"rat","registration_client_uri":"https://shared.test/register/app"}`
	known, err := at(own, says(201, body)).Register(t.Context(), client.ClientMetadata{}, "")
	if err != nil {
		t.Fatal(err)
	}
	known = stored(t, known)
	if known.Issuer != own {
		t.Errorf("stored for issuer %q", known.Issuer)
	}
	s := says(200, body)
	wrong := at(other, s)
	_, readErr := wrong.Read(t.Context(), known)
	_, updateErr := wrong.Update(t.Context(), known, known.Metadata)
	for _, err := range []error{readErr, updateErr, wrong.Delete(t.Context(), known)} {
		if err == nil || !strings.Contains(err.Error(), own) {
			t.Errorf("another server: %v", err)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("a request was sent to %s", s.requests[0].URL)
	}
	if read, err := at(own, s).Read(t.Context(), known); err != nil || read.Issuer != own {
		t.Errorf("the own server: %v, %v", read, err)
	}

	if c, err := client.New(known.Config(client.Config{})); err != nil || c.Issuer() != own {
		t.Errorf("without an issuer: %v, %v", c, err)
	}
	if _, err := client.New(known.Config(client.Config{Issuer: own})); err != nil {
		t.Error(err)
	}
	for name, cfg := range map[string]client.Config{
		"another issuer":              {Issuer: other},
		"another issuer, in Metadata": {Metadata: &oidcdiscovery.Metadata{Issuer: other}},
		"a slash":                     {Issuer: own + "/", Endpoints: map[string]string{"token_endpoint": "https://evil.test/token"}},
	} {
		if _, err := client.New(known.Config(cfg)); err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two clients that share the keys of their cookies do not find each other's sign-ins, and do not remove them.
func TestCaseS1_CookiesOfTwoClients(t *testing.T) {
	t.Parallel()
	p := newProvider()
	own := p.client(t, nil)
	for name, other := range map[string]*client.Client{
		"another id": p.client(t, func(cfg *client.Config) { cfg.ClientID = "other" }),
		"the same id at another issuer": p.client(t, func(cfg *client.Config) {
			cfg.Issuer = "https://other.test"
			cfg.Metadata = &oidcdiscovery.Metadata{Issuer: cfg.Issuer, AuthorizationEndpoint: cfg.Issuer + "/auth", TokenEndpoint: cfg.Issuer + "/token"}
		}),
	} {
		mine, theirs := cookies(t, "k"), cookies(t, "k")
		mine.Client, theirs.Client = own, other
		pending, w := begin(t, own, client.AuthorizationOptions{}), httptest.NewRecorder()
		if err := theirs.Save(httptest.NewRecorder(), browser(), pending); err == nil {
			t.Errorf("%s: saved", name)
		}
		if err := mine.Save(w, browser(), pending); err != nil {
			t.Fatal(err)
		}
		after := httptest.NewRecorder()
		if got, err := theirs.Take(after, browser(w), pending.State); !errors.Is(err, client.ErrNotPending) {
			t.Errorf("%s: Take: %v, %v", name, got, err)
		}
		if removed := after.Result().Cookies(); len(removed) != 0 {
			t.Errorf("%s: removed %v", name, removed)
		}
		if all := theirs.Pending(browser(w)); len(all) != 0 {
			t.Errorf("%s: Pending: %v", name, all)
		}
		forged := browser(w) // the value under the name that the other client reads
		theirPending, theirAnswer := begin(t, other, client.AuthorizationOptions{}), httptest.NewRecorder()
		if err := theirs.Save(theirAnswer, browser(), theirPending); err != nil {
			t.Fatal(err)
		}
		moved := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.test/cb", nil)
		moved.AddCookie(&http.Cookie{Name: theirAnswer.Result().Cookies()[0].Name, Value: forged.Cookies()[0].Value})
		if got, err := theirs.Take(httptest.NewRecorder(), moved, theirPending.State); err == nil {
			t.Errorf("%s: moved: %v", name, got)
		}
		if all := mine.Pending(browser(w, theirAnswer)); len(all) != 1 || all[0].State != pending.State {
			t.Errorf("%s: %d sign-ins, want its own", name, len(all))
		}
		if got, err := mine.Take(httptest.NewRecorder(), browser(w), pending.State); err != nil || got.ClientID != "app" {
			t.Errorf("%s: its own sign-in: %v, %v", name, got, err)
		}
		// Cookies that were saved without Client are shared. Callback still rejects the sign-in of another client.
		shared, w := cookies(t, "k"), httptest.NewRecorder()
		again := begin(t, own, client.AuthorizationOptions{})
		if err := shared.Save(w, browser(), again); err != nil {
			t.Fatal(err)
		}
		taken, err := shared.Take(httptest.NewRecorder(), browser(w), again.State)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Callback(t.Context(), taken, url.Values{"code": {"c"}, "state": {again.State}}); !errors.Is(err, client.ErrCallback) {
			t.Errorf("%s: Callback: %v", name, err)
		}
	}
	if len(p.requests) != 0 {
		t.Errorf("a code was sent: %v", p.lastForm())
	}
}

// An ID token is a hint only for the server that issued it. A hint that cannot be read is left to the server.
func TestCaseS1_HintsAreForTheirIssuer(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) {
		cfg.Endpoints = map[string]string{"backchannel_authentication_endpoint": issuerURL + "/b"}
	})
	p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(200, `{"auth_req_id":"r","expires_in":60}`, nil)
	}
	for name, test := range map[string]struct {
		hint string
		ok   bool
	}{
		"own":             {p.idToken().Sign(), true},
		"expired":         {p.idToken().Set("exp", 1).Sign(), true},
		"another issuer":  {p.idToken().Set("iss", "https://other.test").Sign(), false},
		"a longer issuer": {p.idToken().Set("iss", issuerURL+"/").Sign(), false},
		"no issuer":       {p.idToken().Set("iss", bearertest.Absent).Sign(), false},
		"encrypted":       {"a.b.c.d.e", true},
	} {
		_, logout := c.LogoutURL(t.Context(), client.LogoutOptions{IDTokenHint: test.hint})
		_, ciba := c.StartCIBA(t.Context(), client.CIBAOptions{IDTokenHint: test.hint})
		results := map[string]error{"LogoutOptions": logout, "CIBAOptions": ciba}
		if name != "encrypted" { // the client must read the subject
			_, results["AuthorizationOptions"] = c.AuthorizationURL(t.Context(), client.AuthorizationOptions{IDTokenHint: test.hint})
		}
		for field, err := range results {
			if (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), field+".IDTokenHint") {
				t.Errorf("%s, %s: %v", field, name, err)
			}
			if err != nil && strings.Contains(err.Error(), "alice") {
				t.Errorf("%s, %s: the error names the user", field, name)
			}
		}
	}
}

// A logout token names its server and client, and a handler remembers only the tokens of its own client.
func TestCaseS1_LogoutTokensNameTheirClient(t *testing.T) {
	t.Parallel()
	p := newProvider()
	logout := func(audience string) string {
		return p.jwt(map[string]any{
			"sub": "alice", "jti": "one", "aud": audience, "iat": time.Now().Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
	}
	for _, id := range []string{"app", "other"} {
		c := p.client(t, func(cfg *client.Config) { cfg.ClientID = id })
		ended := 0
		handler := c.BackchannelLogout(func(_ context.Context, token *client.LogoutToken) error {
			ended++
			if token.Issuer() != issuerURL || token.ClientID() != id {
				t.Errorf("%s: of %q and %q", id, token.Issuer(), token.ClientID())
			}
			return nil
		})
		for _, audience := range []string{"app", "other", id} {
			body := url.Values{"logout_token": {logout(audience)}}.Encode()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			handler.ServeHTTP(httptest.NewRecorder(), r)
		}
		if ended != 1 {
			t.Errorf("%s: %d logouts, want 1", id, ended)
		}
	}
}

// The nonce that one server sent is not sent to another one, even at the same origin.
func TestCaseS1_NoncesBelongToTheirClient(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		nonce := "nonce-of-" + strings.Trim(r.URL.Path, "/")
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, map[string]string{"DPoP-Nonce": nonce})
	}}
	key := &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"}
	at := func(issuer string) *client.Client {
		return newClient(t, s, func(cfg *client.Config) {
			cfg.Issuer, cfg.DPoP = issuer, key
			cfg.Metadata = &oidcdiscovery.Metadata{Issuer: issuer, TokenEndpoint: issuer}
		})
	}
	one, two := at("https://shared.test/one"), at("https://shared.test/two")
	for _, test := range []struct {
		c    *client.Client
		want any
	}{{one, nil}, {two, nil}, {one, "nonce-of-one"}, {two, "nonce-of-two"}, {at("https://shared.test/one"), nil}} {
		if _, err := test.c.ClientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := client.InsecureDecode(s.requests[len(s.requests)-1].Header.Get("DPoP"), &claims); err != nil {
			t.Fatal(err)
		}
		if claims["nonce"] != test.want {
			t.Errorf("%s: nonce %v, want %v", test.c.Issuer(), claims["nonce"], test.want)
		}
	}
}

// Clients with the same id at two issuers share a store and a key. Neither uses, replaces or deletes the token of the other,
// whatever state it is in.
func TestCaseS1_TokensOfTheSameIDAtTwoIssuers(t *testing.T) {
	t.Parallel()
	files, _ := fileTokens(t)
	for name, store := range map[string]client.TokenStore{"memory": client.NewMemoryTokens(), "file": files} {
		for state, token := range map[string]*client.Token{
			"valid":                  {AccessToken: "at0", RefreshToken: "rt0", Expiry: time.Now().Add(time.Hour)},
			"expired":                {AccessToken: "at0", RefreshToken: "rt0", Expiry: time.Now().Add(-time.Hour)},
			"a refresh token only":   {RefreshToken: "rt0"},
			"an access token only":   {AccessToken: "at0"},
			"half an owner: client":  {AccessToken: "at0", ClientID: "app"},
			"half an owner: issuer":  {AccessToken: "at0", Issuer: issuerURL},
			"the issuer and a slash": {AccessToken: "at0", Issuer: issuerURL + "/", ClientID: "app"},
		} {
			saved := *token
			if saved.Issuer == "" && saved.ClientID == "" {
				saved.Issuer, saved.ClientID = issuerURL, "app"
			}
			if err := store.Save(t.Context(), state, &saved); err != nil {
				t.Fatal(err)
			}
			s := says(200, good)
			other := others(t, s)["another issuer"]
			source := sourceOf(t, other, client.TokenSourceConfig{Store: store, Key: state, Grant: other.ClientCredentials})
			got, err := source.TokenContext(t.Context())
			if err == nil || len(s.requests) != 0 {
				t.Errorf("%s, %s: %v, %d requests", name, state, got, len(s.requests))
			}
			if kept, err := store.Load(t.Context(), state); err != nil || kept.AccessToken != saved.AccessToken || kept.Issuer != saved.Issuer {
				t.Errorf("%s, %s: replaced by %v, %v", name, state, kept, err)
			}
		}
	}
}
