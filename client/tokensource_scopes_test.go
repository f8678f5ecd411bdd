package client_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// A source compares its scopes with the granted ones only if the server grants them under the names of the request.
func TestCaseA12_GrantedScopesHaveOtherNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config, scopes, granted []string
		sent                    bool // without ScopeAliases
	}{
		"echoed":                       {nil, []string{"a", "b"}, []string{"b", "a"}, true},
		"fewer than granted":           {[]string{"a", "b"}, []string{"a"}, []string{"a", "b"}, true},
		"less was granted":             {nil, []string{"a", "b"}, []string{"a"}, false},
		"less than the Config":         {[]string{"a", "b"}, []string{"b"}, []string{"a"}, false},
		"another one":                  {[]string{"a", "b"}, []string{"c"}, []string{"a", "b"}, false},
		"all scopes of an API":         {nil, []string{"api://orders/.default"}, []string{"api://orders/read", "api://orders/write"}, true},
		"all, and those of the user":   {nil, []string{"openid", "api://orders/.default"}, []string{"openid", "profile", "api://orders/read"}, true},
		"without a prefix":             {nil, []string{"api://orders/read"}, []string{"read"}, true},
		"with a prefix":                {nil, []string{"openid", "email"}, []string{"openid", "https://login.test/auth/userinfo.email"}, true},
		"offline_access is not listed": {nil, []string{"openid", "offline_access", "api://o/.default"}, []string{"openid", "api://o/read"}, true},
		"only offline_access missing":  {nil, []string{"openid", "offline_access"}, []string{"openid"}, true},
		"another case":                 {nil, []string{"Orders.Read"}, []string{"orders.read"}, true},
		"none was granted":             {nil, []string{"a"}, []string{}, true},
		"the response did not say":     {nil, []string{"a"}, nil, true},
		"none is requested":            {[]string{"a"}, nil, []string{"x"}, true},
	} {
		for _, aliases := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", ScopeAliases: ", aliases), func(t *testing.T) {
				t.Parallel()
				s := says(200, good)
				c := newClient(t, s, func(cfg *client.Config) { cfg.Scopes = test.config })
				cfg := client.TokenSourceConfig{Token: granted(test.granted...), Scopes: test.scopes, ScopeAliases: aliases}
				if test.granted == nil {
					cfg.Token.Scopes = nil
				}
				token, err := sourceOf(t, c, cfg).TokenContext(t.Context())
				if test.sent || aliases {
					if err != nil || token.AccessToken != "at" || s.lastForm().Get("scope") != strings.Join(test.scopes, " ") {
						t.Error(token, err)
					}
					return
				}
				if err == nil || len(s.requests) != 0 || !strings.Contains(err.Error(), "ScopeAliases") || errors.Is(err, client.ErrNoToken) {
					t.Error(token, err, len(s.requests))
				}
			})
		}
	}
}

// The same over the whole life of a token: each response has the server's own names.
func TestCaseA12_EveryRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, `{"access_token":"at","token_type":"Bearer","expires_in":600,"refresh_token":"rt","scope":"api://orders/read"}`)
		c := newClient(t, s, nil)
		source := sourceOf(t, c, client.TokenSourceConfig{Grant: c.ClientCredentials, Scopes: []string{"api://orders/.default"}})
		for range 10 {
			token, err := source.TokenContext(t.Context())
			if err != nil || token.Scopes[0] != "api://orders/read" || s.lastForm().Get("scope") != "api://orders/.default" {
				t.Fatal(token, err)
			}
			time.Sleep(11 * time.Minute)
		}
		if s.lastForm().Get("refresh_token") != "rt" {
			t.Error(s.lastForm())
		}
	})
}
