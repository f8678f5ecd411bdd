package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// counting counts how often it is asked.
type counting struct {
	consumer.Verifier
	calls atomic.Int64
}

func (c *counting) Verify(ctx context.Context, raw string) (*consumer.Token, error) {
	c.calls.Add(1)
	return c.Verifier.Verify(ctx, raw)
}

func TestWith_NestedAuthenticatesOnce(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	tests := []struct {
		name  string
		scope string
		want  answer
	}{
		{"both met", "read write", answer{Status: 200, Body: "hello alice"}},
		{"outer not met", "write", insufficientScope("read")},
		{"inner not met: the route needs both", "read", insufficientScope("read write")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			verifier := &counting{Verifier: newConsumer(t, issuer)}
			g := newGuard(t, middleware.Config{Verifier: verifier})
			h := g.With(middleware.Scopes("read"))(g.Handler(g.With(middleware.AnyScope("write", "read"), middleware.Scopes("write"))(hello)))
			w := serve(h, request(t, issuer.AccessToken().Set("scope", test.scope).Sign()))
			if w.Code != test.want.Status || w.Body.String() != test.want.Body {
				t.Errorf("answer %d %q, want %d %q", w.Code, w.Body, test.want.Status, test.want.Body)
			}
			if diff := cmp.Diff(test.want.Challenge, w.Header()["Www-Authenticate"]); diff != "" {
				t.Errorf("challenge (-want +got):\n%s", diff)
			}
			if calls := verifier.calls.Load(); calls != 1 {
				t.Errorf("verified %d times", calls)
			}
		})
	}
}

// What one Guard has let pass means nothing to another: its API may be another one.
func TestWith_AnotherGuardVerifiesForItself(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	outer := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	inner := newGuard(t, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonAudience})})
	lenient := newGuard(t, middleware.Config{Verifier: acceptAll})
	good := issuer.AccessToken().Sign()

	if w := serve(outer.Handler(inner.Handler(hello)), request(t, good)); w.Code != 401 {
		t.Errorf("inner Guard answers %d to a token it refuses", w.Code)
	}
	if w := serve(lenient.Handler(outer.Handler(hello)), request(t, "bad")); w.Code != 401 {
		t.Errorf("inner Guard answers %d to a token that another let pass", w.Code)
	}
}

func TestWith_NestedAroundAnotherGuard(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier := &counting{Verifier: newConsumer(t, issuer)}
	guard := newGuard(t, middleware.Config{Verifier: verifier})
	other := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	handOn := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := acceptAll(r.Context(), "")
			if err != nil {
				t.Error(err)
			}
			next.ServeHTTP(w, r.WithContext(middleware.ContextWithToken(r.Context(), token)))
		})
	}
	nested := func(inside middleware.Rule) http.Handler {
		return guard.With(middleware.Scopes("read"))(other.With(middleware.Scopes("other"))(handOn(guard.With(inside)(hello))))
	}
	token := issuer.AccessToken().Set("scope", "read other").Sign()
	if w := serve(nested(yes), request(t, token)); w.Body.String() != "hello alice" {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	if calls := verifier.calls.Load(); calls != 1 {
		t.Errorf("verified %d times", calls)
	}
	want := `Bearer realm="api", error="insufficient_scope", scope="read admin"`
	if w := serve(nested(middleware.Scopes("admin")), request(t, token)); challengeOf(w) != want {
		t.Errorf("challenge %s, want %s", challengeOf(w), want)
	}
}

// An anonymous request is anonymous, whoever was let pass further out.
func TestWith_OptionalInnerGuardHidesTheOuterToken(t *testing.T) {
	t.Parallel()
	outer := newGuard(t, middleware.Config{
		Verifier:     acceptAll,
		TokenSources: []middleware.TokenSource{middleware.CookieToken("__Host-token")},
	})
	inner := newGuard(t, middleware.Config{Verifier: acceptAll, Optional: true})
	r := request(t, "")
	r.AddCookie(&http.Cookie{Name: "__Host-token", Value: "x"})
	if w := serve(outer.Handler(inner.Handler(hello)), r); w.Body.String() != "hello nobody" {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
}

// ContextWithToken serves handlers and their tests. It opens no door.
func TestContextWithToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier := newConsumer(t, issuer)
	token, err := verifier.Verify(t.Context(), issuer.AccessToken().Sign())
	if err != nil {
		t.Fatal(err)
	}
	ctx := middleware.ContextWithToken(t.Context(), token)
	if got, ok := middleware.TokenFromContext(ctx); !ok || got != token {
		t.Errorf("TokenFromContext = %v, %v", got, ok)
	}
	if w := serve(hello, request(t, "").WithContext(ctx)); w.Body.String() != "hello alice" {
		t.Errorf("the handler says %q", w.Body)
	}
	g := newGuard(t, middleware.Config{Verifier: verifier})
	if w := serve(g.Handler(hello), request(t, "").WithContext(ctx)); w.Code != 401 {
		t.Errorf("a Guard answers %d to a token in the context", w.Code)
	}
}

