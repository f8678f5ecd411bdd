package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// answer is the response to a client, with the log level and the Decision for the operator.
type answer struct {
	Status       int
	Challenge    []string
	RetryAfter   string
	CacheControl string
	ContentType  string
	Body         string
	Level        string
	Decision     middleware.Decision
}

const problemJSON = "application/problem+json"

var (
	passed = answer{
		Status: 200, Body: "hello alice", Decision: middleware.Decision{Status: 200},
	}
	noToken = answer{
		Status: 401, Challenge: []string{`Bearer realm="api"`}, CacheControl: "no-store", ContentType: problemJSON,
		Body:  `{"title":"Unauthorized","status":401}` + "\n",
		Level: "DEBUG", Decision: middleware.Decision{Status: 401, Reason: consumer.ReasonNoToken},
	}
	invalidRequest = answer{
		Status: 400, Challenge: []string{`Bearer realm="api", error="invalid_request"`},
		CacheControl: "no-store", ContentType: problemJSON,
		Body:  `{"title":"Bad Request","status":400,"error":"invalid_request"}` + "\n",
		Level: "DEBUG", Decision: middleware.Decision{Status: 400, Reason: consumer.ReasonInvalidRequest},
	}
)

func invalidToken(reason consumer.Reason) answer {
	return answer{
		Status: 401, Challenge: []string{`Bearer realm="api", error="invalid_token"`},
		CacheControl: "no-store", ContentType: problemJSON,
		Body:  `{"title":"Unauthorized","status":401,"error":"invalid_token"}` + "\n",
		Level: "INFO", Decision: middleware.Decision{Status: 401, Reason: reason},
	}
}

func forbidden(rule string) answer {
	return answer{
		Status: 403, Challenge: []string{`Bearer realm="api"`}, CacheControl: "no-store", ContentType: problemJSON,
		Body:     `{"title":"Forbidden","status":403}` + "\n",
		Level:    "INFO",
		Decision: middleware.Decision{Status: 403, Reason: consumer.ReasonPolicy, Rule: rule},
	}
}

func insufficientScope(scope string) answer {
	return answer{
		Status: 403, Challenge: []string{`Bearer realm="api", error="insufficient_scope", scope="` + scope + `"`},
		CacheControl: "no-store", ContentType: problemJSON,
		Body:     `{"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"` + scope + `"}` + "\n",
		Level:    "INFO",
		Decision: middleware.Decision{Status: 403, Reason: consumer.ReasonScope, Rule: "scope"},
	}
}

func unavailable(reason consumer.Reason, rule string) answer {
	return answer{
		Status: 503, RetryAfter: "5", CacheControl: "no-store", ContentType: problemJSON,
		Body:  `{"title":"Service Unavailable","status":503}` + "\n",
		Level: "WARN", Decision: middleware.Decision{Status: 503, Reason: reason, Rule: rule},
	}
}

func internal(rule string) answer {
	return answer{
		Status: 500, CacheControl: "no-store", ContentType: problemJSON,
		Body:  `{"title":"Internal Server Error","status":500}` + "\n",
		Level: "ERROR", Decision: middleware.Decision{Status: 500, Reason: consumer.ReasonInternal, Rule: rule},
	}
}

// observed sends one request through a Guard with cfg and rules to hello.
func observed(t *testing.T, cfg middleware.Config, rules []middleware.Rule, r *http.Request) answer {
	t.Helper()
	var log bytes.Buffer
	var decisions []middleware.Decision
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.OnDecision = func(_ context.Context, d middleware.Decision) { decisions = append(decisions, d) }
	h := newGuard(t, cfg).With(rules...)(hello)
	log.Reset() // of invalid rules
	w := serve(h, r)

	got := answer{
		Status: w.Code, Challenge: w.Header()["Www-Authenticate"], RetryAfter: w.Header().Get("Retry-After"),
		CacheControl: w.Header().Get("Cache-Control"), Body: w.Body.String(), Level: levelIn(log.String()),
	}
	if w.Code >= 400 {
		got.ContentType = w.Header().Get("Content-Type")
	}
	if len(decisions) != 1 {
		t.Fatalf("%d decisions, want 1", len(decisions))
	}
	got.Decision = middleware.Decision{
		Status: decisions[0].Status, Reason: decisions[0].Reason, Rule: decisions[0].Rule,
	}
	return got
}

