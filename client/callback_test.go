package client_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
)

func sortedNames(values url.Values) []string { return slices.Sorted(maps.Keys(values)) }

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	octets, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// The code is sent once, however many tabs, reloads and attackers bring the response at the same time.
func TestC14_C13_OneExchangeForOneState(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
	var all sync.WaitGroup
	results := make(chan error, 20)
	for range cap(results) {
		all.Go(func() {
			_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
			results <- err
		})
	}
	all.Wait()
	close(results)
	good := 0
	for err := range results {
		if err == nil {
			good++
		} else if !errors.Is(err, client.ErrNotPending) || !errors.Is(err, client.ErrCallback) {
			t.Error(err)
		}
	}
	if good != 1 || len(p.requests) != 1 {
		t.Errorf("%d succeeded, %d requests", good, len(p.requests))
	}
}

// Responses that an attacker made up do not use up the pending request.
func TestC14_C15_OnlyAMatchingResponseConsumesTheRequest(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
	for _, params := range []url.Values{
		nil,
		{"code": {"c"}},
		{"state": {"x"}, "code": {"c"}},
		{"state": {"x"}, "error": {"access_denied"}},
		{"state": {pending.State}, "code": {"c"}, "iss": {"https://evil.test"}},
		{"state": {pending.State, pending.State}, "code": {"c"}},
		{"state": {pending.State}, "code": {strings.Repeat("c", 65<<10)}},
		{"state": {pending.State}, "code": {"c"}, "iss": {""}},
	} {
		if _, err := c.Callback(t.Context(), pending, params); !errors.Is(err, client.ErrCallback) || errors.Is(err, client.ErrNotPending) {
			t.Errorf("%.80v: %v", params, err)
		}
	}
	if len(p.requests) != 0 {
		t.Error("a code was sent")
	}
	if _, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}}); err != nil {
		t.Error(err)
	}
	if _, err := c.Callback(t.Context(), nil, url.Values{"state": {""}, "code": {"c"}}); !errors.Is(err, client.ErrNotPending) {
		t.Error(err)
	}
	forgotten := &client.PendingAuthorization{Issuer: issuerURL, ExpiresAt: time.Now().Add(time.Hour)}
	if _, err := c.Callback(t.Context(), forgotten, url.Values{"state": {""}, "code": {"c"}}); !errors.Is(err, client.ErrCallback) {
		t.Error(err)
	}
	before := len(p.requests)
	if _, err := c.ExchangeCode(t.Context(), "", client.CodeExchange{}); err == nil || len(p.requests) != before {
		t.Error("ExchangeCode accepts an empty code")
	}
}

// An error that the browser brings may not be one of the server's.
func TestC14_ParametersOfTheBrowserAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 10_000)
	for name, test := range map[string]struct {
		code, description, uri string
		want                   *client.Error // nil: ErrCallback
	}{
		"plain":         {"login_required", "sign in", "https://login.test/why", &client.Error{Code: "login_required", Description: "sign in", URI: "https://login.test/why"}},
		"long text":     {"a", long, "", &client.Error{Code: "a", Description: strings.Repeat("ä", 512)}},
		"several lines": {"a", "one\r\ntwo\x1b[31m\xff", "", &client.Error{Code: "a", Description: "one  two [31m"}},
		"script":        {"a", "", "javascript:alert(1)", &client.Error{Code: "a"}},
		"long link":     {"a", "", "https://login.test/" + long, &client.Error{Code: "a"}},
		"long code":     {strings.Repeat("a", 129), "", "", nil},
		"quote":         {`a"b`, "", "", nil},
		"backslash":     {`a\b`, "", "", nil},
		"line":          {"a\nb", "", "", nil},
		"no ASCII":      {"ä", "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newProvider().client(t, nil)
			pending := begin(t, c, client.AuthorizationOptions{})
			_, err := c.Callback(t.Context(), pending, url.Values{
				"state": {pending.State}, "error": {test.code}, "error_description": {test.description}, "error_uri": {test.uri}, "code": {"c"},
			})
			got, is := errors.AsType[*client.Error](err)
			switch {
			case test.want == nil && (is || !errors.Is(err, client.ErrCallback)):
				t.Error(err)
			case test.want != nil && (!is || got.Code != test.want.Code || got.Description != test.want.Description || got.URI != test.want.URI || got.Status != 0):
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if text := err.Error(); len(text) > 300 || test.description != "" && strings.Contains(text, test.description) {
				t.Errorf("the error quotes: %.100s", text)
			}
		})
	}
}

func TestC14_IssuerParameterThatIsNotAnnounced(t *testing.T) {
	t.Parallel()
	for issuer, ok := range map[string]bool{issuerURL: true, issuerURL + "/": false, "HTTPS://login.test": false, "": false} {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{})
		p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
		_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}, "iss": {issuer}})
		if (err == nil) != ok {
			t.Errorf("%q: %v", issuer, err)
		}
	}
}

