package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
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

// Apply and Allows check the audience for their context, like a nested Guard. A handler may have changed the tenant in it.
func TestApply_OtherTenant(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), AudienceFunc: audienceOfTenant, HTTPClient: issuer.Client(), Logger: logscan.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard := newGuard(t, middleware.Config{Verifier: verifier})
	var admitted context.Context
	h := byHost(guard.With(middleware.Scopes("read"))(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { admitted = r.Context() })))
	r := request(t, issuer.AccessToken().Set("aud", "https://blue.api.test").Set("scope", "read").Sign())
	r.Host = "blue.api.test"
	serve(h, r)
	token, ok := middleware.TokenFromContext(admitted)
	if !ok {
		t.Fatal("the Guard has not admitted the request")
	}
	for name, test := range map[string]struct {
		ctx  context.Context //nolint:containedctx // an input of the test
		want int             // status; 0: the token meets the rules
	}{
		"same request":     {admitted, 0},
		"same tenant":      {context.WithValue(admitted, tenantKey{}, "blue"), 0},
		"other tenant":     {context.WithValue(admitted, tenantKey{}, "red"), http.StatusUnauthorized},
		"no tenant":        {context.WithValue(admitted, tenantKey{}, nil), http.StatusUnauthorized},
		"ContextWithToken": {middleware.ContextWithToken(context.Background(), token), 0}, // documented: only the expiry
	} {
		for _, rules := range [][]middleware.Rule{nil, {middleware.Scopes("read")}} {
			err := middleware.Apply(test.ctx, rules...)
			refusal, _ := errors.AsType[*middleware.Refusal](err)
			switch {
			case (err == nil) != (test.want == 0), middleware.Allows(test.ctx, rules...) != (test.want == 0):
				t.Errorf("%s: error %v, want status %d", name, err, test.want)
			case err != nil && (refusal.Status != test.want || refusal.Reason != consumer.ReasonAudience):
				t.Errorf("%s: refusal %+v", name, refusal)
			}
		}
	}
}
