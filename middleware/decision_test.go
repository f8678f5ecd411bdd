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

// Neither a token nor its claims reach a log, a response or a label, whether it is valid or not.
func TestB8_Attack43_Attack44_TokenIsNotLoggedOrSent(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://secret.test"})
	verifier := newConsumer(t, issuer)
	talkative := verifierFunc(func(_ context.Context, raw string) (*consumer.Token, error) {
		return nil, fmt.Errorf("cannot read secret %s", raw)
	})
	secretive := issuer.AccessToken().Set("sub", "secret").Set("jti", "secret").Set("client_id", "secret")
	kid := issuer.AccessToken().SetHeader("kid", "secret")
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
