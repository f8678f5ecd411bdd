// Package ginauth guards the handlers of gin with a [middleware.Guard].
//
//	router := gin.New()
//	router.GET("/orders", ginauth.Middleware(guard, middleware.Scopes("orders:read")), listOrders)
//
//	func listOrders(c *gin.Context) {
//		token, ok := ginauth.Token(c)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			c.AbortWithStatus(http.StatusUnauthorized)
//			return
//		}
//		c.String(http.StatusOK, "hello %s", token.Subject())
//	}
//
// The response to a rejected request is that of [middleware.Guard.With], byte for byte. A rejected request aborts the
// chain, so no handler behind the Guard runs.
package ginauth

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns a gin.HandlerFunc that calls the next handler of the chain if the request has a valid token that
// meets every rule. It rejects all other requests itself and aborts the chain. It may be used on the engine, on a group
// and on a route at once. Then the rules of all apply, and the same Guard verifies the token once.
//
// The token is in the context of c.Request, where [middleware.TokenFromContext] also finds it.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) gin.HandlerFunc {
	guard := g.With(rules...)
	return func(c *gin.Context) {
		admitted := false
		defer func() { // also after a panic: a recovery that does not abort would let the next handlers run
			if !admitted {
				c.Abort()
			}
		}()
		guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			admitted = true
			c.Request = r
		})).ServeHTTP(c.Writer, c.Request)
	}
}

// Token returns the verified token of the request. It reports false, with a nil token, if there is none: outside of a
// Guard, for a request that [middleware.Config].Optional let pass without credentials, and for a preflight that its
// AllowPreflight let pass. Check the result before you use the token.
func Token(c *gin.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Request.Context())
}
