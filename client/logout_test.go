package client_test

import (
	"context"
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
)

func TestC31_LogoutURL(t *testing.T) {
	t.Parallel()
	got, err := newProvider().client(t, nil).LogoutURL(t.Context(), client.LogoutOptions{
		IDTokenHint: "raw", PostLogoutRedirectURI: "https://app.test/bye", State: "s",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"client_id": {"app"}, "id_token_hint": {"raw"}, "post_logout_redirect_uri": {"https://app.test/bye"}, "state": {"s"},
	}
	if diff := cmp.Diff(want, queryOf(t, got)); diff != "" || !strings.HasPrefix(got, issuerURL+"/end?") {
		t.Error(got, diff)
	}
}

// logoutToken returns a valid logout token, changed by claims.
func (p *provider) logoutToken(claims map[string]any) string {
	all := map[string]any{
		"sub": "alice", "sid": "s1", "jti": "1", "iat": time.Now().Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	maps.Copy(all, claims)
	return p.jwt(all)
}

func TestC31_LogoutToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, nil)
	absent := bearertest.Absent
	for name, test := range map[string]struct {
		claims map[string]any
		ok     bool
	}{
		"good":              {nil, true},
		"without an end":    {map[string]any{"exp": absent}, true},
		"subject only":      {map[string]any{"sid": absent}, true},
		"session only":      {map[string]any{"sub": absent}, true},
		"neither":           {map[string]any{"sub": absent, "sid": absent}, false},
		"nonce":             {map[string]any{"nonce": "n"}, false},
		"no events":         {map[string]any{"events": absent}, false},
		"another event":     {map[string]any{"events": map[string]any{"x": map[string]any{}}}, false},
		"event of no shape": {map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": true}}, false},
		"no id":             {map[string]any{"jti": absent}, false},
		"no time":           {map[string]any{"iat": absent}, false},
		"old":               {map[string]any{"iat": time.Now().Add(-10 * time.Minute).Unix()}, false},
		"another client":    {map[string]any{"aud": "other"}, false},
		"another issuer":    {map[string]any{"iss": "https://other.test"}, false},
		"ended":             {map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, false},
	} {
		token, err := c.VerifyLogoutToken(t.Context(), p.logoutToken(test.claims))
		if (err == nil) != test.ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("%s: %v, %v", name, token, err)
		}
	}
	if _, err := c.VerifyLogoutToken(t.Context(), p.idToken().Sign()); err == nil {
		t.Error("an ID token was accepted as a logout token")
	}
}

