package client_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// A signed request also has response_type and scope in the URL, with the values inside the JWT. A pushed one has them only
// in the JWT.
func TestCaseA15_ParametersBesideTheRequestObject(t *testing.T) {
	t.Parallel()
	signed := func(required bool) func(*client.Config) {
		return func(cfg *client.Config) {
			cfg.Key, cfg.AuthMethod = newKey(t), client.AuthBasic
			cfg.Metadata.RequireSignedRequestObject = required
		}
	}
	outside := url.Values{"p": {"1"}, "client_id": {"app"}, "response_type": {"code"}, "scope": {"openid api"}}
	for name, test := range map[string]struct {
		change func(*client.Config)
		o      client.AuthorizationOptions
		want   url.Values // of the URL, without request
		posted url.Values // of the pushed request, without request
	}{
		"signed":              {signed(false), client.AuthorizationOptions{Sign: true}, outside, nil},
		"the server requires": {signed(true), client.AuthorizationOptions{}, outside, nil},
		"other scopes": {
			signed(false),
			client.AuthorizationOptions{Sign: true, Scopes: []string{"openid", "a b", "c"}},
			url.Values{"p": {"1"}, "client_id": {"app"}, "response_type": {"code"}, "scope": {"openid a b c"}},
			nil,
		},
		"without openid": {
			signed(false),
			client.AuthorizationOptions{Sign: true, Scopes: []string{"api"}},
			url.Values{"p": {"1"}, "client_id": {"app"}, "response_type": {"code"}, "scope": {"api"}},
			nil,
		},
		"without scopes": {
			func(cfg *client.Config) { signed(false)(cfg); cfg.Scopes = nil },
			client.AuthorizationOptions{Sign: true},
			url.Values{"p": {"1"}, "client_id": {"app"}, "response_type": {"code"}},
			nil,
		},
		"signed and pushed": {
			signed(false),
			client.AuthorizationOptions{Sign: true, Push: true},
			url.Values{"p": {"1"}, "client_id": {"app"}, "request_uri": {"urn:x:1"}},
			url.Values{"client_id": {"app"}},
		},
		"the server requires both": {
			func(cfg *client.Config) { signed(true)(cfg); cfg.Metadata.RequirePushedAuthorizationRequests = true },
			client.AuthorizationOptions{},
			url.Values{"p": {"1"}, "client_id": {"app"}, "request_uri": {"urn:x:1"}},
			url.Values{"client_id": {"app"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider()
			p.answer = says(201, `{"request_uri":"urn:x:1","expires_in":60}`).answer
			got := queryOf(t, begin(t, p.client(t, test.change), test.o).URL)
			carrier := got
			if test.posted != nil {
				carrier = p.lastForm()
			}
			var inside map[string]any
			if err := client.InsecureDecode(carrier.Get("request"), &inside); err != nil {
				t.Fatal(err)
			}
			carrier.Del("request")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if test.posted != nil {
				if diff := cmp.Diff(test.posted, carrier); diff != "" {
					t.Error(diff)
				}
			}
			for _, name := range []string{"client_id", "response_type", "scope"} {
				if value, _ := inside[name].(string); carrier.Has(name) && value != carrier.Get(name) {
					t.Errorf("%s is %q inside the JWT and %q outside", name, value, carrier.Get(name))
				}
			}
			if inside["response_type"] != "code" || inside["state"] == nil || inside["redirect_uri"] == nil {
				t.Errorf("the request object has %v", inside)
			}
		})
	}
}

// Only the parameters that OpenID Connect Core names are repeated. The others stay inside the JWT, so that the browser and
// its history show as little as possible.
func TestCaseA15_OtherParametersStayInside(t *testing.T) {
	t.Parallel()
	p := newProvider()
	c := p.client(t, func(cfg *client.Config) { cfg.Key, cfg.AuthMethod = newKey(t), client.AuthBasic })
	got := queryOf(t, begin(t, c, client.AuthorizationOptions{
		Sign: true, LoginHint: "alice", Extra: url.Values{"tenant": {"t"}}, Prompt: []string{"login"},
	}).URL)
	for name := range got {
		switch name {
		case "p", "client_id", "response_type", "scope", "request":
		default:
			t.Errorf("%s is in the URL", name)
		}
	}
}
