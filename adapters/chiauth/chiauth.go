// Package chiauth guards the handlers of a chi router with a [middleware.Guard].
//
//	router := chi.NewRouter()
//	router.With(chiauth.Middleware(guard, middleware.Scopes("orders:read"))).Get("/orders", listOrders)
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, ok := chiauth.Token(r)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			http.Error(w, "no token", http.StatusUnauthorized)
//			return
//		}
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// chi uses net/http middleware, so the Guard's With method works as well. The package adds [Pattern], which returns the
// route for use as a label of metrics.
package chiauth

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns a middleware that calls the next handler if the request has a valid token that meets every rule. It
// rejects all other requests itself. Pass it to Use or With of a router. If it is nested, the rules of all levels apply,
// and the same Guard verifies the token once.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	return g.With(rules...)
}

// Token returns the verified token of the request. It reports false, with a nil token, if there is none: outside of a
// Guard, for a request that [middleware.Config].Optional let pass without credentials, and for a preflight that its
// AllowPreflight let pass. Check the result before you use the token.
func Token(r *http.Request) (*consumer.Token, bool) {
	return middleware.TokenFromContext(r.Context())
}

// Pattern returns the pattern of the route of a request, such as /orders/{id}. ctx is the context of the request, for
// example the one that [middleware.Config].OnDecision receives. Unlike a path, a pattern can serve as a label of
// metrics, because there are only as many patterns as routes.
//
// In a middleware of With or Group, Pattern returns the whole pattern. A middleware of Use runs before its router has
// found the route. Pattern then returns what the outer routers have matched, which is empty in the outermost router.
// Pattern is also empty outside of a chi router. Call it only while the request is served, because chi reuses its
// contexts.
func Pattern(ctx context.Context) string {
	return chi.RouteContext(ctx).RoutePattern()
}