// levelIn returns the level of a log that has one line.
func levelIn(log string) string {
	_, rest, found := strings.Cut(log, "level=")
	if !found {
		return ""
	}
	level, _, _ := strings.Cut(rest, " ")
	if strings.Count(log, "\n") != 1 {
		return "not one line: " + log
	}
	return level
}

type keySourceFunc func() ([]jwks.Key, error)

func (f keySourceFunc) Keys(context.Context, string, string) ([]jwks.Key, error) { return f() }

type statusFunc func() (bool, error)

func (f statusFunc) Active(context.Context, consumer.StatusToken) (bool, error) { return f() }

// Status and challenge of requests.
func TestMatrix_Requests(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	good := issuer.AccessToken().Sign()

	tests := []struct {
		name     string
		cfg      middleware.Config
		header   []string
		rules    []middleware.Rule
		want     answer
		wantBody string
	}{
		{name: "no credentials", want: noToken},
		{name: "no credentials, optional", cfg: middleware.Config{Optional: true}, want: passed, wantBody: "hello nobody"},
		{
			name: "no credentials, optional, with a rule", cfg: middleware.Config{Optional: true},
			rules: []middleware.Rule{middleware.Scopes("orders:read")}, want: withScopes(noToken, "orders:read"),
		},
		{name: "good token", header: []string{"Bearer " + good}, want: passed},
		{name: "good token, optional", cfg: middleware.Config{Optional: true}, header: []string{"Bearer " + good}, want: passed},
		{name: "another scheme", header: []string{"Basic dXNlcjpwYXNz"}, want: noToken},
		{name: "G3: DPoP scheme", header: []string{"DPoP " + good}, want: noToken},
		{
			name: "another scheme, optional", cfg: middleware.Config{Optional: true},
			header: []string{"Basic dXNlcjpwYXNz"}, want: noToken,
		},
		{name: "empty header", header: []string{""}, want: noToken},
		{name: "empty header, optional", cfg: middleware.Config{Optional: true}, header: []string{""}, want: noToken},
		{name: "two headers", header: []string{"Bearer " + good, "Bearer bad"}, want: invalidRequest},
		{name: "two equal headers", header: []string{"Bearer " + good, "Bearer " + good}, want: invalidRequest},
		{name: "two headers, one of another scheme", header: []string{"Basic Zm9v", "Bearer " + good}, want: invalidRequest},
		{name: "two headers in one", header: []string{"Bearer " + good + ", Bearer " + good}, want: invalidRequest},
		{name: "no credential", header: []string{"Bearer"}, want: invalidRequest},
		{name: "empty credential", header: []string{"Bearer "}, want: invalidRequest},
		{name: "not a token68", header: []string{"Bearer a b"}, want: invalidRequest},
		{
			name: "bad credential, optional", cfg: middleware.Config{Optional: true},
			header: []string{"Bearer a b"}, want: invalidRequest,
		},
		{
			name: "bad token, optional", cfg: middleware.Config{Optional: true},
			header: []string{"Bearer bad"}, want: invalidToken(consumer.ReasonMalformed),
		},
	}
	verifier := newConsumer(t, issuer)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, "")
			r.Header["Authorization"] = test.header
			if test.header == nil {
				r.Header.Del("Authorization")
			}
			test.cfg.Verifier = verifier
			if test.wantBody != "" {
				test.want.Body = test.wantBody
			}
			if diff := cmp.Diff(test.want, observed(t, test.cfg, test.rules, r)); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// Status and challenge of tokens: the client receives the same response whatever is wrong.
