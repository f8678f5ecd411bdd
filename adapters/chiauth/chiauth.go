// Package chiauth puts a [middleware.Guard] in front of the handlers of a chi router.
//
//	router := chi.NewRouter()
//	router.With(chiauth.Middleware(guard, middleware.Scopes("orders:read"))).Get("/orders", listOrders)
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, _ := chiauth.Token(r)
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// chi's middlewares are those of net/http, so a refusal is the Guard's own. What the package adds is [Pattern], the
// route as a label.
package chiauth

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware lets a request through to the next handler if it carries a good token that meets every rule; other requests
// it answers itself. It goes with Use, With and Group of a router. Nested in itself it applies the rules of all, and the
// token is verified once by the same Guard.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	return g.With(rules...)
}

// Token returns the verified token of the request. It reports false if there is none: outside of a Guard, in a
// cross-origin preflight, and where the Guard is Optional and the request came without credentials.
func Token(r *http.Request) (*consumer.Token, bool) {
	return middleware.TokenFromContext(r.Context())
}

// Pattern returns the pattern of the route that a request takes, such as /orders/{id}, from the request's context: the
// one that [middleware.Config].OnDecision gets, for example. It takes as many values as the router has routes, whatever
// is asked for, so it serves as a label of metrics, which a path does not.
//
// It is the whole pattern where Middleware stands on routes: on With, and on Group. Use on a router runs before that
// router has found the route, so there it is what the routers around it have matched so far: empty for the outermost. It
// is empty outside of a chi router, too. Ask for it while the request is being served: chi uses its contexts again.
func Pattern(ctx context.Context) string {
	return chi.RouteContext(ctx).RoutePattern()
}
