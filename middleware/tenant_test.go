package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// tenantKey is the key of the tenant in the context of a request.
type tenantKey struct{}

// byHost stores the tenant of a request, which is the first label of its host, in its context.
func byHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, _, _ := strings.Cut(r.Host, ".")
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, tenant)))
	})
}

// audienceOfTenant is an AudienceFunc.
func audienceOfTenant(ctx context.Context) []string {
	tenant, ok := ctx.Value(tenantKey{}).(string)
	if !ok {
		return nil // no audience: the token is rejected
	}
	return []string{"https://" + tenant + ".api.test"}
}

// Each tenant of an API has its own host and its own audience. A token for one of them is rejected by the others.
func ExampleConfig_audienceFunc() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier, err := consumer.New(consumer.Config{
		Issuer:       issuer.URL(),
		AudienceFunc: audienceOfTenant,
		HTTPClient:   issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := byHost(guard.Handler(http.HandlerFunc(listOrders)))
	token := issuer.AccessToken().Set("aud", "https://blue.api.test").Sign()
	send(api, "GET", "https://blue.api.test/orders", token)
	send(api, "GET", "https://red.api.test/orders", token)
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// A nested handler may serve another tenant with the same credential. The token is then not accepted without a check.
func TestCaseQ6_NestedHandlersOfAnotherTenant(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c := mustConsumer(t, consumer.Config{Issuer: issuer.URL(), AudienceFunc: audienceOfTenant, Keys: keys})
	g := newGuard(t, middleware.Config{Verifier: c})
	move := func(tenant string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, tenant)))
		})
	}
	blue, both := "https://blue.api.test", []string{"https://blue.api.test", "https://red.api.test"}
	for _, test := range []struct {
		outer, inner string
		audience     any
		status       int
	}{
		{"blue", "blue", blue, 200},
		{"blue", "red", blue, 401},
		{"blue", "red", both, 200},
		{"red", "blue", blue, 401},
		{"blue", "", both, 401},
	} {
		h := move(test.outer, g.Handler(move(test.inner, g.Handler(hello))))
		raw := issuer.AccessToken().Set("aud", test.audience).Sign()
		for range 2 { // the second time, the token is in the cache
			if w := serve(h, request(t, raw)); w.Code != test.status {
				t.Errorf("from %q to %q with aud %v: status %d, want %d", test.outer, test.inner, test.audience, w.Code, test.status)
			}
		}
	}
}
