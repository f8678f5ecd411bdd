// Package fiberauth guards the handlers of Fiber v3 with a [middleware.Guard].
//
//	app := fiber.New()
//	app.Get("/orders", fiberauth.Middleware(guard, middleware.Scopes("orders:read")), listOrders)
//
//	func listOrders(c fiber.Ctx) error {
//		token, ok := fiberauth.Token(c)
//		if !ok { // only without a Guard, or with Optional or AllowPreflight
//			return fiber.ErrUnauthorized
//		}
//		return c.SendString("hello " + token.Subject())
//	}
//
// The response to a rejected request has the status, the header fields and the body of [middleware.Guard.With]. The middleware
// writes it and returns nil, so Fiber does not call its ErrorHandler. To write other responses, set DenyHandler in
// [middleware.Config].
//
// Set ReadBufferSize in fiber.Config to 32 KiB. With the default of 4 KiB, Fiber rejects requests with long tokens before the
// Guard runs. docs/frameworks/fiber.md lists the differences from net/http.
//
// # Conversion
//
// Fiber uses fasthttp, so the package makes a [net/http.Request] for the Guard. Its strings are copies, because fasthttp
// reuses its buffers. Its path and method are those that Fiber uses for routing. It has no trailer fields.
//
// For a request with eight header fields, the conversion takes about 1.6 µs, 11 allocations and 1.7 KB. With a token in the
// cache, a Guard takes 0.55 µs and 2 allocations with net/http, and 2.2 µs and 13 allocations with Fiber. If Guards are
// nested, each of them converts the request again.
//
// If StreamRequestBody is set in fiber.Config, the connection of each rejected request with a body is closed. Otherwise,
// fasthttp would read the rest of the body as the next request.
//
// # Fiber's adaptor package
//
// Do not pass a Guard to adaptor.HTTPMiddleware. If a request has several header fields with the same name, it keeps only one of
// them, so the Guard could not reject a request with two tokens. adaptor.FiberApp does the same. Put the Guard in front of
// such an app, with [middleware.Guard.With]. A Guard inside of the app treats no peer as a listed proxy.
package fiberauth

import (
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns a fiber.Handler that calls the next handler of the chain if the request has a valid token that meets
// every rule. It rejects all other requests itself. If it is used on the app, on a group and on a route together, the rules of
// all levels apply, and one Guard verifies the token once. The result is safe for concurrent use.
//
// The token is in c.Context(), where [middleware.TokenFromContext] also finds it. To find it in a net/http handler, wrap the
// handler with adaptor.HTTPHandlerWithContext, and pass the result of adaptor.LocalContextFromHTTPRequest to TokenFromContext.
//
// fasthttp does not notice that a client closes the connection. To limit how long the Guard may wait, for example for keys, set
// a context with a deadline in a middleware in front of the Guard, with c.SetContext.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) fiber.Handler {
	guard := g.With(rules...)(http.HandlerFunc(admit))
	return func(c fiber.Ctx) error {
		w, r := &response{c: c}, newRequest(c)
		defer w.closeUnlessAdmitted(r.ContentLength != 0) // also after a panic of a rule
		sent := r.Body                                    // a Guard may replace r.Body
		guard.ServeHTTP(w, r)
		_ = sent.Close() // always nil
		if w.admitted == nil {
			return nil
		}
		w.setHeader()
		c.SetContext(w.admitted.Context())
		return c.Next()
	}
}

// admit is the handler behind the Guard. It stores the admitted request in w.
func admit(w http.ResponseWriter, r *http.Request) {
	if w, ok := w.(*response); ok { // always true
		w.admitted = r
	}
}

// Token returns the verified token of the request. It returns nil and false outside of a Guard, and for a request that
// Optional or AllowPreflight of [middleware.Config] let pass without a token. Check the second result before you use the
// token.
func Token(c fiber.Ctx) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Context())
}
