package middleware_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// Replace changes both issuer and realm while requests with tokens of both issuers arrive. One Config decides about each
// request and writes its response, also through nested Withs.
func TestReplace_RulesAreNotMixed(t *testing.T) {
	t.Parallel()
	issuers := [2]*bearertest.Issuer{newIssuer("https://0.test"), newIssuer("https://1.test")}
	var configs [2]middleware.Config
	var tokens [2]string
	for i, issuer := range issuers {
		configs[i] = middleware.Config{Verifier: newConsumer(t, issuer), Realm: fmt.Sprintf("realm %d", i)}
		tokens[i] = issuer.AccessToken().Set("scope", "orders:read").Sign()
	}
	g := newGuard(t, configs[0])
	api := g.Handler(hello)
	routes, err := g.Routes(map[string][]middleware.Rule{"GET /orders": {middleware.Scopes("orders:read")}}, hello)
	if err != nil {
		t.Fatal(err)
	}

	var admitted, rejected atomic.Int64
	var traffic sync.WaitGroup
	stop := make(chan struct{})
	for worker := range 4 {
		traffic.Go(func() {
			for i := worker; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				from, handler := i%2, []http.Handler{api, routes}[i/2%2]
				w := serve(handler, request(t, tokens[from]))
				switch other := fmt.Sprintf(`realm="realm %d", error="invalid_token"`, 1-from); {
				case w.Code == http.StatusOK:
					admitted.Add(1)
				case w.Code == http.StatusUnauthorized && strings.Contains(challengeOf(w), other):
					rejected.Add(1)
				default:
					t.Errorf("a token of issuer %d got %d %s", from, w.Code, challengeOf(w))
				}
			}
		})
	}
	for i := range 500 {
		if err := g.Replace(configs[(i+1)%2]); err != nil {
			t.Error(err)
		}
		if w := serve(api, request(t, tokens[(i+1)%2])); w.Code != http.StatusOK {
			t.Errorf("directly after Replace, the new Config responded with %d", w.Code)
		}
		if w := serve(api, request(t, tokens[i%2])); w.Code != http.StatusUnauthorized {
			t.Errorf("directly after Replace, the old issuer got %d", w.Code)
		}
	}
	close(stop)
	traffic.Wait()
	if admitted.Load() == 0 || rejected.Load() == 0 {
		t.Errorf("%d accepted, %d rejected, want some of both", admitted.Load(), rejected.Load())
	}
}

func newIssuer(url string) *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Algorithms: []string{"ES256"}})
}

// A token that the outer With verified under the old Config is verified again under the new one.
func TestReplace_BetweenNestedWiths(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("https://0.test")
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	replace := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := g.Replace(middleware.Config{Verifier: newConsumer(t, newIssuer("https://1.test"))}); err != nil {
				t.Error(err)
			}
			next.ServeHTTP(w, r)
		})
	}
	w := serve(g.Handler(replace(g.Handler(hello))), request(t, issuer.AccessToken().Sign()))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got %d", w.Code)
	}
}

func TestReplace_FaultChangesNothing(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("https://0.test")
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), Resource: "https://api.test/v1"})
	if err := g.Replace(middleware.Config{Realm: "\n"}); err == nil || !strings.Contains(err.Error(), "Realm") {
		t.Errorf("got %v", err)
	}
	if w := serve(g.Handler(hello), request(t, issuer.AccessToken().Sign())); w.Code != http.StatusOK {
		t.Errorf("got %d", w.Code)
	}
	if err := g.Replace(middleware.Config{Verifier: acceptAll, Realm: "new", Resource: "https://api.test/v2"}); err != nil {
		t.Fatal(err)
	}
	if path := g.MetadataPath(); path != "/.well-known/oauth-protected-resource/v2" {
		t.Errorf("MetadataPath is %s", path)
	}
	if got := challengeOf(serve(deniedBy(g, middleware.ErrNoToken), request(t, ""))); !strings.Contains(got, `realm="new"`) {
		t.Errorf("Deny wrote %s", got)
	}
}

func deniedBy(g *middleware.Guard, err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Deny(w, r, err) })
}