func TestMatrix_Tokens(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.test"})
	ago, ahead := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()

	tests := []struct {
		name  string
		token string
		want  consumer.Reason
	}{
		{"too large", strings.Repeat("a", 16<<10+1), consumer.ReasonTooLarge},
		{"not a JWS", "opaque", consumer.ReasonMalformed},
		{"alg none", issuer.AccessToken().SignWith("none", nil).Sign(), consumer.ReasonAlgorithm},
		{"crit", issuer.AccessToken().SetHeader("crit", []string{"exp"}).Sign(), consumer.ReasonCritical},
		{"b64", issuer.AccessToken().SetHeader("b64", false).Sign(), consumer.ReasonCritical},
		{"typ", issuer.AccessToken().SetHeader("typ", "logout+jwt").Sign(), consumer.ReasonType},
		{"ID token", issuer.IDToken().Set("aud", audience).Sign(), consumer.ReasonType},
		{"iss", stranger.AccessToken().Sign(), consumer.ReasonIssuer},
		{"kid", issuer.AccessToken().SetHeader("kid", "other").Sign(), consumer.ReasonUnknownKey},
		{"signature", stranger.AccessToken().Set("iss", issuer.URL()).Sign(), consumer.ReasonSignature},
		{"no exp", issuer.AccessToken().Set("exp", bearertest.Absent).Sign(), consumer.ReasonClaims},
		{"aud", issuer.AccessToken().Set("aud", "https://other.test").Sign(), consumer.ReasonAudience},
		{"exp", issuer.AccessToken().Set("exp", ago).Sign(), consumer.ReasonExpired},
		{"nbf", issuer.AccessToken().Set("nbf", ahead).Sign(), consumer.ReasonNotYetValid},
		{"iat", issuer.AccessToken().Set("iat", ahead).Sign(), consumer.ReasonIssuedInFuture},
		{
			"DPoP-bound", issuer.AccessToken().Set("cnf", map[string]any{"jkt": strings.Repeat("a", 43)}).Sign(),
			consumer.ReasonBinding,
		},
	}
	verifier := newConsumer(t, issuer)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := observed(t, middleware.Config{Verifier: verifier}, nil, request(t, test.token))
			if diff := cmp.Diff(invalidToken(test.want), got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// Status and challenge for results of the Verifier.
func TestMatrix_Verifiers(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	noKeys := keySourceFunc(func() ([]jwks.Key, error) { return nil, jwks.ErrUnavailable })
	withKeys := func(source jwks.Source) consumer.Verifier {
		return mustConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: source})
	}
	withStatus := func(active bool, err error) consumer.Verifier {
		return mustConsumer(t, consumer.Config{
			Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys,
			Status: statusFunc(func() (bool, error) { return active, err }),
		})
	}
	tests := []struct {
		name     string
		verifier consumer.Verifier
		want     answer
	}{
		{"no usable keys", withKeys(noKeys), unavailable(consumer.ReasonKeysUnavailable, "")},
		{"revoked", withStatus(false, nil), invalidToken(consumer.ReasonRevoked)},
		{"status store down", withStatus(false, errors.New("down")), unavailable(consumer.ReasonStatusUnavailable, "")},
		{
			"status store that speaks of invalid tokens", withStatus(false, consumer.ErrInvalidToken),
			unavailable(consumer.ReasonStatusUnavailable, ""),
		},
		{
			"inactive", rejectWith(&consumer.Error{Reason: consumer.ReasonInactive}),
			invalidToken(consumer.ReasonInactive),
		},
		{
			"introspection down", rejectWith(&consumer.Error{Reason: consumer.ReasonIntrospectionUnavailable}),
			unavailable(consumer.ReasonIntrospectionUnavailable, ""),
		},
		{"fault of its own", rejectWith(&consumer.Error{Reason: consumer.ReasonInternal}), internal("")},
		{"error without a class", rejectWith(errors.New("odd")), internal("")},
		{"neither token nor error", rejectWith(nil), internal("")},
		{"bare class, invalid", rejectWith(fmt.Errorf("no: %w", consumer.ErrInvalidToken)), invalidToken(consumer.ReasonInactive)},
		{
			"bare class, unavailable", rejectWith(fmt.Errorf("down: %w", consumer.ErrUnavailable)),
			unavailable(consumer.ReasonInternal, ""),
		},
		{"too slow", rejectWith(context.DeadlineExceeded), unavailable(consumer.ReasonInternal, "")},
		{
			"canceled, yet the caller is there", rejectWith(&consumer.Error{Reason: consumer.ReasonCanceled}),
			unavailable(consumer.ReasonCanceled, ""),
		},
		{"canceled by itself, yet the caller is there", rejectWith(context.Canceled), internal("")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(t, issuer.AccessToken().Sign())
			got := observed(t, middleware.Config{Verifier: test.verifier}, nil, r)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// Status of canceled requests. A client may still wait, as when the server shuts down, and must not receive a 200.
func TestMatrix_Canceled(t *testing.T) {
	t.Parallel()
	want := answer{
		Status: 499, Level: "DEBUG", Decision: middleware.Decision{Status: 499, Reason: consumer.ReasonCanceled},
	}
	for _, err := range []error{
		&consumer.Error{Reason: consumer.ReasonCanceled},
		&consumer.Error{Reason: consumer.ReasonKeysUnavailable, Err: context.Canceled},
		context.Canceled,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got := observed(t, middleware.Config{Verifier: rejectWith(err)}, nil, request(t, "x").WithContext(ctx))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("response to %v (-want +got):\n%s", err, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := &consumer.Error{Reason: consumer.ReasonSignature}
	got := observed(t, middleware.Config{Verifier: rejectWith(gone)}, nil, request(t, "x").WithContext(ctx))
	if diff := cmp.Diff(invalidToken(consumer.ReasonSignature), got); diff != "" {
		t.Errorf("the decision of the Verifier is lost (-want +got):\n%s", diff)
	}
}

func TestAuthenticate_DecidesAndWritesNothing(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})

	r := request(t, issuer.AccessToken().Sign())
	admitted, err := g.Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	if token, ok := middleware.TokenFromContext(admitted.Context()); !ok || token.Subject() != "alice" {
		t.Errorf("TokenFromContext = %v, %v", token, ok)
	}
	if _, ok := middleware.TokenFromContext(r.Context()); ok {
		t.Error("the original request was changed")
	}

	tests := []struct {
		name  string
		token string
		rules []middleware.Rule
		want  error
	}{
		{"no token", "", nil, middleware.ErrNoToken},
		{"bad credential", "a b", nil, middleware.ErrInvalidRequest},
		{"bad token", "bad", nil, consumer.ErrInvalidToken},
		{
			"scope", issuer.AccessToken().Set("scope", "orders:read").Sign(),
			[]middleware.Rule{middleware.Scopes("admin")},
			middleware.ErrInsufficientScope,
		},
	}
	for _, test := range tests {
		r := request(t, test.token)
		got, err := g.Authenticate(r, test.rules...)
		if !errors.Is(err, test.want) || got != r {
			t.Errorf("%s: Authenticate = %p, %v, want %p, %v", test.name, got, err, r, test.want)
		}
		if refusal, ok := errors.AsType[*middleware.Refusal](err); !ok || refusal.Reason == "" {
			t.Errorf("%s: error is not a Refusal with a Reason: %#v", test.name, err)
		}
	}
}

// Deny accepts errors of the application.
func TestDeny_Errors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want answer
	}{
		{"no token", middleware.ErrNoToken, noToken},
		{"invalid request", fmt.Errorf("twice: %w", middleware.ErrInvalidRequest), invalidRequest},
		{"of a Verifier", &consumer.Error{Reason: consumer.ReasonExpired}, invalidToken("")},
		{"outage", consumer.ErrUnavailable, unavailable("", "")},
		{"foreign", errors.New("secret: table users is gone"), internal("")},
		{"nil", nil, internal("")},
		{"own", &middleware.Refusal{Status: 403}, forbidden("")},
		{"own, wrapped", fmt.Errorf("not yours: %w", &middleware.Refusal{Status: 403}), forbidden("")},
		{
			"own, with a code", &middleware.Refusal{Status: 403, Code: "insufficient_scope", Scopes: []string{"a", "b"}},
			insufficientScope("a b"),
		},
		{"own, without a status", &middleware.Refusal{}, internal("")},
		{"own, with a status that is no error", &middleware.Refusal{Status: 204}, internal("")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			newGuard(t, middleware.Config{Verifier: acceptAll}).Deny(w, request(t, ""), test.err)
			got := answer{
				Status: w.Code, Challenge: w.Header()["Www-Authenticate"], RetryAfter: w.Header().Get("Retry-After"),
				CacheControl: w.Header().Get("Cache-Control"), ContentType: w.Header().Get("Content-Type"),
				Body: w.Body.String(),
			}
			test.want.Level, test.want.Decision = "", middleware.Decision{}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeny_AlwaysWritesAResponse(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newGuard(t, middleware.Config{Verifier: acceptAll}).Deny(w, request(t, ""), &middleware.Refusal{Status: 499})
	if w.Code != 499 {
		t.Errorf("status %d, want 499", w.Code)
	}
}

func TestDeny_HeadHasNoBody(t *testing.T) {
	t.Parallel()
	r := request(t, "")
	r.Method = http.MethodHead
	w := serve(newGuard(t, middleware.Config{Verifier: acceptAll}).Handler(hello), r)
	if w.Code != 401 || challengeOf(w) == "" || w.Body.Len() != 0 {
		t.Errorf("response %d %v %q", w.Code, w.Header(), w.Body)
	}
}

func TestDeny_RemovesContentLength(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Length", "3")
	newGuard(t, middleware.Config{Verifier: acceptAll}).Deny(w, request(t, ""), middleware.ErrNoToken)
	if length := w.Header().Get("Content-Length"); length != "" {
		t.Errorf("Content-Length %s", length)
	}
}

// Responses share prepared values. A change to one response must not affect the next.
func TestDeny_ResponsesAreIndependent(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		middleware.ErrNoToken, middleware.ErrInvalidRequest, consumer.ErrInvalidToken, consumer.ErrUnavailable,
		&middleware.Refusal{Status: 403}, &middleware.Refusal{Status: 403, Code: "insufficient_scope", Scopes: []string{"a"}},
	} {
		h := deny(t, err)
		want := serve(h, request(t, ""))
		w := &measuring{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, request(t, ""))
		if w.room > 0 {
			t.Errorf("%v: the body has spare capacity for %d bytes", err, w.room)
		}
		for name, values := range w.Header() {
			values[0] = "changed"
			w.Header()[name] = append(values, "added")
		}
		got := serve(h, request(t, ""))
		if diff := cmp.Diff(want.Header(), got.Header()); diff != "" || got.Body.String() != want.Body.String() {
			t.Errorf("%v: body %s, header (-want +got):\n%s", err, got.Body, diff)
		}
	}
}

// measuring records how much could be appended to a body without a copy.
type measuring struct {
	*httptest.ResponseRecorder
	room int
}

func (m *measuring) Write(data []byte) (int, error) {
	m.room = cap(data) - len(data)
	return m.ResponseRecorder.Write(data)
}

// A flood of invalid tokens allocates little.
func TestDeny_Allocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts those of other tests, too
	g := newGuard(t, middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonSignature})})
	h, w := g.Handler(hello), dropped{}
	for _, token := range []string{"", "a b", "x"} {
		r := request(t, token)
		allocations := testing.AllocsPerRun(100, func() {
			clear(w)
			h.ServeHTTP(w, r)
		})
		if allocations > 5 { // the Refusal and the copy that Deny makes, and three values of the header
			t.Errorf("token %q: %v allocations for a rejection", token, allocations)
		}
	}
}

