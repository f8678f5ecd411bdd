package fiberauth_test

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
)

// BenchmarkWarm measures a Guard with a token in its cache, for a request with eight header fields: behind net/http, and
// behind Fiber with the conversion. "fiber without a Guard" is the rest of Fiber's part. Parsing and sending are not
// measured. The package comment states the results.
func BenchmarkWarm(b *testing.B) {
	guard, issuer := newGuard(b, nil)
	raw := "GET /orders?page=2 HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + issuer.AccessToken().Sign() + "\r\n" +
		"User-Agent: shop/1.0\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\nX-Request-Id: 4711\r\n" +
		"Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nCookie: theme=dark\r\n\r\n"

	b.Run("net/http", func(b *testing.B) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			b.Fatal(err)
		}
		handler := guard.With()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(nil, r)
		}
	})
	for name, chain := range map[string][]fiber.Handler{
		"fiber":                 {fiberauth.Middleware(guard), func(fiber.Ctx) error { return nil }},
		"fiber without a Guard": {func(fiber.Ctx) error { return nil }},
	} {
		b.Run(name, func(b *testing.B) {
			var request fasthttp.Request
			if err := request.Read(bufio.NewReader(strings.NewReader(raw))); err != nil {
				b.Fatal(err)
			}
			var connection fasthttp.RequestCtx
			connection.Init(&request, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1234}, nil)
			app := fiber.New()
			app.Get("/orders", chain[0], handlers(chain[1:])...)
			handler := app.Handler()
			b.ReportAllocs()
			for b.Loop() {
				handler(&connection)
				if status := connection.Response.StatusCode(); status != http.StatusOK {
					b.Fatal(status)
				}
			}
		})
	}
}
