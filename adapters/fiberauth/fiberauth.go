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
// The response to a rejected request has the status, the header fields and the body of [middleware.Guard.With]. It is
// written at once and is not an error to Fiber, so the ErrorHandler does not run. To write other responses, set DenyHandler
// in [middleware.Config].
//
// Set ReadBufferSize in fiber.Config to 32 KiB. With the default of 4 KiB, Fiber rejects requests with long tokens before the
// Guard runs. docs/routers.md lists the differences from net/http.
//
// # Conversion
//
// Fiber uses fasthttp, so the package makes a [net/http.Request] for the Guard. Every string in it is a copy, because fasthttp
// reuses its buffers. The path and the method are those on which Fiber routes. Trailer fields are left out.
//
// For a request with eight header fields, the conversion takes about 1.6 µs, 11 allocations and 1.7 KB. With a token in the
// cache, a Guard takes 0.55 µs and 2 allocations behind net/http, and 2.2 µs and 13 allocations behind Fiber. Each Guard
// converts the request again, also if Guards are nested.
//
// If StreamRequestBody is set in fiber.Config, the Guard closes the connection of each rejected request that has a body:
// fasthttp would read the rest of the body as the next request.
//
// # Fiber's adaptor package
//
// Do not pass a Guard to adaptor.HTTPMiddleware. It keeps only one of several header fields with the same name, so the Guard
// could not reject a request with two tokens. The same is true for an app in adaptor.FiberApp: put the Guard in front of it,
// with [middleware.Guard.With]. A Guard inside of it treats no peer as a listed proxy.
package fiberauth

import (
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Middleware returns a fiber.Handler that calls the next handler of the chain if the request has a valid token that meets
// every rule. It rejects all other requests itself. It may be used on the app, on a group and on a route at once. Then the
// rules of all apply, and the same Guard verifies the token once.
//
// The token is in c.Context(), where [middleware.TokenFromContext] also finds it. To find it in a net/http handler, wrap the
// handler with adaptor.HTTPHandlerWithContext, and pass the result of adaptor.LocalContextFromHTTPRequest to TokenFromContext.
//
// fasthttp does not notice that a client closes the connection. The Guard stops waiting only if c.Context() ends, which a
// middleware in front of the Guard can set.
func Middleware(g *middleware.Guard, rules ...middleware.Rule) fiber.Handler {
	guard := g.With(rules...)(http.HandlerFunc(admit))
	return func(c fiber.Ctx) error {
		w, r := &response{c: c}, newRequest(c)
		defer w.closeUnlessAdmitted(r.ContentLength != 0) // also after a panic of a rule
		sent := r.Body                                    // a Guard may replace it
		guard.ServeHTTP(w, r)
		_ = sent.Close() // it returns nil
		if w.admitted == nil {
			return nil
		}
		w.setHeader()
		c.SetContext(w.admitted.Context())
		return c.Next()
	}
}

// admit is the handler behind the Guard. It stores the request that was admitted.
func admit(w http.ResponseWriter, r *http.Request) {
	if w, ok := w.(*response); ok { // it always is
		w.admitted = r
	}
}

// Token returns the verified token of the request. It reports false, with a nil token, if there is none: outside of a
// Guard, for a request that [middleware.Config].Optional let pass without credentials, and for a preflight that its
// AllowPreflight let pass. Check the result before you use the token.
func Token(c fiber.Ctx) (*consumer.Token, bool) {
	return middleware.TokenFromContext(c.Context())
}