func TestC31_BackchannelLogout(t *testing.T) {
	t.Parallel()
	p := newProvider()
	var ended []string
	var fail error
	handler := p.client(t, nil).BackchannelLogout(func(_ context.Context, token *client.LogoutToken) error {
		ended = append(ended, token.SessionID()+token.Subject()+token.ID())
		return fail
	})
	post := func(body string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("Cache-Control is not no-store")
		}
		return w.Code
	}
	one, two := "logout_token="+p.logoutToken(nil), "logout_token="+p.logoutToken(map[string]any{"jti": "2"})
	for _, step := range []struct {
		name, body string
		fail       error
		want       int
	}{
		{"good", one, nil, 200},
		{"replayed", one, nil, 400},
		{"not carried out", two, errors.New("down"), 503},
		{"again", two, nil, 200},
		{"twice", one + "&" + two, nil, 400},
		{"nothing", "", nil, 400},
		{"forged", "logout_token=a.b.c", nil, 400},
		{"too long", "logout_token=" + strings.Repeat("a", 1<<20), nil, 400},
	} {
		fail = step.fail
		if got := post(step.body); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
	if diff := cmp.Diff([]string{"s1alice1", "s1alice2", "s1alice2"}, ended); diff != "" {
		t.Error(diff)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/logout?"+one, nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestC31_LogoutURLHasAllParameters(t *testing.T) {
	t.Parallel()
	c := newProvider().client(t, func(cfg *client.Config) { cfg.Metadata.EndSessionEndpoint = issuerURL + "/end?p=1" })
	got, err := c.LogoutURL(t.Context(), client.LogoutOptions{
		IDTokenHint: "raw", PostLogoutRedirectURI: "https://app.test/bye?x=%2f", State: "s&t", LogoutHint: "alice@x", UILocales: []string{"de", "en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"p": {"1"}, "client_id": {"app"}, "id_token_hint": {"raw"}, "post_logout_redirect_uri": {"https://app.test/bye?x=%2f"},
		"state": {"s&t"}, "logout_hint": {"alice@x"}, "ui_locales": {"de en"},
	}
	if diff := cmp.Diff(want, queryOf(t, got)); diff != "" || strings.Count(got, "?") != 1 {
		t.Error(got, diff)
	}
}

// A logout token with an invalid sid must be rejected, and not end all sessions of the user.
func TestC31_LogoutTokenInDetail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		c := p.client(t, nil)
		now := time.Now().Unix()
		event := "http://schemas.openid.net/event/backchannel-logout"
		for name, test := range map[string]struct {
			claims map[string]any
			typ    any
			ok     bool
		}{
			"typ":                  {nil, "logout+jwt", true},
			"full typ":             {nil, "application/logout+jwt", true},
			"typ JWT":              {nil, "JWT", true},
			"access token":         {nil, "at+jwt", false},
			"security event":       {nil, "secevent+jwt", false},
			"sid is a number":      {map[string]any{"sid": 7}, nil, false},
			"sid is empty":         {map[string]any{"sid": ""}, nil, false},
			"sid is null":          {map[string]any{"sid": nil}, nil, false},
			"sub is a number":      {map[string]any{"sub": 7}, nil, false},
			"nonce is null":        {map[string]any{"nonce": nil}, nil, false},
			"one more event":       {map[string]any{"events": map[string]any{event: map[string]any{}, "x": map[string]any{}}}, nil, true},
			"events is a list":     {map[string]any{"events": []string{event}}, nil, false},
			"event is a list":      {map[string]any{"events": map[string]any{event: []any{}}}, nil, false},
			"jti is empty":         {map[string]any{"jti": ""}, nil, false},
			"jti is a number":      {map[string]any{"jti": 7}, nil, false},
			"as old as may be":     {map[string]any{"iat": now - 130}, nil, true},
			"too old":              {map[string]any{"iat": now - 131}, nil, false},
			"as new as may be":     {map[string]any{"iat": now + 10}, nil, true},
			"from the future":      {map[string]any{"iat": now + 11}, nil, false},
			"too old, ends late":   {map[string]any{"iat": now - 3600, "exp": now + 3600}, nil, false},
			"several audiences":    {map[string]any{"aud": []string{"x", "app"}}, nil, true},
			"none for this client": {map[string]any{"aud": []string{"x"}}, nil, false},
		} {
			all := map[string]any{
				"sub": "alice", "sid": "s1", "jti": "1", "iat": now, "events": map[string]any{event: map[string]any{}},
			}
			maps.Copy(all, test.claims)
			token := p.idToken()
			for claim, value := range all {
				token.Set(claim, value)
			}
			if test.typ != nil {
				token.SetHeader("typ", test.typ)
			}
			got, err := c.VerifyLogoutToken(t.Context(), token.Sign())
			if (err == nil) != test.ok || err != nil && !errors.Is(err, consumer.ErrInvalidToken) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && (got.Subject() != "alice" || got.SessionID() != "s1" || got.ID() != "1" || got.IssuedAt().IsZero()) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
}

func TestC31_SymmetricLogoutToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	secret := strings.Repeat("s", 32)
	c := p.client(t, func(cfg *client.Config) {
		cfg.Keys, cfg.ClientSecret, cfg.Algorithms = nil, secret, []string{"HS256"}
	})
	claims := map[string]any{
		"jti": "1", "sid": "s", "iat": time.Now().Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	token := p.idToken()
	for name, value := range claims {
		token.Set(name, value)
	}
	if _, err := c.VerifyLogoutToken(t.Context(), token.SignWith("HS256", []byte(secret)).Sign()); err != nil {
		t.Error(err)
	}
	if _, err := c.VerifyLogoutToken(t.Context(), p.logoutToken(nil)); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Error(err)
	}
}

func postLogout(t *testing.T, handler http.Handler, raw string) int {
	t.Helper()
	body := url.Values{"logout_token": {raw}}.Encode()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" || w.Body.Len() != 0 {
		t.Errorf("%v %q", w.Header(), w.Body)
	}
	return w.Code
}

// While a token is being handled, another request with it gets 503, because the first may fail.
func TestC31_OneLogoutAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		fails := make(chan error)
		handler := p.client(t, nil).BackchannelLogout(func(context.Context, *client.LogoutToken) error { return <-fails })
		raw := p.logoutToken(nil)
		first := make(chan int, 1)
		for _, step := range []struct {
			err              error
			first, meanwhile int
		}{{errors.New("down"), 503, 503}, {nil, 200, 503}} {
			go func() { first <- postLogout(t, handler, raw) }()
			synctest.Wait()
			if got := postLogout(t, handler, raw); got != step.meanwhile {
				t.Errorf("meanwhile: %d", got)
			}
			fails <- step.err
			if got := <-first; got != step.first {
				t.Errorf("got %d, want %d", got, step.first)
			}
		}
		if got := postLogout(t, handler, raw); got != 400 {
			t.Errorf("once more: %d", got)
		}
	})
}

