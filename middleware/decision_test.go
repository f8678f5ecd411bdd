package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestOnDecision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		verifier := newConsumer(t, issuer)
		slow := verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
			time.Sleep(time.Second)
			return verifier.Verify(ctx, raw)
		})
		var got []middleware.Decision
		g := newGuard(t, middleware.Config{
			Verifier:   slow,
			OnDecision: func(_ context.Context, d middleware.Decision) { got = append(got, d) },
		})
		h := g.Handler(g.With(middleware.Scopes("admin"))(hello))
		token := issuer.AccessToken().Sign()
		for range 2 {
			serve(h, request(t, token))
			time.Sleep(time.Second)
		}
		want := []struct {
			status int
			reason consumer.Reason
			took   time.Duration
			cached bool
		}{
			{200, "", time.Second, false},
			{403, consumer.ReasonScope, 0, false}, // the clock of the bubble stands still
			{200, "", time.Second, true},
			{403, consumer.ReasonScope, 0, true},
		}
		if len(got) != len(want) {
			t.Fatalf("%d decisions, want %d", len(got), len(want))
		}
		for i, w := range want {
			d := got[i]
			if d.Status != w.status || d.Reason != w.reason || d.Duration != w.took || d.Cached != w.cached {
				t.Errorf("decision %d: %+v, want %+v", i, d, w)
			}
			if d.Issuer != issuer.URL() || (d.Err != nil) != (d.Reason != "") {
				t.Errorf("decision %d: issuer %q, error %v", i, d.Issuer, d.Err)
			}
		}
	})
}

// Neither a token nor the claims about its user reach a log, a response or a label, whether it is valid or not.
func TestB8_Attack43_Attack44_TokenIsNotLoggedOrSent(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.test"})
	verifier := newConsumer(t, issuer)
	talkative := verifierFunc(func(_ context.Context, raw string) (*consumer.Token, error) {
		return nil, fmt.Errorf("cannot read secret %s", raw)
	})
	secretive := issuer.AccessToken().Set("sub", "secret").Set("jti", "secret").Set("client_id", "secret")
	kid := issuer.AccessToken().SetHeader("kid", "another").Set("sub", "secret")
	tests := []struct {
		name     string
		verifier consumer.Verifier
		token    string
		rules    []middleware.Rule
	}{
		{"good", verifier, secretive.Sign(), nil},
		{"scope", verifier, secretive.Sign(), []middleware.Rule{middleware.Scopes("admin")}},
		{"check", verifier, secretive.Sign(), []middleware.Rule{saying(errors.New("not for secret"))}},
		{"fault", verifier, secretive.Sign(), []middleware.Rule{saying(&consumer.Error{Reason: consumer.ReasonInternal, Detail: "secret"})}},
		{"kid", verifier, kid.Sign(), nil},
		{"iss", verifier, stranger.AccessToken().Sign(), nil},
		{"expired", verifier, secretive.Set("exp", 1).Sign(), nil},
		{"talkative verifier", talkative, secretive.Sign(), nil},
		{"not a token", verifier, "secret secret", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var seen bytes.Buffer
			g := newGuard(t, middleware.Config{
				Verifier: test.verifier,
				Logger:   slog.New(slog.NewJSONHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug})),
				OnDecision: func(_ context.Context, d middleware.Decision) {
					_, _ = fmt.Fprintln(&seen, d.Status, d.Reason, d.Issuer, d.Rule)
				},
			})
			w := serve(g.With(test.rules...)(http.NotFoundHandler()), request(t, test.token))
			if err := json.NewEncoder(&seen).Encode(w.Header()); err != nil {
				t.Fatal(err)
			}
			seen.Write(w.Body.Bytes())
			for _, secret := range append(strings.Split(test.token, "."), "secret") {
				if strings.Contains(seen.String(), secret) {
					t.Errorf("%q got out:\n%s", secret, seen.String())
				}
			}
		})
	}
}