func TestC16_ChecksOfTheSignedResponse(t *testing.T) {
	t.Parallel()
	p := newProvider()
	another := newProvider()
	secret := strings.Repeat("s", 32)
	for name, test := range map[string]struct {
		edit func(*bearertest.Token)
		ok   bool
	}{
		"good":                {nil, true},
		"none":                {func(token *bearertest.Token) { token.SignWith("none", nil) }, false},
		"secret":              {func(token *bearertest.Token) { token.SignWith("HS256", []byte(secret)) }, false},
		"another's key":       {func(token *bearertest.Token) { token.SignWith("ES256", ecKey(t)) }, false},
		"no issuer":           {set("iss", bearertest.Absent), false},
		"no audience":         {set("aud", bearertest.Absent), false},
		"of a user":           {set("sub", "alice"), false},
		"an access token":     {func(token *bearertest.Token) { token.SetHeader("typ", "at+jwt") }, false},
		"a logout token":      {set("events", map[string]any{}), false},
		"state of another":    {set("state", "T"), false},
		"state is no text":    {set("state", []string{"S"}), false},
		"no code":             {set("code", bearertest.Absent), false},
		"in the future":       {set("nbf", time.Now().Add(time.Hour).Unix()), false},
		"critical extensions": {func(token *bearertest.Token) { token.SetHeader("crit", []string{"x"}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProviderLike(p)
			c := p.client(t, func(cfg *client.Config) {
				cfg.ClientSecret, cfg.Metadata.AuthorizationResponseIssParameterSupported = secret, true
			})
			pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "form_post.jwt"})
			p.answersToken(p.idToken().Set("nonce", pending.Nonce).Sign())
			token := p.idToken().Set("sub", bearertest.Absent).Set("iat", bearertest.Absent).Set("state", pending.State).Set("code", "inner")
			if test.edit != nil {
				test.edit(token)
			}
			// parameters beside the JWT are ignored
			params := url.Values{"response": {token.Sign()}, "state": {pending.State}, "code": {"outer"}, "iss": {issuerURL}}
			_, err := c.Callback(t.Context(), pending, params)
			if (err == nil) != test.ok || err != nil && !errors.Is(err, client.ErrCallback) {
				t.Error(err)
			}
			if len(p.requests) > 0 != test.ok || test.ok && p.lastForm().Get("code") != "inner" {
				t.Errorf("%d requests", len(p.requests))
			}
		})
	}
	c := p.client(t, nil)
	pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "jwt"})
	good := p.jwt(map[string]any{"state": pending.State, "code": "c"})
	for name, response := range map[string][]string{
		"twice": {good, good}, "encrypted": {"a.b.c.d.e"}, "another's": {another.jwt(map[string]any{"state": pending.State, "code": "c"})},
	} {
		if _, err := c.Callback(t.Context(), pending, url.Values{"response": response}); !errors.Is(err, client.ErrCallback) {
			t.Errorf("%s: %v", name, err)
		}
	}
	down := p.client(t, func(cfg *client.Config) { cfg.Keys = nil })
	p.answer = says(500, "").answer
	if _, err := down.Callback(t.Context(), pending, url.Values{"response": {good}}); !errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrCallback) {
		t.Errorf("without keys: %v", err)
	}
	denied := p.jwt(map[string]any{"state": pending.State, "error": "access_denied"})
	if _, err := c.Callback(t.Context(), pending, url.Values{"response": {denied}}); !errors.Is(err, client.ErrAccessDenied) {
		t.Errorf("denied: %v", err)
	}
}

// A user who takes long to come back is not rejected because of MaxAge.
func TestC17_MaxAgeCountsFromTheRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		signedIn time.Duration // after the request
		ok       bool
	}{
		"just then": {10 * time.Second, true}, "before, not long": {-20 * time.Second, true}, "too long before": {-45 * time.Second, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider()
			c := p.client(t, nil)
			pending := begin(t, c, client.AuthorizationOptions{MaxAge: 30 * time.Second})
			at := time.Now().Add(test.signedIn).Unix()
			time.Sleep(5 * time.Minute)
			p.answersToken(p.idToken().Set("nonce", pending.Nonce).Set("auth_time", at).Sign())
			_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
			if (err == nil) != test.ok {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // one that was kept by somebody who leaves the time out
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{MaxAge: 30 * time.Second})
		pending.StartedAt = time.Time{}
		p.answersToken(p.idToken().Set("nonce", pending.Nonce).Set("auth_time", time.Now().Add(-time.Minute).Unix()).Sign())
		if _, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}}); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Error(err)
		}
	})
}