func TestDenyHandler(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		handler    func(http.ResponseWriter, *http.Request, *middleware.Refusal)
		wantStatus int
		wantBody   string
	}{
		{"status and body", func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
			w.WriteHeader(refusal.Status)
			_, _ = fmt.Fprint(w, refusal.Code)
		}, 401, "invalid_token"},
		{"another status", func(w http.ResponseWriter, r *http.Request, _ *middleware.Refusal) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		}, 303, "<a href=\"/login\">See Other</a>.\n\n"},
		{"a body alone is no 200", func(w http.ResponseWriter, _ *http.Request, _ *middleware.Refusal) {
			_, _ = fmt.Fprint(w, "no")
		}, 401, "no"},
		{"nothing is no 200", func(http.ResponseWriter, *http.Request, *middleware.Refusal) {}, 401, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := newGuard(t, middleware.Config{
				Verifier:    rejectWith(&consumer.Error{Reason: consumer.ReasonSignature}),
				DenyHandler: test.handler,
			})
			w := serve(g.Handler(hello), request(t, "x"))
			if w.Code != test.wantStatus || w.Body.String() != test.wantBody {
				t.Errorf("response %d %q, want %d %q", w.Code, w.Body, test.wantStatus, test.wantBody)
			}
			if got := challengeOf(w); got != `Bearer realm="api", error="invalid_token"` {
				t.Errorf("challenge %s", got)
			}
		})
	}
}