// A Token that neither a verification nor NewToken made passes nowhere: the Guard rejects it with 500 and logs why, and
// TokenFromContext does not return it.
func TestCaseX20_ZeroTokenGrantsNothing(t *testing.T) {
	t.Parallel()
	var zero consumer.Token
	copied := *new(consumer.Token) //nolint:govet // a copy of a zero Token is a zero Token
	for name, token := range map[string]*consumer.Token{"nil": nil, "zero": &zero, "new": new(consumer.Token), "copied": &copied} {
		for _, optional := range []bool{false, true} {
			var log bytes.Buffer
			g := newGuard(t, middleware.Config{
				Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { return token, nil }),
				Optional: optional, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			called := false
			w := serve(g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true })), request(t, "a"))
			if w.Code != 500 || called || challengeOf(w) != "" {
				t.Errorf("%s: status %d, handler called: %v", name, w.Code, called)
			}
			if got := log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "(Config.Verifier)") {
				t.Errorf("%s: log %s", name, got)
			}
		}
		if got, ok := middleware.TokenFromContext(middleware.ContextWithToken(t.Context(), token)); ok || got != nil {
			t.Errorf("%s: TokenFromContext = %v, %v", name, got, ok)
		}
	}
	made, err := consumer.NewToken("https://issuer.test", json.RawMessage(`{"sub":"alice"}`))
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard(t, middleware.Config{
		Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { return made, nil }),
	})
	if w := serve(g.Handler(hello), request(t, "a")); w.Code != 200 || w.Body.String() != "hello alice" {
		t.Errorf("a Token of NewToken: %d %q", w.Code, w.Body)
	}
}

// A bound token of a custom Verifier is rejected like that of a Consumer.
func TestCaseX20_BoundTokenOfNewToken(t *testing.T) {
	t.Parallel()
	for _, cnf := range []string{`{"jkt":"x"}`, `{"kid":"x"}`, `{}`} {
		g := newGuard(t, middleware.Config{Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) {
			return consumer.NewToken("https://issuer.test", json.RawMessage(`{"cnf":`+cnf+`}`))
		})})
		if w := serve(g.Handler(hello), request(t, "a")); w.Code != 401 {
			t.Errorf("cnf %s: %d", cnf, w.Code)
		}
	}
}

func requestWithin(ctx context.Context, token string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// A handler that makes a request of its own with the context of the one it serves lends its caller's rights to nobody.
func TestWith_RequestWithinARequest(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	inside := g.With(middleware.Scopes("admin"))(hello)
	admin, reader := issuer.AccessToken().Set("scope", "admin").Sign(), issuer.AccessToken().Set("scope", "orders:read").Sign()

	for token, want := range map[string]int{"": 401, reader: 403, admin: 200} {
		outside := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inside.ServeHTTP(w, requestWithin(r.Context(), token))
		}))
		if w := serve(outside, request(t, admin)); w.Code != want {
			t.Errorf("status %d, want %d", w.Code, want)
		}
	}
}

// The token in the context is shared, and cannot be changed.
func TestTokenInContextIsImmutable(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	raw := issuer.AccessToken().Set("scope", "orders:read").Set("roles", []string{"user"}).Set("realm", map[string]any{"roles": []string{"user"}}).Sign()

	vandal := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		token.Scopes()[0] = "admin"
		token.Audience()[0] = "admin"
		roles, _ := token.Claim("roles")
		setFirst(t, roles, "admin")
		value, _ := token.Claim("realm")
		realm, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("realm is %v", value)
		}
		setFirst(t, realm["roles"], "admin")
		realm["admin"] = true
	}))
	serve(vandal, request(t, raw))

	for _, rule := range []middleware.Rule{
		middleware.Scopes("admin"), middleware.Role("roles", "admin"), middleware.Role("realm.roles", "admin"),
		middleware.Role("realm", "admin"),
	} {
		if w := serve(g.With(rule)(hello), request(t, raw)); w.Code != 403 {
			t.Errorf("status %d after the token was tampered with", w.Code)
		}
	}
	names := []string{"orders:read"}
	rule := middleware.Scopes(names...)
	names[0] = "nothing"
	if w := serve(g.With(rule)(hello), request(t, raw)); w.Code != 200 {
		t.Errorf("status %d after the list a rule was made of changed", w.Code)
	}
}

func setFirst(t *testing.T, list any, value string) {
	t.Helper()
	elements, ok := list.([]any)
	if !ok {
		t.Fatalf("%v is no list", list)
	}
	elements[0] = value
}

// A token that the Guard has let pass is not taken to be good for longer than it lives.
func TestWith_NestedAfterTheTokenEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
		slow := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(10 * time.Minute)
				next.ServeHTTP(w, r)
			})
		}
		w := httptest.NewRecorder()
		g.Handler(slow(g.Handler(hello))).ServeHTTP(w, request(t, issuer.AccessToken().Sign()))
		if w.Code != 401 {
			t.Errorf("status %d", w.Code)
		}
	})
}

// A context ends up in logs more easily than anything else of a request.
func TestAttack43_ContextPrintsNoToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Sign()
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	r, err := g.Authenticate(request(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	deeper, cancel := context.WithCancel(r.Context())
	defer cancel()
	signature := raw[strings.LastIndexByte(raw, '.')+1:]
	for _, ctx := range []context.Context{r.Context(), deeper} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			if text := fmt.Sprintf(verb, ctx); strings.Contains(text, signature) {
				t.Errorf("%s shows the token: %s", verb, text)
			}
		}
	}
}

// What is derived from the context ends with it.
func TestContext_EndsWithTheRequest(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	ctx, end := context.WithCancel(context.WithValue(t.Context(), otherKey{}, "kept"))
	r, err := g.Authenticate(request(t, issuer.AccessToken().Sign()).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	deeper, cancel := context.WithCancel(r.Context())
	defer cancel()
	end()
	if deeper.Err() == nil || r.Context().Err() == nil {
		t.Error("the context goes on")
	}
	if deeper.Value(otherKey{}) != "kept" {
		t.Error("a value of the request's own context is lost")
	}
}

type otherKey struct{}
