package introspection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// get sends a request with a bearer token to a handler.
func get(t testing.TB, h http.Handler, raw string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+raw)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newGuard(t testing.TB, cfg middleware.Config) *middleware.Guard {
	t.Helper()
	g, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// The Guard responds as for a JWT: 401 for a bad token, 403 for a missing scope, and 503 if the server fails.
func TestI3_I4_ResponsesOfTheGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status    int
		body      string
		want      int
		challenge string
	}{
		"active":           {200, active("scope", "orders:read"), 200, ""},
		"without scope":    {200, active("scope", "profile"), 403, `error="insufficient_scope"`},
		"inactive":         {200, inactive, 401, `error="invalid_token"`},
		"another audience": {200, active("aud", "x"), 401, `error="invalid_token"`},
		"bound to a key":   {200, active("scope", "orders:read", "cnf", map[string]any{"jkt": "x"}, "token_type", "DPoP"), 401, `error="invalid_token"`},
		"malformed":        {200, `{"active":"true"}`, 503, ""},
		"our credentials":  {401, `{"error":"invalid_client"}`, 503, ""},
		"down":             {500, "", 503, ""},
	} {
		guard := newGuard(t, middleware.Config{Verifier: newVerifier(t, says(c.status, c.body), nil)})
		w := get(t, guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), opaque)
		challenge := w.Header().Get("WWW-Authenticate")
		if w.Code != c.want || !strings.Contains(challenge, c.challenge) || (c.want == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: %d with %v", name, w.Code, w.Header())
		}
		if c.want == 503 && challenge != "" || strings.Contains(w.Body.String()+challenge, "introspection") {
			t.Errorf("%s: the response says too much: %v %s", name, w.Header(), w.Body)
		}
	}
}

// A route can require that a JWT is verified and introspected. Then a revocation takes effect before its expiry.
func TestX1_JWTAndIntrospection(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	jwts, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	raw := issuer.AccessToken().Set("sub", "alice").Set("client_id", "app").Sign()
	for name, c := range map[string]struct {
		status int
		body   string
		want   int
	}{
		"active":          {200, active(), 200},
		"without claims":  {200, `{"active":true,"aud":"` + audience + `"}`, 200},
		"revoked":         {200, inactive, 401},
		"another subject": {200, active("sub", "bob"), 401},
		"bound":           {200, active("cnf", map[string]any{"jkt": "x"}), 401},
		"down":            {500, "", 503},
	} {
		guard := newGuard(t, middleware.Config{Verifier: jwts})
		none := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		s := says(c.status, c.body)
		both := guard.With(middleware.AlsoVerifiedBy(newVerifier(t, s, nil)))(none)
		if w := get(t, both, raw); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
		if w := get(t, both, raw[:len(raw)-8]+"AAAAAAAA"); w.Code != 401 {
			t.Errorf("%s, forged: %d", name, w.Code)
		}
		wantRequests(t, s, 1, "a forged token causes none")
		if w := get(t, guard.Handler(none), raw); w.Code != 200 {
			t.Errorf("%s, on another route: %d", name, w.Code)
		}
	}
}

// Decision.Cached, Deadline and Recheck work as for a JWT.
func TestDecisionDeadlineAndRecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active("exp", time.Now().Add(10*time.Minute).Unix()))
		var cached []bool
		guard := newGuard(t, middleware.Config{
			Verifier:   newVerifier(t, slowServer{s, time.Millisecond}, nil),
			OnDecision: func(_ context.Context, d middleware.Decision) { cached = append(cached, d.Cached) },
		})
		var began, ended time.Time
		var cause error
		h := guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			began = time.Now()
			ctx, cancel := middleware.Recheck(r.Context(), time.Second)
			defer cancel()
			<-ctx.Done()
			ended, cause = time.Now(), context.Cause(ctx)
		}))
		time.AfterFunc(30*time.Second, func() { s.set(200, inactive) }) // revoked
		get(t, h, opaque)
		if took := ended.Sub(began); took < time.Minute || took > time.Minute+2*time.Second {
			t.Errorf("the response ended after %v, want a minute: the age of the cache", took)
		}
		if e, ok := errors.AsType[*consumer.Error](cause); !ok || e.Reason != consumer.ReasonInactive {
			t.Errorf("it ended because of %v", cause)
		}
		s.set(200, active())
		time.Sleep(time.Minute)
		plain := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		get(t, plain, opaque)
		time.Sleep(time.Millisecond)
		get(t, plain, opaque)
		if want := []bool{false, false, true}; fmt.Sprint(cached) != fmt.Sprint(want) {
			t.Errorf("cached: %v, want %v", cached, want)
		}
	})
}

// If the server quotes the token in an error response, the token is not in the log, the error, or the statistics.
func TestAttack43_ServerThatRepeatsTheToken(t *testing.T) {
	t.Parallel()
	const secret = "kXb2mQ7vT4nZ9rLwP1sYcE6hUfJ3dGaV"
	logscan.Token(secret)
	for _, status := range []int{200, 400, 401, 403, 500} {
		s := new(server)
		s.setFunc(func(_ *http.Request, form url.Values) (int, http.Header, string) {
			text := "the token " + form.Get("token") + " is unknown"
			body, _ := json.Marshal(map[string]any{"error": form.Get("token"), "error_description": text, "error_uri": text})
			return status, http.Header{"Www-Authenticate": {`Bearer error_description="` + text + `"`}}, string(body)
		})
		var log strings.Builder
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		v := newVerifier(t, s, func(cfg *introspection.Config) { cfg.Logger = logger })
		_, err := v.Verify(t.Context(), secret)
		guard := newGuard(t, middleware.Config{Verifier: v, Logger: logger})
		w := get(t, guard.Handler(http.NotFoundHandler()), secret)
		inner, _ := errors.AsType[*client.Error](err)
		for what, text := range map[string]string{
			"log": log.String(), "error": fmt.Sprintf("%v %+v", err, err), "cause": fmt.Sprintf("%q %q %q %q %q", inner.Code, inner.Description, inner.URI, inner.Challenge, inner.Body),
			"statistics": fmt.Sprintf("%+v", v.Stats()), "response": w.Body.String() + fmt.Sprint(w.Header()),
			"Verifier": fmt.Sprintf("%v %+v", v.Health(), v.Stats().LastError),
		} {
			if strings.Contains(text, secret) {
				t.Errorf("%d: the %s contains the token: %s", status, what, text)
			}
		}
		if w.Code != 503 {
			t.Errorf("%d: response %d", status, w.Code)
		}
	}
}
