// Package httpauth guards net/http handlers with a [middleware.Guard]. Its functions have the same names as those of the
// other adapters.
//
//	mux := http.NewServeMux()
//	mux.Handle("GET /orders", httpauth.Middleware(guard, middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		token, ok := httpauth.Token(r)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			http.Error(w, "no token", http.StatusUnauthorized)
//			return
//		}
//		fmt.Fprintln(w, "hello", token.Subject())
//	}
//
// Use it for code that looks the same with every framework, and for routers that accept net/http middleware. It adds
// nothing to the With and Handler methods of the Guard.
package httpauth

import (
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware is [middleware.Guard.With]. It calls the next handler if the request has a valid token that meets every rule,
// and rejects all other requests itself. If it is nested, the rules of all levels apply, and the same Guard verifies the
// token once.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) func(http.Handler) http.Handler {
	return g.With(rules...)
}

// Token returns the verified token of the request. It reports false, with a nil token, if there is none: outside of a
// Guard, for a request that [middleware.Config].Optional let pass without credentials, and for a preflight that its
// AllowPreflight let pass. Check the result before you use the token.
func Token(r *http.Request) (*consumer.Token, bool) {
	return middleware.TokenFromContext(r.Context())
}
