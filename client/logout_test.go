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

// logoutToken is good unless claims spoil it.
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
		t.Error("an ID token is taken for a logout token")
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
			t.Error("the answer may be stored")
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