// The recorder treats an informational status as final, as some frameworks do.
func TestDenyHandler_InformationalStatusFirst(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{
		Verifier: acceptAll,
		DenyHandler: func(w http.ResponseWriter, _ *http.Request, _ *middleware.Refusal) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = fmt.Fprint(w, "no")
			_, _ = fmt.Fprint(w, "never")
		},
	})
	w := serve(g.Handler(hello), request(t, ""))
	if w.Code != 401 || w.Body.String() != "nonever" {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
}

// A bound token needs a proof of possession, and a Guard without DPoP and MTLS checks none.
func TestM4_Attack26_BoundTokenIsRejected(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier := newConsumer(t, issuer)
	own := verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
		return verifier.Verify(ctx, raw)
	})
	thumbprint := strings.Repeat("a", 43)
	for _, cnf := range []map[string]any{
		{"jkt": thumbprint},
		{"x5t#S256": thumbprint},
		{"jkt": thumbprint, "x5t#S256": thumbprint},
		{"jwk": map[string]any{"kty": "EC"}},
		{"kid": "1"},
		{},
	} {
		for name, v := range map[string]consumer.Verifier{"consumer": verifier, "own verifier": own} {
			r := request(t, issuer.AccessToken().Set("cnf", cnf).Sign())
			got := observed(t, middleware.Config{Verifier: v, Optional: true}, nil, r)
			if diff := cmp.Diff(invalidToken(consumer.ReasonBinding), got); diff != "" {
				t.Errorf("%v through %s (-want +got):\n%s", cnf, name, diff)
			}
		}
	}
}

