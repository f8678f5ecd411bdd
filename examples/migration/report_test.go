package migration_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/migration/auth0v3"
	"github.com/bearerkit/bearerkit/examples/migration/echojwt"
	"github.com/bearerkit/bearerkit/examples/migration/report"
	"github.com/bearerkit/bearerkit/middleware"
)

// newIssuer starts an issuer on loopback.
func newIssuer(t *testing.T) *bearertest.Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
		URL: "http://" + server.Listener.Addr().String(), Audience: "https://api.example.com",
	})
	server.Config.Handler = issuer
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

// TestModes sends the same requests in each mode. In the mode report, the old library decides, and only requests about which
// the two differ are logged.
func TestModes(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t)
	tests := []struct {
		name                   string
		change                 func(*bearertest.Token)
		before, report, after  int
		logged, loggedContains string
	}{
		{"valid", func(*bearertest.Token) {}, 200, 200, 200, "", ""},
		{"wrong audience", func(token *bearertest.Token) { token.Set("aud", "other") }, 401, 401, 401, "", ""},
		{"without the scope", func(token *bearertest.Token) { token.Set("scope", "other") }, 403, 403, 403, "", ""},
		{"no exp", func(token *bearertest.Token) { token.Set("exp", bearertest.Absent) }, 200, 200, 401, "before=true after=false", "exp"},
		{"just expired", func(token *bearertest.Token) { token.Set("exp", time.Now().Unix()-3) }, 401, 401, 200, "before=false after=true", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := issuer.AccessToken().Set("scope", "orders:read").Set("org", "acme")
			test.change(token)
			authorization := bearer(token)
			for mode, want := range map[string]int{"before": test.before, "report": test.report, "after": test.after} {
				var log bytes.Buffer
				api, err := auth0v3.Both(issuer.URL(), mode, slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				s := &setup{issuer: issuer, api: api}
				response := s.send(t.Context(), authorization)
				_ = response.Body.Close()
				if response.StatusCode != want {
					t.Errorf("%s: status %d, want %d", mode, response.StatusCode, want)
				}
				logged := log.String()
				if mode != "report" || test.logged == "" {
					if logged != "" {
						t.Errorf("%s: logged %s", mode, logged)
					}
				} else if !strings.Contains(logged, test.logged) || !strings.Contains(logged, test.loggedContains) {
					t.Errorf("%s: logged %s, want %q and %q", mode, logged, test.logged, test.loggedContains)
				}
			}
		})
	}
	if _, err := auth0v3.Both(issuer.URL(), "other", slog.Default()); err == nil {
		t.Error("an unknown mode is accepted")
	}
}

// TestReport uses two simple libraries: one that decides by a header field, and a Guard. It checks which requests are reported,
// and that handlers find the token of the Guard.
func TestReport(t *testing.T) {
	t.Parallel()
	guard := newGuard(t)
	for _, test := range []struct {
		old, new bool
		status   int
		body     string
	}{{true, true, 200, "alice"}, {true, false, 200, "nobody"}, {false, true, 418, ""}, {false, false, 418, ""}} {
		old := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !test.old {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				next.ServeHTTP(w, r)
			})
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if test.new {
			r.Header.Set("Authorization", "Bearer good")
		}
		var reported []report.Difference
		w := httptest.NewRecorder()
		report.Middleware(old, guard, func(d report.Difference) { reported = append(reported, d) })(http.HandlerFunc(
			func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(subject(r))) })).ServeHTTP(w, r)
		checkReport(t, test.old, test.new, len(reported), w.Code == test.status && w.Body.String() == test.body)
		if len(reported) == 1 && (reported[0].Before != test.old || (reported[0].After == nil) != test.new) {
			t.Errorf("reported %+v", reported[0])
		}

		e := echo.New()
		var errs []error
		oldEcho := func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				if !test.old {
					return c.NoContent(http.StatusTeapot)
				}
				return next(c)
			}
		}
		e.GET("/", func(c echo.Context) error { return c.String(http.StatusOK, subject(c.Request())) },
			echojwt.Report(oldEcho, guard, func(_ echo.Context, err error) { errs = append(errs, err) }))
		w = httptest.NewRecorder()
		e.ServeHTTP(w, r)
		checkReport(t, test.old, test.new, len(errs), w.Code == test.status && w.Body.String() == test.body)
		if len(errs) == 1 && (errs[0] == nil) != test.new {
			t.Errorf("echo: reported %v", errs)
		}
	}
}

func checkReport(t *testing.T, before, after bool, reported int, same bool) {
	t.Helper()
	want := 0
	if before != after {
		want = 1
	}
	if reported != want || !same {
		t.Errorf("old %v, Guard %v: %d reports, want %d; the response is that of the old library: %v", before, after, reported, want, same)
	}
}

func subject(r *http.Request) string {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		return "nobody"
	}
	return token.Subject()
}

// newGuard returns a Guard that accepts the token "good".
func newGuard(t *testing.T) *middleware.Guard {
	t.Helper()
	guard, err := middleware.New(middleware.Config{Verifier: verifierFunc(func(_ context.Context, raw string) (*consumer.Token, error) {
		if raw != "good" {
			return nil, consumer.ErrInvalidToken
		}
		return consumer.NewToken("https://login.example.com", []byte(`{"sub":"alice"}`))
	})})
	if err != nil {
		t.Fatal(err)
	}
	return guard
}

type verifierFunc func(ctx context.Context, raw string) (*consumer.Token, error)

func (f verifierFunc) Verify(ctx context.Context, raw string) (*consumer.Token, error) {
	return f(ctx, raw)
}
