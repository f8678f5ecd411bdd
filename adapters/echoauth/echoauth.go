// Package echoauth guards the handlers of echo v5 with a [middleware.Guard]. For echo v4 use echov4auth.
//
//	e := echo.New()
//	e.GET("/orders", listOrders, echoauth.Middleware(guard, middleware.Scopes("orders:read")))
//
//	func listOrders(c *echo.Context) error {
//		token, ok := echoauth.Token(c)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			return echo.ErrUnauthorized
//		}
//		return c.String(http.StatusOK, "hello "+token.Subject())
//	}
//
// The response to a rejected request is that of [middleware.Guard.With], byte for byte. It is written at once and is not
// an error to echo, so the HTTPErrorHandler does not run. To write other responses, set DenyHandler in
// [middleware.Config].
package echoauth

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns an echo.MiddlewareFunc that calls the next handler if the request has a valid token that meets every
// rule. It rejects all other requests itself. It may be used on the Echo, on a group and on a route at once. Then the
// rules of all apply, and the same Guard verifies the token once.
//
// The token is in the context of c.Request(), where [middleware.TokenFromContext] also finds it.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) echo.MiddlewareFunc {
	guard := g.With(rules...)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) (err error) {
			guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				err = next(c)
			})).ServeHTTP(c.Response(), c.Request())
			return err
		}
	}
}

// Token returns the verified token of the request. It reports false, with a nil token, if there is none: outside of a
// Guard, for a request that [middleware.Config].Optional let pass without credentials, and for a preflight that its
// AllowPreflight let pass. Check the result before you use the token.
func Token(c *echo.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Request().Context())
}
