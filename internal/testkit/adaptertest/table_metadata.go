package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const (
	resource      = "https://api.test/v1"
	described     = `Bearer realm="api", resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1"`
	describedDPoP = `DPoP realm="api", resource_metadata="https://api.test/.well-known/oauth-protected-resource/v1", algs="ES256 EdDSA"`
)

// challenges returns rows about challenges with the metadata document and the scopes of the route (RFC 9728 section 5.1, RFC 6750
// section 3).
func challenges() []row {
	rules := []middleware.Rule{middleware.Scopes("orders:read"), middleware.AnyScope("orders:write", "orders:admin")}
	const scopes = `, scope="orders:read orders:write"`
	guarded := set(func(_ *consumer.Config, g *middleware.Config) { g.Resource = resource }, rules...)
	both := set(func(c *consumer.Config, g *middleware.Config) {
		keyed(nil)(c, g)
		g.Resource = resource
	}, rules...)
	forged := proven(func(token string, _ *bearertest.Token, header http.Header) {
		header.Set("Authorization", "DPoP "+token+"A")
	})
	missing := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, described+scopes)
	missingBoth := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, described+scopes+"; "+describedDPoP+scopes)
	scope := named(refused(http.StatusForbidden, consumer.ReasonScope, described+`, error="insufficient_scope"`+scopes))
	return posted([]row{
		{name: "challenge with scopes, no credentials", header: authorization(), guards: guarded, want: missing},
		{name: "challenge with scopes, HEAD", method: http.MethodHead, header: authorization(), guards: guarded, want: missing},
		{
			name: "challenge with scopes, invalid token", header: authorization("Bearer x.y.z"), guards: guarded,
			want: refused(http.StatusUnauthorized, consumer.ReasonMalformed, described+`, error="invalid_token"`+scopes),
		},
		{
			name: "challenge with metadata, malformed credential", header: authorization("Bearer"), guards: guarded,
			want: unverified(http.StatusBadRequest, consumer.ReasonInvalidRequest, described+`, error="invalid_request"`),
		},
		{name: "challenge with scopes and metadata, scope missing", guards: guarded, want: scope},
		{name: "challenges with scopes, no credentials", header: authorization(), guards: both, want: missingBoth},
		{
			name: "challenges with scopes, invalid token, DPoP", header: forged, guards: both,
			want: refused(http.StatusUnauthorized, consumer.ReasonSignature, describedDPoP+`, error="invalid_token"`+scopes+"; "+described+scopes),
		},
		{
			name: "G3 bound token, scope missing, challenges with metadata", header: proven(nil), guards: both,
			want: named(refused(http.StatusForbidden, consumer.ReasonScope, describedDPoP+`, error="insufficient_scope"`+scopes+"; "+described)),
		},
	}...)
}

// metadata checks that the document of a Guard lists the scopes of the routes that the adapter has registered.
func metadata(build Build) []string {
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	g := w.guard(func(_ *consumer.Config, g *middleware.Config) { g.Resource = resource })
	build([]Route{w.route(http.MethodGet,
		[]Guarded{{Guard: g, Rules: []middleware.Rule{middleware.Scopes("orders")}}},
		[]Guarded{{Guard: g, Rules: []middleware.Rule{middleware.AnyScope("orders:write", "orders:admin")}}}, showOrder)})
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, g.MetadataPath(), nil)
	got := inMemory(g.MetadataHandler(), r)
	want := fmt.Sprintf(`{"authorization_servers":[%q],"bearer_methods_supported":["header"],"resource":%q,`+
		`"scopes_supported":["orders","orders:admin","orders:write"]}`+"\n", w.issuer.URL(), resource)
	var problem string
	if got.Status != http.StatusOK || got.Body != want {
		problem = fmt.Sprintf("the metadata document is %d %s, want %s", got.Status, got.Body, want)
	}
	_, err := w.events()
	return compact([]string{problem}, err)
}
