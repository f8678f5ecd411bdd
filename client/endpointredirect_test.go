package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// The error of a redirect names the location, without its query, and the field that takes it.
func TestEndpointRedirects(t *testing.T) {
	t.Parallel()
	fields := map[string]string{
		"revocation": "revocation_endpoint", "PAR": "pushed_authorization_request_endpoint", "introspection": "introspection_endpoint", "userinfo": "userinfo_endpoint",
		"register": "registration_endpoint", "read": "registration_endpoint", "update": "registration_endpoint", "delete": "registration_endpoint",
	}
	for location, want := range map[string]string{
		"https://new.test/path?x=hidden#hidden":          `redirects to "https://new.test/path", redirects are not followed`,
		"/login":                                         `redirects to "https://login.test/login"`,
		"//new.test/a%20b":                               `redirects to "https://new.test/a%20b"`,
		"https://u:hidden@new.test/":                     `redirects to "https://new.test/"`,
		"https://new.test/" + strings.Repeat("ab/", 200): `…", redirects are not followed`,
		"%zz": "redirects to an invalid location",
	} {
		s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(302, "", map[string]string{"Location": location})
		}}
		for name, call := range everywhere(t, s) {
			err := call(t.Context())
			field := `Config.Endpoints["token_endpoint"]`
			switch {
			case fields[name] != "":
				field = `Config.Endpoints["` + fields[name] + `"]`
			case name == "authenticators" || name == "challenge" || name == "association":
				field = "Config.MFAURL"
			}
			if err == nil || !errors.Is(err, client.ErrBadResponse) || !strings.Contains(err.Error(), "set "+field+" to its new location") {
				t.Errorf("%s: %v does not name %s", name, err, field)
			}
			if err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("%s: %v does not contain %q", name, err, want)
			}
		}
	}
}

// A location that repeats a secret of the request is not shown.
func TestEndpointRedirectsDoNotShowSecrets(t *testing.T) {
	t.Parallel()
	for _, post := range []client.PostType{client.PostForm, client.PostJSON} {
		for name, location := range map[string]string{
			"code":     "https://new.test/the-secret-code-of-the-user",
			"secret":   "https://new.test/a/client-secret-0123456789/b",
			"escaped":  "https://new.test/the%2Dsecret%2Dcode%2Dof%2Dthe%2Duser",
			"verifier": "https://new.test/verifier-0123456789-0123456789",
			"long":     "https://new.test/0123456789" + strings.Repeat("/a", 1<<10),
		} {
			s := &server{answer: func(*http.Request, url.Values) *httptest.ResponseRecorder {
				return written(307, "", map[string]string{"Location": location})
			}}
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.ClientSecret, cfg.AuthMethod, cfg.PostType = "client-secret-0123456789", client.AuthPost, post
			})
			_, err := c.ExchangeCode(t.Context(), "the-secret-code-of-the-user", client.CodeExchange{CodeVerifier: "verifier-0123456789-0123456789"})
			if err == nil || strings.Contains(err.Error(), "0123456789") || strings.Contains(err.Error(), "code") || !strings.Contains(err.Error(), "token_endpoint") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
