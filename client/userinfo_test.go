package client_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

func TestC21_UserInfo(t *testing.T) {
	t.Parallel()
	p := newProvider()
	signed := func(claims map[string]any) string {
		all := map[string]any{"sub": "alice", "exp": bearertest.Absent}
		maps.Copy(all, claims)
		return p.jwt(all)
	}
	for name, test := range map[string]struct {
		status     int
		body       string
		jwt        bool
		wantSigned bool
		ok         bool
		err        error
	}{
		"plain":            {status: 200, body: `{"sub":"alice","email_verified":"true"}`, ok: true},
		"another subject":  {status: 200, body: `{"sub":"bob"}`, err: client.ErrBadAnswer},
		"no subject":       {status: 200, body: `{}`, err: client.ErrBadAnswer},
		"not JSON":         {status: 200, body: `<html>`, err: client.ErrBadAnswer},
		"signed":           {status: 200, body: signed(map[string]any{"email_verified": true}), jwt: true, wantSigned: true, ok: true},
		"signed for other": {status: 200, body: signed(map[string]any{"aud": "other"}), jwt: true},
		"signed by other":  {status: 200, body: signed(map[string]any{"iss": "https://other.test"}), jwt: true},
		"signed, of bob":   {status: 200, body: signed(map[string]any{"sub": "bob"}), jwt: true, err: client.ErrBadAnswer},
		"must be signed":   {status: 200, body: `{"sub":"alice"}`, wantSigned: true, err: client.ErrBadAnswer},
		"refused":          {status: 401, err: client.ErrInvalidToken},
		"down":             {status: 503, err: client.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProviderLike(p)
			p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
				if r.Method != http.MethodGet || r.URL.Path != "/me" || r.Header.Get("Authorization") != "Bearer at" {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				mediaType := map[bool]string{true: "application/jwt", false: "application/json"}[test.jwt]
				return written(test.status, test.body, map[string]string{"Content-Type": mediaType})
			}
			c := p.client(t, func(cfg *client.Config) { cfg.SignedUserInfo = test.wantSigned })
			u, err := c.UserInfo(t.Context(), "at", "alice")
			if (err == nil) != test.ok || test.err != nil && !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			if err == nil && (u.Subject() != "alice" || !u.EmailVerified() || fmt.Sprintf("%+v", u) != "client.UserInfo{}") {
				t.Errorf("got %+v", u)
			}
		})
	}
}

// newProviderLike shares the keys of p.
func newProviderLike(p *provider) *provider { return &provider{says(200, good), p.issuer} }

// What is signed stays; what was said without a signature is added beside it.
func TestC21_MergeNeverReplaces(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.UseUserInfo = true })
	pending := begin(t, c, client.AuthorizationOptions{})
	idToken := p.idToken().Set("nonce", pending.Nonce).Set("email", "signed@a.test").Sign()
	p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.URL.Path == "/me" {
			return written(200, `{"sub":"alice","email":"mallory@a.test","name":"Alice","acr":"mfa","iss":"x","exp":1}`, nil)
		}
		return written(200, `{"access_token":"at","token_type":"Bearer","id_token":"`+idToken+`"}`, nil)
	}
	token, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
	if err != nil {
		t.Fatal(err)
	}
	claims := token.IDClaims.Claims()
	if claims["email"] != "signed@a.test" || claims["name"] != "Alice" || claims["acr"] != nil || claims["iss"] != issuerURL {
		t.Errorf("%v", claims)
	}
	if email, _ := token.IDClaims.UserInfo().Claim("email"); email != "mallory@a.test" {
		t.Error("the answer was not kept as it came")
	}
}
