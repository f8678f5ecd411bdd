package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
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

// counting counts the calls of Verify.
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
				t.Errorf("response %d %q, want %d %q", w.Code, w.Body, test.want.Status, test.want.Body)
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

// A Guard does not accept a token that another Guard verified, because that may guard another API.
func TestWith_AnotherGuardVerifiesForItself(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	outer := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	inner := newGuard(t, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonAudience})})
	lenient := newGuard(t, middleware.Config{Verifier: acceptAll})
	good := issuer.AccessToken().Sign()

	if w := serve(outer.Handler(inner.Handler(hello)), request(t, good)); w.Code != 401 {
		t.Errorf("the inner Guard responds with %d to a token that it rejects", w.Code)
	}
	if w := serve(lenient.Handler(outer.Handler(hello)), request(t, "bad")); w.Code != 401 {
		t.Errorf("the inner Guard responds with %d to a token that another Guard accepts", w.Code)
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
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	if calls := verifier.calls.Load(); calls != 1 {
		t.Errorf("verified %d times", calls)
	}
	want := `Bearer realm="api", error="insufficient_scope", scope="read admin"`
	if w := serve(nested(middleware.Scopes("admin")), request(t, token)); challengeOf(w) != want {
		t.Errorf("challenge %s, want %s", challengeOf(w), want)
	}
}

// A request without a token has no token for the handler, even if an outer Guard found one elsewhere.
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
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// ContextWithToken is for handlers and their tests. A Guard ignores its token.
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
		t.Errorf("the handler wrote %q", w.Body)
	}
	g := newGuard(t, middleware.Config{Verifier: verifier})
	if w := serve(g.Handler(hello), request(t, "").WithContext(ctx)); w.Code != 401 {
		t.Errorf("a Guard responds with %d to a token in the context", w.Code)
	}
}

// A Token that neither a verification nor NewToken made passes nowhere: the Guard rejects it with 500 and logs why, and
// TokenFromContext does not return it.
func TestCaseX20_ZeroTokenGrantsNothing(t *testing.T) {
	t.Parallel()
	var zero consumer.Token
	copied := *new(consumer.Token)
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

// Code that uses the token without a check must not go on with an empty user: every accessor of a nil Token panics.
func TestCaseX21_NilTokenPanics(t *testing.T) {
	t.Parallel()
	token, ok := middleware.TokenFromContext(t.Context())
	if ok || token != nil {
		t.Fatalf("TokenFromContext = %v, %v without a Guard", token, ok)
	}
	value := reflect.ValueOf(token)
	for i := range value.NumMethod() {
		method := value.Type().Method(i)
		if method.Name == "Format" { // package fmt prints a nil pointer itself
			continue
		}
		var arguments []reflect.Value
		for n := 1; n < method.Type.NumIn(); n++ {
			arguments = append(arguments, reflect.Zero(method.Type.In(n)))
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of a nil Token returns", method.Name)
				}
			}()
			value.Method(i).Call(arguments)
		}()
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

// A request that a handler creates with its own context does not inherit the token.
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

// The token in the context is shared and immutable.
func TestTokenInContextIsImmutable(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	raw := issuer.AccessToken().Set("scope", "orders:read").Set("roles", []string{"user"}).Set("realm", map[string]any{"roles": []string{"user"}}).Sign()

	vandal := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			t.Fatal("no token")
		}
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
			t.Errorf("status %d after an attempt to change the token", w.Code)
		}
	}
	names := []string{"orders:read"}
	rule := middleware.Scopes(names...)
	names[0] = "nothing"
	if w := serve(g.With(rule)(hello), request(t, raw)); w.Code != 200 {
		t.Errorf("status %d after a change of the slice that was passed to Scopes", w.Code)
	}
}

func setFirst(t *testing.T, list any, value string) {
	t.Helper()
	elements, ok := list.([]any)
	if !ok {
		t.Fatalf("%v is not an array", list)
	}
	elements[0] = value
}

// A token that expires between two nested Withs is rejected by the inner one.
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

// Contexts are often logged, so they must not print the token.
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

// A derived context ends with the context of the request.
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
		t.Error("the context has not ended")
	}
	if deeper.Value(otherKey{}) != "kept" {
		t.Error("a value of the request's own context is lost")
	}
}

type otherKey struct{}