// A Decision and a Refusal contain the token if it was verified, also if a rule rejected it, and no other token.
func TestCaseQ7_TokenOfTheDecision(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier := newConsumer(t, issuer)
	good := issuer.AccessToken().Set("scope", "read")
	bound := issuer.AccessToken().Set("cnf", map[string]any{"jkt": "AAAA"})
	forged, err := consumer.NewToken("https://issuer.test", json.RawMessage(`{"sub":"forged"}`))
	if err != nil {
		t.Fatal(err)
	}
	smuggled := &middleware.Refusal{Status: 403, Token: forged}
	both := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return forged, consumer.ErrInvalidToken })
	zero := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return &consumer.Token{}, nil })
	source := func(*http.Request) (string, error) { return "", smuggled }
	tests := []struct {
		name    string
		cfg     middleware.Config
		token   string
		rules   []middleware.Rule
		status  int
		subject string // empty: no token
	}{
		{"passed", middleware.Config{}, good.Sign(), nil, 200, "alice"},
		{"passed a rule", middleware.Config{}, good.Sign(), []middleware.Rule{middleware.Scopes("read")}, 200, "alice"},
		{"Optional, with a token", middleware.Config{Optional: true}, good.Sign(), nil, 200, "alice"},
		{"Optional, without a token", middleware.Config{Optional: true}, "", nil, 200, ""},
		{"scope", middleware.Config{}, good.Sign(), []middleware.Rule{middleware.Scopes("admin")}, 403, "alice"},
		{"role", middleware.Config{}, good.Sign(), []middleware.Rule{middleware.Role("roles", "admin")}, 403, "alice"},
		{"second rule", middleware.Config{}, good.Sign(), []middleware.Rule{yes, no}, 403, "alice"},
		{"any", middleware.Config{}, good.Sign(), []middleware.Rule{middleware.Any(no, no)}, 403, "alice"},
		{"outage of a rule", middleware.Config{}, good.Sign(), []middleware.Rule{down}, 503, "alice"},
		{"fault of a rule", middleware.Config{}, good.Sign(), []middleware.Rule{{}}, 500, "alice"},
		{"check says that the token is revoked", middleware.Config{}, good.Sign(), []middleware.Rule{saying(consumer.ErrInvalidToken)}, 401, "alice"},
		{"check with a token of its own", middleware.Config{}, good.Sign(), []middleware.Rule{saying(smuggled)}, 403, "alice"},

		{"no token", middleware.Config{}, "", nil, 401, ""},
		{"signature", middleware.Config{}, good.EditSignature(func(s []byte) []byte { s[0] ^= 1; return s }).Sign(), nil, 401, ""},
		{"expired", middleware.Config{}, good.Set("exp", 1).Sign(), nil, 401, ""},
		{"audience", middleware.Config{}, good.Set("aud", "https://other.test").Sign(), nil, 401, ""},
		{"issuer", middleware.Config{}, good.Set("iss", "https://other.test").Sign(), nil, 401, ""},
		{"not a token", middleware.Config{}, "opaque", nil, 401, ""},
		{"bound to a key", middleware.Config{}, bound.Sign(), nil, 401, ""},
		{"bound to a key, and a rule", middleware.Config{}, bound.Sign(), []middleware.Rule{no}, 401, ""},
		{"Verifier returns a token and an error", middleware.Config{Verifier: both}, "raw", nil, 401, ""},
		{"Verifier returns a zero token", middleware.Config{Verifier: zero}, "raw", nil, 500, ""},
		{"Verifier returns a Refusal", middleware.Config{Verifier: rejectWith(smuggled)}, "raw", nil, 403, ""},
		{"TokenSource returns a Refusal", middleware.Config{TokenSources: []middleware.TokenSource{source}}, "", nil, 403, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var decisions []middleware.Decision
			var refusals []*middleware.Refusal
			test.cfg.OnDecision = func(_ context.Context, d middleware.Decision) { decisions = append(decisions, d) }
			test.cfg.DenyHandler = func(_ http.ResponseWriter, _ *http.Request, r *middleware.Refusal) { refusals = append(refusals, r) }
			if test.cfg.Verifier == nil {
				test.cfg.Verifier = verifier
			}
			w := serve(newGuard(t, test.cfg).With(test.rules...)(hello), request(t, test.token))
			if len(decisions) != 1 || w.Code != test.status || decisions[0].Status != test.status {
				t.Fatalf("status %d, decisions %+v, want status %d", w.Code, decisions, test.status)
			}
			if got := subjectOf(decisions[0].Token); got != test.subject {
				t.Errorf("Decision.Token has the subject %q, want %q", got, test.subject)
			}
			if test.status == 200 {
				return
			}
			if len(refusals) != 1 || subjectOf(refusals[0].Token) != test.subject {
				t.Errorf("Refusal.Token: %+v, want the subject %q", refusals, test.subject)
			}
		})
	}
}