func TestC17_ExpectedUser(t *testing.T) {
	t.Parallel()
	for subject, ok := range map[string]bool{"alice": true, "mallory": false} {
		for _, hinted := range []bool{true, false} {
			p := newProvider()
			c, o := p.client(t, nil), client.AuthorizationOptions{Subject: "alice"}
			if hinted {
				o = client.AuthorizationOptions{IDTokenHint: p.idToken().Sign()}
			}
			pending := begin(t, c, o)
			if !hinted && strings.Contains(pending.URL, "alice") {
				t.Error("Subject was sent:", pending.URL)
			}
			p.answersToken(p.idToken().Set("nonce", pending.Nonce).Set("sub", subject).Sign())
			_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
			if (err == nil) != ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
				t.Errorf("%s, hinted %t: %v", subject, hinted, err)
			}
		}
	}
}

// What was requested is stored until the response arrives.
func TestC17_C5_RequestedClaimsAreRequired(t *testing.T) {
	t.Parallel()
	for acr, ok := range map[string]bool{"mfa": true, "pwd": false} {
		p := newProvider()
		c := p.client(t, nil)
		pending := begin(t, c, client.AuthorizationOptions{ACRValues: []string{"mfa"}, Resource: []string{"https://a.test", "https://b.test"}})
		p.answersToken(p.idToken().Set("nonce", pending.Nonce).Set("acr", acr).Sign())
		_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
		if (err == nil) != ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v", acr, err)
		}
		if got := p.lastForm()["resource"]; !slices.Equal(got, []string{"https://a.test", "https://b.test"}) {
			t.Errorf("for %v", got)
		}
	}
}

// c_hash is compared in ExchangeCode too.
func TestC18_CodeHash(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answersToken(p.idToken().Set("c_hash", "AAAA").Sign())
	_, err := p.client(t, nil).ExchangeCode(t.Context(), "c", client.CodeExchange{Scopes: []string{"openid"}})
	if incomplete, ok := errors.AsType[*client.IncompleteError](err); !ok || incomplete.Token.RefreshToken != "rt" || !errors.Is(err, consumer.ErrInvalidToken) {
		t.Error(err)
	}
}

func FuzzCallback(f *testing.F) {
	for _, mode := range []string{"", "jwt", "form_post"} {
		for _, seed := range []string{
			"state=STATE&code=c", "state=STATE&code=c&iss=ISSUER", "state=STATE&error=access_denied&error_description=no%0a",
			"state=STATE&state=STATE&code=c", "response=SIGNED", "response=a.b.c&state=STATE&code=c", "code=c", "state=STATE&iss=ISSUER%2f&code=c",
			"state=STATE&error=%22&error_uri=javascript:0", "state=STATE&code=", "%zz", "state=state&code=c;iss=ISSUER",
		} {
			f.Add(mode, seed)
		}
	}
	p := newProvider()
	f.Fuzz(func(t *testing.T, mode, query string) {
		p := newProviderLike(p)
		c := p.client(t, func(cfg *client.Config) { cfg.Scopes = []string{"api"} })
		pending, err := c.AuthorizationURL(t.Context(), client.AuthorizationOptions{ResponseMode: mode})
		if err != nil {
			t.Skip(err)
		}
		signed := ""
		if strings.Contains(query, "SIGNED") {
			signed = p.jwt(map[string]any{"state": pending.State, "code": "c"})
		}
		query = strings.NewReplacer("STATE", pending.State, "ISSUER", url.QueryEscape(issuerURL), "SIGNED", signed).Replace(query)
		params, _ := url.ParseQuery(query)
		p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(200, good, nil)
		}
		token, err := c.Callback(t.Context(), pending, params)
		if (token == nil) == (err == nil) {
			t.Fatal(token, err)
		}
		if err != nil && (len(err.Error()) > 500 || !utf8.ValidString(err.Error())) {
			t.Errorf("error of %d bytes", len(err.Error()))
		}
		if text := fmt.Sprintf("%+v", err); strings.Contains(text, pending.State) || strings.Contains(text, pending.CodeVerifier) {
			t.Error("the error holds a secret")
		}
		asked := len(p.requests) > 0
		plain := len(params["state"]) == 1 && params.Get("state") == pending.State && len(params["code"]) == 1 && params.Get("code") != "" &&
			params.Get("error") == "" && (!params.Has("iss") || params.Get("iss") == issuerURL)
		sealed := signed != "" && params.Get("response") == signed
		switch {
		case asked && strings.HasSuffix(mode, "jwt") != sealed, asked && !sealed && !plain:
			t.Errorf("%q: %q was exchanged", mode, query)
		case len(p.requests) > 1:
			t.Errorf("%d requests", len(p.requests))
		}
		if _, err := c.Callback(t.Context(), pending, params); err == nil || asked && !errors.Is(err, client.ErrNotPending) {
			t.Errorf("once more: %v", err)
		}
	})
}
