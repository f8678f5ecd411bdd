// Package ginauth puts a [middleware.Guard] in front of gin's handlers.
//
//	router := gin.New()
//	router.GET("/orders", ginauth.Middleware(guard, middleware.Scopes("orders:read")), listOrders)
//
//	func listOrders(c *gin.Context) {
//		token, _ := ginauth.Token(c)
//		c.String(http.StatusOK, "hello %s", token.Subject())
//	}
//
// What is refused, and with which answer, is the Guard's business: the answer is that of [middleware.Guard.With], byte
// for byte. A refusal aborts the chain, so no handler behind the Guard runs.
package ginauth

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware lets a request through to the next handler of the chain if it carries a good token that meets every rule;
// other requests it answers itself. It may stand on the engine, on a group and on a route at once: the rules of all
// apply, and the token is verified once by the same Guard.
//
// The token is in the context of c.Request, so that [middleware.TokenFromContext] finds it in code which knows nothing
// of gin.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) gin.HandlerFunc {
	guard := g.With(rules...)
	return func(c *gin.Context) {
		admitted := false
		defer func() { // also after a panic, as a recovery that forgets to abort would let the handlers run
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

// Token returns the verified token of the request. It reports false if there is none: outside of a Guard, in a
// cross-origin preflight, and where the Guard is Optional and the request came without credentials.
func Token(c *gin.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Request.Context())
}
