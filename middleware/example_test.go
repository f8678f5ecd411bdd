package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// ask shows what a client gets to see of an answer.
func ask(h http.Handler, method, path, token string) {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("WWW-Authenticate"))))
}

// exampleVerifier trusts an issuer that lives in this process.
func exampleVerifier() (*bearertest.Issuer, *consumer.Consumer, error) {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
	})
	return issuer, verifier, err
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	_, _ = fmt.Fprintln(w, "hello", token.Subject())
}

func ExampleGuard_With() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))

	ask(mux, "GET", "/orders", "")
	ask(mux, "GET", "/orders", issuer.AccessToken().Set("aud", "https://other.test").Sign())
	ask(mux, "GET", "/orders", issuer.AccessToken().Set("scope", "profile").Sign())
	ask(mux, "GET", "/orders", issuer.AccessToken().Set("scope", "orders:read").Sign())
	// Output:
	// 401 Bearer realm="api"
	// 401 Bearer realm="api", error="invalid_token"
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:read"
	// 200
}

// One table says who may do what. A route that is open to everybody stands beside the Guard, so that nobody has to
// search the table for what it does not protect.
func ExampleGuard_Routes() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}) // the router of your choice
	guarded, err := guard.Routes(map[string][]middleware.Rule{
		"GET /orders":         {middleware.Scopes("orders:read")},
		"DELETE /orders/{id}": {middleware.Scopes("orders:write"), middleware.Role("realm_access.roles", "admin")},
		"GET /me":             {}, // a token, whatever it allows
	}, app)
	if err != nil {
		fmt.Println(err)
		return
	}
	root := http.NewServeMux()
	root.Handle("/", guarded)
	root.Handle("GET /healthz", app)

	token := issuer.AccessToken().Set("scope", "orders:read").Sign()
	ask(root, "GET", "/orders", token)
	ask(root, "DELETE", "/orders/7", token)
	ask(root, "GET", "/me", token)
	ask(root, "GET", "/admin", token)
	ask(root, "GET", "/healthz", "")
	// Output:
	// 200
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:write"
	// 200
	// 403 Bearer realm="api"
	// 200
}

// The body of a refusal is the application's, the challenge stays.
func ExampleConfig_denyHandler() {
	_, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		DenyHandler: func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(refusal.Status)
			_, _ = fmt.Fprintf(w, `{"code":%q}`, refusal.Code)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer nonsense")
	w := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(listOrders)).ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Println(w.Body)
	// Output:
	// 401 Bearer realm="api", error="invalid_token"
	// {"code":"invalid_token"}
}

// A page that greets those it knows, and serves the others as well.
func ExampleConfig_optional() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Optional: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	page := guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if token, ok := middleware.TokenFromContext(r.Context()); ok {
			fmt.Println("hello", token.Subject())
			return
		}
		fmt.Println("hello stranger")
	}))
	ask(page, "GET", "/", "")
	ask(page, "GET", "/", issuer.AccessToken().Sign())
	ask(page, "GET", "/", "nonsense") // who shows a bad token is told so
	// Output:
	// hello stranger
	// 200
	// hello alice
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// Whether an order belongs to the caller is known to the handler alone. It refuses through the Guard, too.
func ExampleGuard_Deny() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		if owner := "bob"; token.Subject() != owner {
			guard.Deny(w, r, &middleware.Refusal{Status: http.StatusForbidden})
			return
		}
	}))
	ask(show, "GET", "/orders/7", issuer.AccessToken().Sign())
	// Output: 403 Bearer realm="api"
}

// The audience changes while requests are served. Handlers made before go by the new one at once.
func ExampleGuard_Replace() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := guard.Handler(http.HandlerFunc(listOrders))
	token := issuer.AccessToken().Sign()
	ask(orders, "GET", "/orders", token)

	changed, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://v2.api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := changed.Warm(context.Background()); err != nil { // no request has to wait for keys
		fmt.Println(err)
		return
	}
	if err := guard.Replace(middleware.Config{Verifier: changed}); err != nil {
		fmt.Println(err)
		return
	}
	ask(orders, "GET", "/orders", token)
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// A Check asks what only the application knows.
func ExampleCheck() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	var database error
	subscribed := middleware.Check("subscribed", func(_ context.Context, token *consumer.Token) error {
		if database != nil {
			return fmt.Errorf("%w: %w", consumer.ErrUnavailable, database)
		}
		if token.Subject() != "bob" {
			return errors.New("no subscription")
		}
		return nil
	})
	h := guard.With(subscribed)(http.HandlerFunc(listOrders))
	ask(h, "GET", "/orders", issuer.AccessToken().Set("sub", "bob").Sign())
	ask(h, "GET", "/orders", issuer.AccessToken().Sign())
	database = errors.New("connection refused")
	ask(h, "GET", "/orders", issuer.AccessToken().Sign())
	// Output:
	// 200
	// 403 Bearer realm="api"
	// 503
}

// Wrong: two scopes in one string, as the claim has them. No token could ever have such a scope, so the rule refuses
// every request, and Routes says so before there is one.
func ExampleScopes_wrong() {
	_, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = guard.Routes(map[string][]middleware.Rule{
		"GET /orders": {middleware.Scopes("orders:read orders:write")},
	}, http.NotFoundHandler())
	fmt.Println(err)
	// Output: middleware: Routes: pattern "GET /orders": Scopes: "orders:read orders:write" is not a scope (RFC 6749 §3.3)
}
