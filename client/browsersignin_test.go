package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// BrowserSignIn accepts the redirect URI with the response to its own request, and nothing else.
func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	closed := errors.New("the user closed the window")
	for name, test := range map[string]struct {
		redirected func(state string) (string, error)
		uri        string // the redirect URI; empty: https://app.test/callback
		want       error
	}{
		"right":           {func(state string) (string, error) { return "https://app.test/callback?code=c&state=" + state, nil }, "", nil},
		"with its own":    {func(state string) (string, error) { return "https://app.test/cb?a=b&code=c&state=" + state, nil }, "https://app.test/cb?a=b", nil},
		"another path":    {func(state string) (string, error) { return "https://app.test/other?code=c&state=" + state, nil }, "", client.ErrCallback},
		"another host":    {func(state string) (string, error) { return "https://evil.test/callback?code=c&state=" + state, nil }, "", client.ErrCallback},
		"another scheme":  {func(state string) (string, error) { return "http://app.test/callback?code=c&state=" + state, nil }, "", client.ErrCallback},
		"an encoded path": {func(state string) (string, error) { return "https://app.test/%63allback?code=c&state=" + state, nil }, "", client.ErrCallback},
		"another state":   {func(string) (string, error) { return "https://app.test/callback?code=c&state=x", nil }, "", client.ErrCallback},
		"no state":        {func(string) (string, error) { return "https://app.test/callback?code=c", nil }, "", client.ErrCallback},
		"no code":         {func(state string) (string, error) { return "https://app.test/callback?state=" + state, nil }, "", client.ErrCallback},
		"twice": {func(state string) (string, error) {
			return "https://app.test/callback?code=c&code=d&state=" + state, nil
		}, "", client.ErrCallback},
		"another issuer": {func(state string) (string, error) {
			return "https://app.test/callback?code=c&iss=https://evil.test&state=" + state, nil
		}, "", client.ErrCallback},
		"not a query": {func(state string) (string, error) { return "https://app.test/callback?code=%zz&state=" + state, nil }, "", client.ErrCallback},
		"not a URL": {func(state string) (string, error) {
			return "https://app.test:x/callback?code=secret&state=" + state, nil
		}, "", client.ErrCallback},
		"nothing": {func(string) (string, error) { return "", nil }, "", client.ErrCallback},
		"an error response": {func(state string) (string, error) {
			return "https://app.test/callback?error=access_denied&state=" + state, nil
		}, "", client.ErrAccessDenied},
		"the user gives up": {func(string) (string, error) { return "", closed }, "", closed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{answer: func(_ *http.Request, form url.Values) *httptest.ResponseRecorder {
				if form.Get("code") != "c" {
					t.Errorf("the code is %q", form.Get("code"))
				}
				return written(200, `{"access_token":"at","token_type":"Bearer"}`, nil)
			}}
			uri := test.uri
			if uri == "" {
				uri = "https://app.test/callback"
			}
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.RedirectURI, cfg.AuthorizeURL = uri, "https://as.test/authorize"
			})
			token, err := client.BrowserSignIn(func(_ context.Context, address string) (string, error) {
				u, err := url.Parse(address)
				if err != nil {
					t.Error(err)
				}
				return test.redirected(u.Query().Get("state"))
			})(t.Context(), c, client.AuthorizationOptions{})
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || (token == nil) != (err != nil) {
				t.Errorf("%v", err)
			}
			if test.want != nil && len(s.forms) > 0 {
				t.Error("the code was sent")
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error quotes the URL: %v", err)
			}
		})
	}
}
