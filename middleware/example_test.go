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
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// send sends a request and prints the status and the challenge that a client receives.
func send(h http.Handler, method, path, token string) {
	r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("WWW-Authenticate"))))
}

// exampleVerifier returns a Consumer for an issuer that runs in this process.
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
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only without a Guard, or with Optional or AllowPreflight
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
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

	send(mux, "GET", "/orders", "")
	send(mux, "GET", "/orders", issuer.AccessToken().Set("aud", "https://other.test").Sign())
	send(mux, "GET", "/orders", issuer.AccessToken().Set("scope", "profile").Sign())
	send(mux, "GET", "/orders", issuer.AccessToken().Set("scope", "orders:read").Sign())
	// Output:
	// 401 Bearer realm="api", scope="orders:read"
	// 401 Bearer realm="api", error="invalid_token", scope="orders:read"
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:read"
	// 200
}

// One policy lists the rules of all routes. A route that needs no token is registered outside of the Guard, so everything
// in the policy is protected.
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
		"GET /me":             {}, // any valid token
	}, app)
	if err != nil {
		fmt.Println(err)
		return
	}
	root := http.NewServeMux()
	root.Handle("/", guarded)
	root.Handle("GET /healthz", app)

	token := issuer.AccessToken().Set("scope", "orders:read").Sign()
	send(root, "GET", "/orders", token)
	send(root, "DELETE", "/orders/7", token)
	send(root, "GET", "/me", token)
	send(root, "GET", "/admin", token)
	send(root, "GET", "/healthz", "")
	// Output:
	// 200
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:write"
	// 200
	// 403 Bearer realm="api"
	// 200
}

// A DenyHandler writes the body of the responses to rejected requests. The Guard still sets the challenge.
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

// A page that is public and greets users who send a token. Requests with an invalid token are rejected.
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
	send(page, "GET", "/", "")
	send(page, "GET", "/", issuer.AccessToken().Sign())
	send(page, "GET", "/", "nonsense")
	// Output:
	// hello stranger
	// 200
	// hello alice
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// Only the handler knows the owner of an order. It uses Deny to reject requests of other users.
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
		token, ok := middleware.TokenFromContext(r.Context())
		if owner := "bob"; !ok || token.Subject() != owner {
			guard.Deny(w, r, &middleware.Refusal{Status: http.StatusForbidden})
			return
		}
	}))
	send(show, "GET", "/orders/7", issuer.AccessToken().Sign())
	// Output: 403 Bearer realm="api"
}

// The audience changes while requests are served. Existing handlers use the new Config from the next request on.
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
	send(orders, "GET", "/orders", token)

	changed, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://v2.api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := changed.Warm(context.Background()); err != nil { // fetch the keys before the first request needs them
		fmt.Println(err)
		return
	}
	if err := guard.Replace(middleware.Config{Verifier: changed}); err != nil {
		fmt.Println(err)
		return
	}
	send(orders, "GET", "/orders", token)
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token"
}

// A Check applies a rule of the application, such as a lookup in its database.
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
	send(h, "GET", "/orders", issuer.AccessToken().Set("sub", "bob").Sign())
	send(h, "GET", "/orders", issuer.AccessToken().Sign())
	database = errors.New("connection refused")
	send(h, "GET", "/orders", issuer.AccessToken().Sign())
	// Output:
	// 200
	// 403 Bearer realm="api"
	// 503
}

// Wrong: two scopes in one string, as in the scope claim. No scope contains a space, so the rule is invalid and would
// reject every request. Routes returns an error for it.
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
	// Output: middleware: Routes: pattern "GET /orders": Scopes: "orders:read orders:write" is not a scope (RFC 6749 section 3.3)
}

// A proxy sends its own token in a header, and the application uses the Authorization header for something else. Only
// the listed header is read.
func ExampleHeaderToken() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier:     verifier,
		TokenSources: []middleware.TokenSource{middleware.HeaderToken("X-Proxy-Token")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer token-of-the-application")
	r.Header.Set("X-Proxy-Token", issuer.AccessToken().Sign())
	w := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(listOrders)).ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 hello alice
}

// A web page has a session cookie, and its scripts send a token in the header. The header takes precedence.
func ExampleFirstOf() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		TokenSources: []middleware.TokenSource{
			middleware.FirstOf(middleware.BearerToken, middleware.CookieToken("__Host-session")),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Sign())
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: issuer.AccessToken().Set("sub", "bob").Sign()})
	w := httptest.NewRecorder()
	guard.Handler(http.HandlerFunc(listOrders)).ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 hello alice
}

// The API publishes its metadata document (RFC 9728). The document lists the issuer of the Verifier and the scopes of the rules.
func ExampleGuard_MetadataHandler() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://login.example.com"}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.example.com/v1"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		Resource: "https://api.example.com/v1",
		Metadata: resourcemetadata.Metadata{ResourceName: "Orders"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle(guard.MetadataPath(), guard.MetadataHandler())
	mux.Handle("GET /v1/orders", guard.With(middleware.Scopes("orders:read"))(http.NotFoundHandler()))

	for _, path := range []string{"/v1/orders", guard.MetadataPath()} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil))
		if w.Code == http.StatusOK {
			fmt.Print(w.Body)
			continue
		}
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 401 Bearer realm="api", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/v1", scope="orders:read"
	// {"authorization_servers":["https://login.example.com"],"bearer_methods_supported":["header"],"resource":"https://api.example.com/v1","resource_name":"Orders","scopes_supported":["orders:read"]}
}

// A handler decides about one operation in the request. The challenge lists the scopes of the route and of the operation.
func ExampleApply() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	operations := map[string][]middleware.Rule{
		"list":   nil,
		"delete": {middleware.Scopes("orders:delete")},
	}
	for _, rules := range operations {
		guard.Declare(rules...)
	}
	api := guard.With(middleware.Scopes("orders"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rules, known := operations[r.URL.Query().Get("operation")]
		if !known {
			http.NotFound(w, r)
			return
		}
		if err := middleware.Apply(r.Context(), rules...); err != nil {
			guard.Deny(w, r, err)
			return
		}
		fmt.Fprintln(w, "done")
	}))
	for _, operation := range []string{"list", "delete"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/?operation="+operation, nil)
		r.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders").Sign())
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header()["Www-Authenticate"])
	}
	// Output:
	// 200 []
	// 403 ["Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders orders:delete\""]
}
