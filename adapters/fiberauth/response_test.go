package fiberauth_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/middleware"
)

// earlier is a middleware that has written a part of a response before the Guard runs.
func earlier(c fiber.Ctx) error {
	c.Set("X-Request-Id", "7")
	c.Set("Server", "mine")
	c.Append("Vary", "Origin")
	c.Append("Vary", "Accept")
	c.Set("Access-Control-Expose-Headers", "X-Request-Id")
	c.Cookie(&fiber.Cookie{Name: "seen", Value: "yes"})
	return c.Next()
}

// TestEarlierHeader checks that the Guard keeps the header fields of an earlier middleware, adds to them, and replaces a body.
func TestEarlierHeader(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) {
		cfg.DPoP = &middleware.DPoPConfig{URL: "https://api.test", ExposeHeaders: true}
		cfg.TokenSources = []middleware.TokenSource{middleware.BearerToken}
	})
	for name, config := range map[string]fiber.Config{"": {}, "as sent": {DisableHeaderNormalizing: true}} {
		app := fiber.New(config)
		app.Use(earlier, func(c fiber.Ctx) error {
			c.Response().SetBodyString("left over")
			c.Type("html")
			return c.Next()
		})
		app.Get("/orders", fiberauth.Middleware(guard), hello)
		address := start(t, app)
		const request = "GET /orders HTTP/1.1\r\nHost: api.test\r\nOrigin: https://app.test\r\n"
		for sent, want := range map[string]struct{ contentType, expose, cache, body string }{
			request + "\r\n": {
				"application/problem+json", "X-Request-Id, DPoP-Nonce, WWW-Authenticate", "no-store", "{\"title\":\"Unauthorized\",\"status\":401}\n",
			},
			request + "Authorization: Bearer " + issuer.AccessToken().Sign() + "\r\n\r\n": {
				"text/html; charset=utf-8", "X-Request-Id", "private", "hello alice",
			},
		} {
			reply := exchange(t, address, sent)
			got := map[string][]string{}
			for _, name := range []string{
				"X-Request-Id", "Server", "Vary", "Access-Control-Expose-Headers", "Set-Cookie", "Content-Type", "Cache-Control",
			} {
				got[name] = reply.header.Values(name)
			}
			if diff := cmp.Diff(map[string][]string{
				"X-Request-Id": {"7"}, "Server": {"mine"}, "Vary": {"Origin, Accept"}, "Set-Cookie": {"seen=yes; path=/; SameSite=Lax"},
				"Access-Control-Expose-Headers": {want.expose}, "Content-Type": {want.contentType}, "Cache-Control": {want.cache},
			}, got); diff != "" {
				t.Errorf("%s: header (-want +got):\n%s", name, diff)
			}
			if reply.body != want.body {
				t.Errorf("%s: body %q, want %q", name, reply.body, want.body)
			}
		}
	}
}

// TestDenyHandler checks a DenyHandler that changes header fields of earlier middleware and leaves out others.
func TestDenyHandler(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, func(cfg *middleware.Config) {
		cfg.DenyHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Refusal) {
			h := w.Header()
			h.Del("X-Request-Id")
			h.Add("X-Twice", "a")
			h.Add("X-Twice", "b")
			h.Add("Set-Cookie", "own=1")
			h.Set("Content-Length", "1000")
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK) // which has no effect
			h.Set("X-Late", "yes")
			_, _ = io.WriteString(w, "<p>")
			_, _ = io.WriteString(w, "no</p>")
		}
	})
	app := fiber.New()
	app.Get("/orders", earlier, fiberauth.Middleware(guard), hello)
	got := exchange(t, start(t, app), "GET /orders HTTP/1.1\r\nHost: api.test\r\n\r\n")
	cookies := got.header.Values("Set-Cookie")
	slices.Sort(cookies)
	if got.status != http.StatusTeapot || got.body != "<p>no</p>" || got.length != 9 ||
		got.header.Get("Content-Type") != "text/html; charset=utf-8" || got.header.Get("X-Request-Id") != "" ||
		got.header.Get("X-Late") != "" || strings.Join(got.header.Values("X-Twice"), " ") != "a b" ||
		strings.Join(cookies, " | ") != "own=1 | seen=yes; path=/; SameSite=Lax" {
		t.Errorf("response %+v", got)
	}
}

// TestHeadOfRejection checks that the response to HEAD has no body and no Content-Length that GET would not have.
func TestHeadOfRejection(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, nil)
	got := exchange(t, start(t, guardedApp(guard)), "HEAD /orders HTTP/1.1\r\nHost: api.test\r\n\r\n")
	if got.status != http.StatusUnauthorized || len(got.header["Content-Length"]) > 0 {
		t.Errorf("response %+v", got)
	}
}
