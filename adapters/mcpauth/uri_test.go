package mcpauth_test

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestURIsThatEvadeAKey sends URIs that many handlers take for a resource with stricter rules than those of the prefix that the
// URI begins with.
func TestURIsThatEvadeAKey(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: func(cfg *mcpauth.Config) {
		admin := []middleware.Rule{middleware.Scopes("admin")}
		cfg.Resources = map[string][]middleware.Rule{
			"note://*": nil, "note://private/*": admin, "note://inbox/private/*": admin, "note://inbox/secret": admin,
			"note://inbox/a%20b/*": admin, "note://inbox/a%20b/open/*": nil, "note://K/*": admin, "note://k/*": nil,
		}
	}})
	token := k.token("read").Sign()
	for uri, want := range map[string]int{
		"note://inbox/%70rivate/1":          http.StatusForbidden,
		"note://inbox/private%2F1":          http.StatusForbidden,
		"note://inbox%2Fprivate/1":          http.StatusForbidden,
		"note://inbox//private/1":           http.StatusForbidden,
		"note:///inbox/private/1":           http.StatusForbidden,
		"note://inbox/Private/1":            http.StatusForbidden,
		"note://inbox/%50rivate/1":          http.StatusForbidden,
		"note://user@private/1":             http.StatusForbidden,
		"note://user:word@private:80/1":     http.StatusForbidden,
		"note://private:/1":                 http.StatusForbidden,
		"note://private./1":                 http.StatusForbidden,
		"note://inbox/se%63ret":             http.StatusForbidden,
		"note://inbox/SECRET":               http.StatusForbidden,
		"NOTE://inbox/secret":               http.StatusForbidden,
		"note://inbox/secret/":              http.StatusForbidden,
		"note://inbox/secret?x=1":           http.StatusForbidden,
		"note://inbox/secret#x":             http.StatusForbidden,
		"note://inbox/secret%3Fx":           http.StatusForbidden,
		"note://inbox/a%20b/1":              http.StatusForbidden,
		"note://inbox/a b/1":                http.StatusForbidden,
		"note://inbox/%61%20b/1":            http.StatusForbidden,
		"note://inbox/\u017fecret":          http.StatusForbidden, // a letter whose upper case is S
		"note://K/1":                        http.StatusForbidden,
		"note://k/1":                        http.StatusOK, // both cases have an entry
		"note://inbox/a%20b/open/1":         http.StatusOK,
		"note://inbox/secrets":              http.StatusOK,
		"note://inbox/privately":            http.StatusOK,
		"note://inbox/caf%C3%A9?q=a%20b#x":  http.StatusOK,
		"note://inbox/https://example.com/": http.StatusOK,
		"note://user@inbox:80/1":            http.StatusOK,
		"note://":                           http.StatusOK,
	} {
		got := k.send(request{
			token: token, path: "/mcp", header: inSession(k.initialize(token)),
			body: rpc("resources/read", `{"uri":`+quoted(uri)+`}`),
		})
		if got.Code != want {
			t.Errorf("%s: status %d, want %d: %s", uri, got.Code, want, got.Body)
		}
		for method, params := range map[string]string{
			"resources/subscribe": `{"uri":` + quoted(uri) + `}`,
			"completion/complete": `{"ref":{"type":"ref/resource","uri":` + quoted(uri) + `},"argument":{"name":"a","value":"b"}}`,
		} {
			got := k.send(request{token: token, body: rpc(method, params)})
			if (got.Code == http.StatusForbidden) != (want == http.StatusForbidden) {
				t.Errorf("%s %s: status %d, want %d: %s", method, uri, got.Code, want, got.Body)
			}
		}
	}
}
