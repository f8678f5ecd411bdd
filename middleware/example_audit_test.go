package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// An audit log names who was admitted and who was rejected. Decision.Token is set if a rule rejected the token, and nil
// if the token could not be verified.
func ExampleDecision_audit() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		OnDecision: func(_ context.Context, d middleware.Decision) {
			who := "unknown"
			if d.Token != nil {
				who = d.Token.Subject()
			}
			fmt.Printf("audit: status=%d user=%s reason=%q rule=%q\n", d.Status, who, d.Reason, d.Rule)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders))
	send(orders, "GET", "/orders", issuer.AccessToken().Set("scope", "orders:read").Sign())
	send(orders, "GET", "/orders", issuer.AccessToken().Set("scope", "profile").Sign())
	send(orders, "GET", "/orders", issuer.AccessToken().Set("exp", 1).Sign())
	// Output:
	// audit: status=200 user=alice reason="" rule=""
	// 200
	// audit: status=403 user=alice reason="scope" rule="scope"
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:read"
	// audit: status=401 user=unknown reason="expired" rule=""
	// 401 Bearer realm="api", error="invalid_token", scope="orders:read"
}

// accessKey is the key of the accessEntry in the context of a request.
type accessKey struct{}

// accessEntry is what the access log shows of a request.
type accessEntry struct{ subject string }

// noteSubject is an OnDecision. It adds the subject to the accessEntry of the request.
func noteSubject(ctx context.Context, d middleware.Decision) {
	if entry, ok := ctx.Value(accessKey{}).(*accessEntry); ok && d.Token != nil {
		entry.subject = d.Token.Subject()
	}
}

// accessLog writes a line for each request. It is in front of the Guard, so it also sees rejected requests.
func accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entry := &accessEntry{subject: "-"}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accessKey{}, entry)))
		fmt.Println("access:", r.Method, r.URL.Path, entry.subject)
	})
}

// An access log is in front of the Guard and writes its line after the response. The context of a request is also the
// context of OnDecision, so OnDecision can pass the subject to the log.
func ExampleDecision_accessLog() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: noteSubject})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := accessLog(guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
	send(orders, "GET", "/orders", issuer.AccessToken().Set("scope", "orders:read").Sign())
	send(orders, "GET", "/orders", issuer.AccessToken().Set("scope", "profile").Sign())
	send(orders, "GET", "/orders", "")
	// Output:
	// access: GET /orders alice
	// 200
	// access: GET /orders alice
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:read"
	// access: GET /orders -
	// 401 Bearer realm="api", scope="orders:read"
}

// Keycloak stores the roles of a client under its client id, which may be a host name with dots.
func ExampleRolePath() {
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
	admin := middleware.RolePath([]string{"resource_access", "orders.example.com", "roles"}, "admin")
	orders := guard.With(admin)(http.HandlerFunc(listOrders))
	access := func(role string) map[string]any {
		return map[string]any{"orders.example.com": map[string]any{"roles": []string{role}}}
	}
	send(orders, "GET", "/orders", issuer.AccessToken().Set("resource_access", access("admin")).Sign())
	send(orders, "GET", "/orders", issuer.AccessToken().Set("resource_access", access("clerk")).Sign())
	// Output:
	// 200
	// 403 Bearer realm="api"
}

// A Verifier of the application accepts API keys. It makes its tokens with consumer.NewToken.
func ExampleConfig_verifier() {
	keys := map[string]string{"key-7": "alice"}
	verifier := verifierFunc(func(_ context.Context, raw string) (*consumer.Token, error) {
		owner, ok := keys[raw]
		if !ok {
			return nil, fmt.Errorf("%w: unknown API key", consumer.ErrInvalidToken)
		}
		claims, err := json.Marshal(map[string]any{"sub": owner, "scope": "orders:read"})
		if err != nil {
			return nil, err
		}
		return consumer.NewToken("https://keys.example.com", claims)
	})
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders := guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders))
	send(orders, "GET", "/orders", "key-7")
	send(orders, "GET", "/orders", "key-8")
	// Output:
	// 200
	// 401 Bearer realm="api", error="invalid_token", scope="orders:read"
}