// subjectOf returns the subject of token, or "" if token is nil.
func subjectOf(token *consumer.Token) string {
	if token == nil {
		return ""
	}
	return token.Subject()
}

// If handlers are nested, each Decision contains the token. Recheck reports it too.
func TestCaseQ7_NestedHandlersAndRecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		var subjects []string
		g := newGuard(t, middleware.Config{
			Verifier:   newConsumer(t, issuer),
			OnDecision: func(_ context.Context, d middleware.Decision) { subjects = append(subjects, subjectOf(d.Token)) },
		})
		var calls atomic.Int64
		once := middleware.Check("once", func(context.Context, *consumer.Token) error {
			if calls.Add(1) > 1 {
				return errors.New("no longer")
			}
			return nil
		})
		stream := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ctx, stop := middleware.Recheck(r.Context(), time.Minute)
			defer stop()
			<-ctx.Done()
			var refusal *middleware.Refusal
			if !errors.As(context.Cause(ctx), &refusal) || subjectOf(refusal.Token) != "alice" {
				t.Errorf("Recheck: cause %v, want a Refusal with the token of alice", context.Cause(ctx))
			}
		})
		serve(g.Handler(g.With(once)(stream)), request(t, issuer.AccessToken().Sign()))
		if got := strings.Join(subjects, " "); got != "alice alice" {
			t.Errorf("subjects %q", got)
		}
	})
}

// A printed Decision or Refusal shows no claim, and encoding/json omits the token of a Refusal.
func TestCaseQ7_TokenIsNotPrinted(t *testing.T) {
	t.Parallel()
	token, err := consumer.NewToken("https://issuer.test", json.RawMessage(`{"sub":"secret","jti":"secret","email":"secret"}`))
	if err != nil {
		t.Fatal(err)
	}
	refusal := middleware.Refusal{Status: 403, Reason: consumer.ReasonPolicy, Token: token}
	decision := middleware.Decision{Status: 403, Token: token, Err: &refusal}
	encoded, err := json.Marshal(refusal)
	if want := `{"status":403}`; err != nil || string(encoded) != want {
		t.Errorf("%s, %v, want %s", encoded, err, want)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("decided", slog.Any("decision", decision), slog.Any("refusal", &refusal), slog.Any("value", refusal))
	}
	_, _ = fmt.Fprintf(&log, "%v %+v %#v %v %+v %#v", decision, decision, decision, refusal, refusal, refusal)
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log contains a claim:\n%s", log.String())
	}
}

// A DenyHandler may pass the Refusal to encoding/json.
func TestRefusal_JSON(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(&middleware.Refusal{
		Status: 403, Code: "insufficient_scope", Scopes: []string{"a", "b"},
		Reason: consumer.ReasonScope, Issuer: "https://issuer.test", Rule: "scope", Err: middleware.ErrInsufficientScope,
	})
	if want := `{"status":403,"error":"insufficient_scope","scopes":["a","b"]}`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}

func TestRefusal_Error(t *testing.T) {
	t.Parallel()
	refusal := &middleware.Refusal{Status: 403, Reason: consumer.ReasonPolicy}
	if got, want := refusal.Error(), "middleware: request rejected: policy"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	refusal.Err = errors.New("not yours")
	if got, want := refusal.Error(), "middleware: request rejected: policy: not yours"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// An invalid rule is logged when the route is created.
func TestWith_ReportsFaultyRules(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	g.With(middleware.Scopes("read"), middleware.Scopes("read write"))
	if !strings.Contains(log.String(), "level=ERROR") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log:\n%s", log.String())
	}
}
