package fiberauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	fiberrecover "github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const form = "Content-Type: application/x-www-form-urlencoded\r\n"

// TestUnreadBody checks that the body of a rejected request is never read as the next request of the connection. The bodies
// are larger than what fasthttp reads in advance.
func TestUnreadBody(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.BearerToken, middleware.FormToken}
	})
	smuggled := "GET /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + issuer.AccessToken().Sign() + "\r\n\r\n"
	filler := strings.Repeat("x", 8<<10)
	huge := strings.Repeat("x", 1<<20+1)
	for name, test := range map[string]struct {
		fields, body string
		status       int
	}{
		"without credentials": {"", filler + smuggled, http.StatusUnauthorized},
		"short":               {"", smuggled, http.StatusUnauthorized},
		"malformed":           {"Authorization: Bearer\r\n", filler + smuggled, http.StatusBadRequest},
		"form":                {form, filler + smuggled, http.StatusUnauthorized},
		"form with a token":   {form, "access_token=x&" + filler + smuggled, http.StatusUnauthorized},
		"form too large":      {form, huge + smuggled, http.StatusBadRequest},
	} {
		for variant, framed := range map[string]string{
			"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(test.body), test.body),
			"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(test.body), test.body),
		} {
			t.Run(name+" "+variant, func(t *testing.T) {
				t.Parallel()
				app := fiber.New(fiber.Config{StreamRequestBody: true})
				runs := 0
				app.All("/orders", fiberauth.Middleware(guard), func(fiber.Ctx) error { runs++; return nil })
				responses := exchangeAll(t, start(t, app), "POST /orders HTTP/1.1\r\nHost: api.test\r\n"+test.fields+framed)
				if len(responses) != 1 || responses[0].status != test.status || !responses[0].closes || runs > 0 {
					t.Errorf("%d responses, %d runs of the handler, first response %+v", len(responses), runs, responses)
				}
			})
		}
	}
}

// TestUnreadBodyAfterReader is TestUnreadBody for malformed bodies that a middleware in front of the Guard has tried to read.
// fasthttp then no longer has the stream, and after a malformed trailer no header either.
func TestUnreadBodyAfterReader(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	smuggled := "GET /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + issuer.AccessToken().Sign() + "\r\n\r\n"
	for name, body := range map[string]string{
		"in the trailer":       "0\r\n" + smuggled,
		"after a chunk":        "3\r\nabc\r\n0\r\n" + smuggled,
		"after a long chunk":   "3\r\nabcX\r\n" + smuggled,
		"after an empty line":  "3\r\nabc\r\n\r\n" + smuggled,
		"instead of a chunk":   "\r\n" + smuggled,
		"forbidden trailer":    "0\r\nCookie: a=b\r\n\r\n" + smuggled,
		"all of it is correct": "3\r\nabc\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := fiber.New(fiber.Config{StreamRequestBody: true})
			app.Use(func(c fiber.Ctx) error {
				_ = c.Body()
				return c.Next()
			})
			runs := 0
			app.All("/orders", fiberauth.Middleware(guard), func(fiber.Ctx) error { runs++; return nil })
			got := exchangeAll(t, start(t, app), "POST /orders HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"+body)
			if len(got) != 1 || got[0].status != http.StatusUnauthorized || !got[0].closes || runs > 0 {
				t.Errorf("%d responses, %d runs of the handler: %+v", len(got), runs, got)
			}
		})
	}
}

// TestUnreadBodyAfterPanic is TestUnreadBody for a rule that panics.
func TestUnreadBodyAfterPanic(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	panics := middleware.Check("mine", func(context.Context, *consumer.Token) error { panic("out of shirts") })
	app := fiber.New(fiber.Config{StreamRequestBody: true})
	app.Use(fiberrecover.New())
	app.Post("/orders", fiberauth.Middleware(guard, panics), func(fiber.Ctx) error { return nil })
	request := "POST /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + issuer.AccessToken().Sign() + "\r\n"
	body := strings.Repeat("x", 8<<10) + request + "Content-Length: 0\r\n\r\n"
	got := exchangeAll(t, start(t, app), fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", request, len(body), body))
	if len(got) != 1 || got[0].status != http.StatusInternalServerError || !got[0].closes {
		t.Errorf("%d responses: %+v", len(got), got)
	}
}

// TestStreamedForm checks that the handler can read a streamed body that the Guard has read, as a stream and at once, behind
// one Guard and behind two.
func TestStreamedForm(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FormToken} })
	body := "access_token=" + issuer.AccessToken().Sign() + "&filler=" + strings.Repeat("x", 100_000)
	app := fiber.New(fiber.Config{StreamRequestBody: true})
	guarded := app.Group("/orders", fiberauth.Middleware(guard))
	guarded.Post("/body", fiberauth.Middleware(guard), func(c fiber.Ctx) error { return c.SendString(string(c.Body())) })
	guarded.Post("/stream", func(c fiber.Ctx) error {
		data, err := io.ReadAll(c.Request().BodyStream())
		return errors.Join(err, c.SendString(string(data)))
	})
	address := start(t, app)
	for _, path := range []string{"/orders/body", "/orders/stream"} {
		for variant, framed := range map[string]string{
			"length":  fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
			"chunked": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body),
		} {
			first := "POST " + path + " HTTP/1.1\r\nHost: api.test\r\n" + form + framed
			last := "POST " + path + " HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n" + form + framed
			responses := exchangeAll(t, address, first+last)
			if len(responses) != 2 || responses[0].status != http.StatusOK || responses[1].status != http.StatusOK ||
				responses[0].length != int64(len(body)) || responses[1].length != int64(len(body)) {
				t.Errorf("%s %s: responses %+v", path, variant, responses)
			}
		}
	}
}

// TestStreamTooLarge checks what happens if a token source reads a streamed body that is too large, and ignores the error:
// the handler cannot read a part of the body as if it were all of it, and the rest is not read as a request.
func TestStreamTooLarge(t *testing.T) {
	t.Parallel()
	var read error
	guard, issuer := newGuard(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.BearerToken, func(r *http.Request) (string, error) {
			_, read = io.ReadAll(r.Body)
			return "", nil
		}}
	})
	app := fiber.New(fiber.Config{StreamRequestBody: true})
	var again error
	app.Post("/orders", fiberauth.Middleware(guard), func(c fiber.Ctx) error {
		_, again = io.ReadAll(c.Request().BodyStream())
		return nil
	})
	body := strings.Repeat("x", 2<<20)
	responses := exchangeAll(t, start(t, app), fmt.Sprintf("POST /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		issuer.AccessToken().Sign(), len(body), body))
	const want = "fiberauth: the streamed body is larger than 1048576 bytes"
	if len(responses) != 1 || !responses[0].closes || fmt.Sprint(read) != want || fmt.Sprint(again) != want {
		t.Errorf("%d responses, the Guard reads %v, the handler %v", len(responses), read, again)
	}
}
