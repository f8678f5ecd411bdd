package client_test

import (
	"errors"
	"fmt"
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
		"another subject":  {status: 200, body: `{"sub":"bob"}`, err: client.ErrBadResponse},
		"no subject":       {status: 200, body: `{}`, err: client.ErrBadResponse},
		"not JSON":         {status: 200, body: `<html>`, err: client.ErrBadResponse},
		"signed":           {status: 200, body: signed(map[string]any{"email_verified": true}), jwt: true, wantSigned: true, ok: true},
		"signed for other": {status: 200, body: signed(map[string]any{"aud": "other"}), jwt: true},
		"signed by other":  {status: 200, body: signed(map[string]any{"iss": "https://other.test"}), jwt: true},
		"signed, of bob":   {status: 200, body: signed(map[string]any{"sub": "bob"}), jwt: true, err: client.ErrBadResponse},
		"must be signed":   {status: 200, body: `{"sub":"alice"}`, wantSigned: true, err: client.ErrBadResponse},
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

// newProviderLike returns a provider with the keys of p.
func newProviderLike(p *provider) *provider { return &provider{says(200, good), p.issuer} }

// Signed claims stay. Unsigned ones are added.
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
		t.Error("UserInfo does not return the claims of the response")
	}
}

// Only JSON and signed JWTs are accepted, and a JWT must be for this client.
func TestC21_OnlyUserInfoIsTaken(t *testing.T) {
	t.Parallel()
	p := newProvider()
	plain := `{"sub":"alice"}`
	signed := func(edit func(*bearertest.Token)) string {
		token := p.idToken().Set("iat", bearertest.Absent).Set("exp", bearertest.Absent)
		edit(token)
		return token.Sign()
	}
	asIs := func(*bearertest.Token) {}
	for name, test := range map[string]struct {
		mediaType, body string
		ok              bool
	}{
		"JSON":                    {"application/json", plain, true},
		"JSON with a charset":     {"Application/JSON; charset=utf-8", plain, true},
		"a page":                  {"text/html", plain, false},
		"nothing said":            {"", plain, false},
		"a list":                  {"application/json", `[{"sub":"alice"}]`, false},
		"two subjects":            {"application/json", `{"sub":"alice","sub":"bob"}`, false},
		"more behind it":          {"application/json", plain + plain, false},
		"subject is a number":     {"application/json", `{"sub":1}`, false},
		"deep":                    {"application/json", `{"sub":"alice","x":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, false},
		"too long":                {"application/json", `{"sub":"alice","x":"` + strings.Repeat("x", 2<<20) + `"}`, false},
		"signed":                  {"application/jwt", signed(asIs), true},
		"signed, called JSON":     {"application/json", signed(asIs), false},
		"plain, called signed":    {"application/jwt", plain, false},
		"signed, for nobody":      {"application/jwt", signed(set("aud", bearertest.Absent)), true},
		"signed, by nobody":       {"application/jwt", signed(set("iss", bearertest.Absent)), false},
		"signed, for another":     {"application/jwt", signed(set("aud", []string{"other"})), false},
		"signed, ended":           {"application/jwt", signed(set("exp", time.Now().Add(-time.Hour).Unix())), false},
		"signed by none":          {"application/jwt", signed(func(token *bearertest.Token) { token.SignWith("none", nil) }), false},
		"signed by another":       {"application/jwt", signed(func(token *bearertest.Token) { token.SignWith("ES256", ecKey(t)) }), false},
		"signed, no subject":      {"application/jwt", signed(set("sub", bearertest.Absent)), false},
		"a logout token":          {"application/jwt", p.logoutToken(nil), false},
		"encrypted":               {"application/jwt", "a.b.c.d.e", false},
		"signed, an access token": {"application/jwt", signed(func(token *bearertest.Token) { token.SetHeader("typ", "at+jwt") }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProviderLike(p)
			p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
				return written(200, test.body, map[string]string{"Content-Type": test.mediaType})
			}
			u, err := p.client(t, nil).UserInfo(t.Context(), "at", "alice")
			if (err == nil) != test.ok || (u == nil) == test.ok {
				t.Error(err)
			}
		})
	}
	if _, err := p.client(t, nil).UserInfo(t.Context(), "at", ""); err == nil {
		t.Error("accepted user information without a subject to compare")
	}
}

// An email address must not seem verified because another one is.
func TestC21_AddressesAndTheirVerificationStayTogether(t *testing.T) {
	t.Parallel()
	p := newProvider()
	for name, test := range map[string]struct {
		signed map[string]any
		plain  string
		want   []any // email, email_verified
	}{
		"only unsigned":           {nil, `"email":"a@x","email_verified":true`, []any{"a@x", true}},
		"the same":                {map[string]any{"email": "a@x"}, `"email":"a@x","email_verified":true`, []any{"a@x", true}},
		"another":                 {map[string]any{"email": "a@x"}, `"email":"m@x","email_verified":true`, []any{"a@x", nil}},
		"verified, of what":       {map[string]any{"email": "a@x"}, `"email_verified":true`, []any{"a@x", nil}},
		"signed that one is":      {map[string]any{"email_verified": true}, `"email":"m@x"`, []any{nil, true}},
		"signed that it is not":   {map[string]any{"email": "a@x", "email_verified": false}, `"email":"a@x","email_verified":true`, []any{"a@x", false}},
		"signed, and not said so": {map[string]any{"email": "a@x", "email_verified": true}, `"email":"m@x"`, []any{"a@x", true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, claim := range []string{"email", "phone_number"} {
				p := newProviderLike(p)
				c := p.client(t, func(cfg *client.Config) { cfg.UseUserInfo = true })
				pending := begin(t, c, client.AuthorizationOptions{})
				idToken := p.idToken().Set("nonce", pending.Nonce)
				for name, value := range test.signed {
					idToken.Set(strings.Replace(name, "email", claim, 1), value)
				}
				p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
					if r.URL.Path == "/me" {
						return written(200, `{"sub":"alice",`+strings.ReplaceAll(test.plain, `"email`, `"`+claim)+`}`, nil)
					}
					return written(200, `{"access_token":"at","token_type":"Bearer","id_token":"`+idToken.Sign()+`"}`, nil)
				}
				token, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
				if err != nil {
					t.Fatal(err)
				}
				all := token.IDClaims.Claims()
				if diff := cmp.Diff(test.want, []any{all[claim], all[claim+"_verified"]}); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// A bound token is sent with a proof, and once more if the server requires a nonce. If the request fails, the token is not
// lost.
func TestC21_C26_UserInfoWithProof(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) {
		cfg.UseUserInfo, cfg.DPoP = true, &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"}
	})
	subject, asked := "alice", 0
	var idToken string
	p.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.URL.Path != "/me" {
			return written(200, `{"access_token":"at","token_type":"DPoP","refresh_token":"rt","id_token":"`+idToken+`"}`, nil)
		}
		if r.Header.Get("Authorization") != "DPoP at" || r.Header.Get("DPoP") == "" {
			t.Errorf("%v", r.Header)
		}
		if asked++; asked == 1 {
			return written(401, "", map[string]string{"DPoP-Nonce": "n", "WWW-Authenticate": `DPoP error="use_dpop_nonce"`})
		}
		return written(200, `{"sub":"`+subject+`"}`, nil)
	}
	signIn := func() error {
		pending := begin(t, c, client.AuthorizationOptions{})
		idToken = p.idToken().Set("nonce", pending.Nonce).Sign()
		_, err := c.Callback(t.Context(), pending, url.Values{"state": {pending.State}, "code": {"c"}})
		return err
	}
	if err := signIn(); err != nil || asked != 2 {
		t.Fatal(err, asked)
	}
	subject = "mallory"
	err := signIn()
	if incomplete, ok := errors.AsType[*client.IncompleteError](err); !ok || incomplete.Token.RefreshToken != "rt" || incomplete.Token.IDToken != idToken || !errors.Is(err, client.ErrBadResponse) {
		t.Error(err)
	}
}

// A server that rejects every nonce gets two requests.
func TestC21_C26_EndlessNonces(t *testing.T) {
	t.Parallel()
	p := newProvider()
	p.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		if len(p.requests) > 5 {
			return written(200, `{"sub":"alice"}`, nil)
		}
		return written(401, "", map[string]string{
			"DPoP-Nonce": strings.Repeat("n", len(p.requests)), "WWW-Authenticate": `DPoP error="use_dpop_nonce"`,
		})
	}
	c := p.client(t, func(cfg *client.Config) { cfg.DPoP = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"} })
	if _, err := c.UserInfo(t.Context(), "at", "alice"); err == nil || len(p.requests) != 2 {
		t.Errorf("%v, %d requests", err, len(p.requests))
	}
}
