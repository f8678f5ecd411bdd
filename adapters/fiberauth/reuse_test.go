package fiberauth_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestNoAlias checks that the request of a Guard keeps its content when fasthttp overwrites its buffers. A Guard and its hooks
// may keep strings of a request, for example in a cache.
func TestNoAlias(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]fiber.Config{
		"": {}, "unescaped": {UnescapePath: true}, "as sent": {DisableHeaderNormalizing: true}, "streamed": {StreamRequestBody: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var kept []*http.Request
			var copies []content
			guard, _ := newGuard(t, func(cfg *middleware.Config) {
				cfg.Optional = true
				cfg.TokenSources = []middleware.TokenSource{func(r *http.Request) (string, error) {
					kept, copies = append(kept, r), append(copies, contentOf(r))
					return "", nil
				}}
			})
			app := fiber.New(config)
			app.Use(fiberauth.Middleware(guard), func(c fiber.Ctx) error { return c.SendString("hello") })
			var all strings.Builder
			for _, letter := range []string{"a", "b", "c"} { // of the same length, so that each overwrites the previous one
				word := strings.Repeat(letter, 20)
				fmt.Fprintf(&all, "POST /%s/%%61?%s=%s HTTP/1.1\r\nHost: %s.test\r\nUser-Agent: %s\r\nContent-Type: %s/%s\r\nCookie: %s=%s; =%s\r\n"+
					"X-%s: %s\r\nAuthorization: Bearer %s\r\nConnection: %s\r\nContent-Length: 20\r\n\r\n%s",
					word, word, word, word, word, word, word, word, word, word, word, word, word, map[bool]string{true: "close", false: "x"}[letter == "c"], word)
			}
			if responses := exchangeAll(t, start(t, app), all.String()); len(responses) != 3 {
				t.Fatalf("%d responses", len(responses))
			}
			for i, r := range kept {
				if diff := cmp.Diff(copies[i], contentOf(r)); diff != "" {
					t.Errorf("request %d has changed (-before +now):\n%s", i, diff)
				}
			}
		})
	}
}

// content is a deep copy of the strings of a request.
type content struct {
	Method, RequestURI, Proto, Host, RemoteAddr string
	URL                                         url.URL
	Header                                      map[string][]string
}

func contentOf(r *http.Request) content {
	header := make(map[string][]string)
	for name, lines := range r.Header {
		for _, line := range lines {
			header[strings.Clone(name)] = append(header[strings.Clone(name)], strings.Clone(line))
		}
	}
	return content{
		strings.Clone(r.Method), strings.Clone(r.RequestURI), strings.Clone(r.Proto), strings.Clone(r.Host), strings.Clone(r.RemoteAddr),
		url.URL{Path: strings.Clone(r.URL.Path), RawPath: strings.Clone(r.URL.RawPath), RawQuery: strings.Clone(r.URL.RawQuery)},
		header,
	}
}

// TestManyUsersOnOneConnection checks that each request of a connection is served for its own user, also when tokens are in
// the cache, and that no token remains for a request without one.
func TestManyUsersOnOneConnection(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.Optional = true })
	tokens := make(map[string]string)
	for i := range 5 {
		user := fmt.Sprint("user", i)
		tokens[user] = issuer.AccessToken().Set("sub", user).Sign()
	}
	var kept []func() string // of earlier requests, which may run later
	app := fiber.New()
	app.Get("/open", hello)
	app.Get("/orders", fiberauth.Middleware(guard), func(c fiber.Ctx) error {
		if token, ok := fiberauth.Token(c); ok {
			kept = append(kept, token.Subject)
		}
		return hello(c)
	})
	var all strings.Builder
	var want []string
	for range 3 {
		for _, user := range slices.Sorted(maps.Keys(tokens)) {
			fmt.Fprintf(&all, "GET /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer %s\r\n\r\n", tokens[user])
			fmt.Fprint(&all, "GET /orders HTTP/1.1\r\nHost: api.test\r\n\r\n")
			fmt.Fprintf(&all, "GET /open HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer %s\r\n\r\n", tokens[user])
			want = append(want, user)
		}
	}
	fmt.Fprint(&all, "GET /orders HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
	var status []int
	for _, got := range exchangeAll(t, start(t, app), all.String()) {
		status = append(status, got.status)
	}
	wantStatus := append(slices.Repeat([]int{200, 401, 401}, 15), 401)
	if diff := cmp.Diff(wantStatus, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	var subjects []string
	for _, subject := range kept {
		subjects = append(subjects, subject())
	}
	if diff := cmp.Diff(want, subjects); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
}

// TestBodyAfterGuard checks that code that keeps the request cannot read the body of a later request of the connection.
func TestBodyAfterGuard(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]fiber.Config{"": {}, "streamed": {StreamRequestBody: true}} {
		for _, alreadyOpen := range []bool{false, true} {
			var kept io.ReadCloser
			guard, _ := newGuard(t, func(cfg *middleware.Config) {
				cfg.Optional = true
				cfg.TokenSources = []middleware.TokenSource{func(r *http.Request) (string, error) {
					kept = r.Body
					if alreadyOpen {
						if _, err := io.ReadFull(kept, make([]byte, 1)); err != nil {
							t.Error(err)
						}
					}
					return "", nil
				}}
			})
			var late []byte
			var err error
			app := fiber.New(config)
			app.Use(fiberauth.Middleware(guard), func(c fiber.Ctx) error {
				late, err = io.ReadAll(kept)
				return c.Send(c.Body())
			})
			got := exchange(t, start(t, app), "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 6\r\n\r\nsecret")
			if !errors.Is(err, http.ErrBodyReadAfterClose) || len(late) > 0 || got.body != "secret" {
				t.Errorf("%s, open %t: read %q, %v; the handler reads %q", name, alreadyOpen, late, err, got.body)
			}
		}
	}
}
