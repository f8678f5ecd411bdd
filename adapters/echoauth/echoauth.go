// Package echoauth puts a [middleware.Guard] in front of the handlers of echo v5. For echo v4 there is echov4auth.
//
//	e := echo.New()
//	e.GET("/orders", listOrders, echoauth.Middleware(guard, middleware.Scopes("orders:read")))
//
//	func listOrders(c *echo.Context) error {
//		token, _ := echoauth.Token(c)
//		return c.String(http.StatusOK, "hello "+token.Subject())
//	}
//
// What is refused, and with which answer, is the Guard's business: the answer is that of [middleware.Guard.With], byte
// for byte. A refusal is written there and then and is no error to echo, so the HTTPErrorHandler is not asked: to write
// refusals in one's own way there is the DenyHandler of [middleware.Config].
package echoauth

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware lets a request through to the next handler if it carries a good token that meets every rule; other requests
// it answers itself. It may stand on the Echo, on a group and on a route at once: the rules of all apply, and the token
// is verified once by the same Guard.
//
// The token is in the context of c.Request(), so that [middleware.TokenFromContext] finds it in code which knows nothing
// of echo.
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

// Token returns the verified token of the request. It reports false if there is none: outside of a Guard, in a
// cross-origin preflight, and where the Guard is Optional and the request came without credentials.
func Token(c *echo.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Request().Context())
}