func TestC31_PanicDoesNotConsumeTheToken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	calls := 0
	handler := p.client(t, nil).BackchannelLogout(func(context.Context, *client.LogoutToken) error {
		if calls++; calls == 1 {
			panic("store")
		}
		return nil
	})
	raw := p.logoutToken(nil)
	func() {
		defer func() { _ = recover() }()
		postLogout(t, handler, raw)
	}()
	if got := postLogout(t, handler, raw); got != 200 || calls != 2 {
		t.Errorf("%d, %d calls", got, calls)
	}
}

func TestC31_OutageAndOtherForms(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answer = says(500, "").answer
	handler := p.client(t, func(cfg *client.Config) { cfg.Keys = nil }).BackchannelLogout(func(context.Context, *client.LogoutToken) error {
		t.Error("called")
		return nil
	})
	if got := postLogout(t, handler, p.logoutToken(nil)); got != 503 {
		t.Errorf("without keys: %d", got)
	}
	form := "application/x-www-form-urlencoded"
	handler = p.client(t, nil).BackchannelLogout(func(context.Context, *client.LogoutToken) error {
		t.Error("called")
		return nil
	})
	for name, test := range map[string]struct{ mediaType, target, body string }{
		"twice":        {form, "/logout", "logout_token=" + p.logoutToken(nil) + "&logout_token=" + p.logoutToken(nil)},
		"too much":     {form, "/logout", "logout_token=" + p.logoutToken(nil) + "&x=" + strings.Repeat("x", 1<<20)},
		"in the query": {form, "/logout?logout_token=" + p.logoutToken(nil), ""},
		"JSON":         {"application/json", "/logout", `{"logout_token":"` + p.logoutToken(nil) + `"}`},
		"multipart":    {"multipart/form-data; boundary=b", "/logout", "--b\r\nContent-Disposition: form-data; name=\"logout_token\"\r\n\r\n" + p.logoutToken(nil) + "\r\n--b--\r\n"},
		"encrypted":    {form, "/logout", "logout_token=a.b.c.d.e"},
		"empty":        {form, "/logout", "logout_token="},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, test.target, strings.NewReader(test.body))
		r.Header.Set("Content-Type", test.mediaType)
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != 400 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
