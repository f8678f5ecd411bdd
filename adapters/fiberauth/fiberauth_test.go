package fiberauth_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }

// TestConformance runs the table through a fasthttp server.
func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(routes []adaptertest.Route) http.Handler { return bridge(t, build(routes)) })
}

func build(routes []adaptertest.Route) *fiber.App {
	app := fiber.New(fiber.Config{ReadBufferSize: 64 << 10}) // for a token that is too large
	app.Use(fiberrecover.New(), inContext)
	for _, route := range routes {
		group := app.Group("", handlers(guarded(route.Group))...)
		chain := append(guarded(route.Guards), behind(route.Behind), handler(route))
		group.Add([]string{route.Method}, strings.ReplaceAll(route.Path, "{id}", ":id"), chain[0], handlers(chain[1:])...)
	}
	return app
}

// handlers returns chain in the form of Fiber's parameters.
func handlers(chain []fiber.Handler) []any {
	var all []any
	for _, handler := range chain {
		all = append(all, handler)
	}
	return all
}

func guarded(guards []adaptertest.Guarded) []fiber.Handler {
	var chain []fiber.Handler
	for _, guarded := range guards {
		chain = append(chain, fiberauth.Middleware(guarded.Guard, guarded.Rules...))
	}
	return chain
}

func behind(note func()) fiber.Handler {
	return func(c fiber.Ctx) error {
		note()
		return c.Next()
	}
}

func handler(route adaptertest.Route) fiber.Handler {
	return func(c fiber.Ctx) error {
		token, ok := fiberauth.Token(c)
		r, err := http.NewRequestWithContext(c.Context(), c.Method(), c.OriginalURL(), bytes.NewReader(c.Body()))
		if err != nil {
			return err
		}
		id, err := url.PathUnescape(c.Params("id"))
		if err != nil {
			return err
		}
		w := httptest.NewRecorder()
		if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: id}); err != nil {
			return err
		}
		for name, lines := range w.Result().Header {
			for _, line := range lines {
				c.Response().Header.Add(name, line)
			}
		}
		return c.Status(w.Code).Send(w.Body.Bytes())
	}
}

// goneHeader marks requests whose client is gone. fasthttp does not notice that, so inContext cancels their contexts.
const goneHeader = "X-Test-Gone"

// inContext is a middleware that sets the context of the request. It adds the value that the table expects from net/http.
func inContext(c fiber.Ctx) error {
	ctx, cancel := context.WithCancel(context.WithValue(c.Context(), http.ServerContextKey, c.App()))
	defer cancel()
	if c.Get(goneHeader) != "" {
		cancel()
	}
	c.SetContext(ctx)
	return c.Next()
}

// bridge starts a server for app. It returns a handler that sends its requests to this server, and sends the responses back
// unchanged.
func bridge(t *testing.T, app *fiber.App) http.Handler {
	t.Helper()
	address := start(t, app)
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(context.WithoutCancel(r.Context()))
		if r.Context().Err() != nil {
			out.Header.Set(goneHeader, "yes")
		}
		out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", address
		response, err := transport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = response.Body.Close() }()
		if response.ContentLength != 0 {
			w.Header()["Content-Type"] = nil // net/http must not add one
		}
		for name, lines := range response.Header {
			w.Header()[name] = lines
		}
		if r.Context().Err() != nil {
			w.Header().Del("Content-Length") // the table does not send this request over a connection, which adds it
		}
		w.WriteHeader(response.StatusCode)
		if _, err := io.Copy(w, response.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// newGuard returns a Guard for the tokens of a new issuer. change may be nil.
func newGuard(t testing.TB, change func(*middleware.Config)) (*middleware.Guard, *bearertest.Issuer) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(), Logger: logscan.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := middleware.Config{Verifier: verifier, Logger: logscan.Logger()}
	if change != nil {
		change(&cfg)
	}
	guard, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return guard, issuer
}