func TestX1_EveryRequestIsDecided(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	h := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)}).With(middleware.Scopes("orders:read"))(hello)
	good, other := issuer.AccessToken().Set("scope", "orders:read").Sign(), issuer.AccessToken().Set("scope", "orders").Sign()
	for range 3 { // a request that passes has no effect on the next one
		for token, want := range map[string]int{good: 200, other: 403, "": 401, good + "a": 401} {
			if w := serve(h, request(t, token)); w.Code != want {
				t.Errorf("status %d, want %d", w.Code, want)
			}
		}
	}
}

func TestPanicsNeverReachTheHandler(t *testing.T) {
	t.Parallel()
	boom := func() { panic("boom") }
	tests := []struct {
		name string
		cfg  middleware.Config
		rule middleware.Rule
	}{
		{"Verifier", middleware.Config{
			Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { boom(); return nil, nil }),
		}, middleware.Scopes("a")},
		{"TokenSource", middleware.Config{
			Verifier:     acceptAll,
			TokenSources: []middleware.TokenSource{func(*http.Request) (string, error) { boom(); return "", nil }},
		}, middleware.Scopes("a")},
		{"Check", middleware.Config{Verifier: acceptAll}, middleware.Any(
			middleware.Check("c", func(context.Context, *consumer.Token) error { boom(); return nil }),
			middleware.Check("d", func(context.Context, *consumer.Token) error { return nil }),
		)},
		{"OnDecision", middleware.Config{
			Verifier:   acceptAll,
			OnDecision: func(context.Context, middleware.Decision) { boom() },
		}, middleware.Check("d", func(context.Context, *consumer.Token) error { return nil })},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reached := false
			h := newGuard(t, test.cfg).With(test.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic was recovered, want it passed on")
					}
				}()
				serve(h, request(t, "x"))
			}()
			if reached {
				t.Error("the request passed")
			}
		})
	}
}
