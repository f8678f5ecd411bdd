package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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

// Both Verifiers must accept the token, and their results must not contradict each other.
func TestX1_AlsoVerifiedBy(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	raw := issuer.AccessToken().Set("client_id", "app").Sign()
	anonymous := issuer.AccessToken().Set("client_id", bearertest.Absent).Set("sub", bearertest.Absent).Sign()
	type claims = map[string]any
	noClient := issuer.AccessToken().Set("client_id", bearertest.Absent).Sign()
	delegated := issuer.AccessToken().Set("client_id", "app").Set("act", claims{"sub": "app", "iss": "https://actors.test"}).Sign()
	returns := func(change claims) consumer.Verifier {
		all := claims{"iss": issuer.URL(), "sub": "alice", "client_id": "app"}
		for name, value := range change {
			all[name] = value
		}
		return verifierFunc(func(_ context.Context, text string) (*consumer.Token, error) {
			if !slices.Contains([]string{raw, anonymous, noClient, delegated}, text) {
				return nil, errors.New("another token")
			}
			iss, _ := all["iss"].(string)
			return consumer.NewToken(iss, mustJSON(all))
		})
	}
	rejected := func(reason consumer.Reason) answer { return withRule(invalidToken(reason), "also_verified_by") }
	for name, test := range map[string]struct {
		raw      string // empty: raw
		verifier consumer.Verifier
		want     answer
	}{
		"equal":                   {verifier: returns(nil), want: passed},
		"fewer members":           {verifier: returns(claims{"sub": nil, "client_id": nil}), want: passed},
		"other scopes and expiry": {verifier: returns(claims{"scope": "x", "exp": 2_000_000_000, "aud": "y"}), want: passed},
		"more members": {
			raw: anonymous, verifier: returns(nil),
			want: answer{Status: 200, Body: "hello ", Decision: middleware.Decision{Status: 200}},
		},
		"another issuer":   {verifier: returns(claims{"iss": "https://other.test"}), want: rejected(consumer.ReasonClaims)},
		"another subject":  {verifier: returns(claims{"sub": "bob"}), want: rejected(consumer.ReasonClaims)},
		"subject in case":  {verifier: returns(claims{"sub": "Alice"}), want: rejected(consumer.ReasonClaims)},
		"another client":   {verifier: returns(claims{"client_id": "other"}), want: rejected(consumer.ReasonClaims)},
		"bound to a key":   {verifier: returns(claims{"cnf": claims{"jkt": "x"}}), want: rejected(consumer.ReasonClaims)},
		"bound to unknown": {verifier: returns(claims{"cnf": claims{"kid": "x"}}), want: rejected(consumer.ReasonClaims)},
		"client, not user": {raw: noClient, verifier: returns(claims{"client_id": "alice"}), want: rejected(consumer.ReasonClaims)},
		"a client's mark":  {verifier: returns(claims{"idtyp": "app"}), want: rejected(consumer.ReasonClaims)},
		"user of a client": {raw: noClient, verifier: returns(nil), want: passed},
		"an actor":         {verifier: returns(claims{"act": claims{"sub": "app"}}), want: rejected(consumer.ReasonClaims)},
		"the same actor":   {raw: delegated, verifier: returns(claims{"act": claims{"sub": "app", "client_id": "x"}}), want: passed},
		"another actor":    {raw: delegated, verifier: returns(claims{"act": claims{"sub": "mallory"}}), want: rejected(consumer.ReasonClaims)},
		"actor of another": {raw: delegated, verifier: returns(claims{"act": claims{"sub": "app", "iss": "https://other.test"}}), want: rejected(consumer.ReasonClaims)},
		"no actor":         {raw: delegated, verifier: returns(nil), want: passed},
		"malformed":        {verifier: returns(claims{"sub": 1}), want: rejected(consumer.ReasonClaims)},
		"inactive":         {verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonInactive}), want: rejected(consumer.ReasonInactive)},
		"invalid":          {verifier: rejectWith(consumer.ErrInvalidToken), want: rejected(consumer.ReasonInactive)},
		"down": {
			verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonIntrospectionUnavailable}),
			want:     unavailable(consumer.ReasonIntrospectionUnavailable, "also_verified_by"),
		},
		"slow":          {verifier: rejectWith(context.DeadlineExceeded), want: unavailable(consumer.ReasonInternal, "also_verified_by")},
		"own fault":     {verifier: rejectWith(errors.New("own fault")), want: internal("also_verified_by")},
		"neither":       {verifier: rejectWith(nil), want: internal("also_verified_by")},
		"a zero token":  {verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) { return &consumer.Token{}, nil }), want: internal("also_verified_by")},
		"nil":           {verifier: nil, want: broken("AlsoVerifiedBy needs a Verifier: it is nil or contains a nil value")},
		"a nil pointer": {verifier: (*consumer.Consumer)(nil), want: broken("AlsoVerifiedBy needs a Verifier: it is nil or contains a nil value")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := raw
			if test.raw != "" {
				token = test.raw
			}
			rules := []middleware.Rule{middleware.AlsoVerifiedBy(test.verifier)}
			got := observed(t, middleware.Config{Verifier: newConsumer(t, issuer)}, rules, request(t, token))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// The second Verifier is not called for a token that the first one rejects, and is called in each request.
func TestX1_AlsoVerifiedByIsSecond(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	first := newConsumer(t, issuer)
	var calls atomic.Int64
	second := verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
		calls.Add(1)
		return first.Verify(ctx, raw)
	})
	g := newGuard(t, middleware.Config{Verifier: first})
	h := g.With(middleware.AlsoVerifiedBy(second))(g.Handler(hello))
	for _, test := range []struct {
		token  string
		status int
		calls  int64
	}{
		{"", http.StatusUnauthorized, 0},
		{"opaque", http.StatusUnauthorized, 0},
		{issuer.AccessToken().Set("exp", 1).Sign(), http.StatusUnauthorized, 0},
		{issuer.AccessToken().Sign(), http.StatusOK, 1},
		{issuer.AccessToken().Sign(), http.StatusOK, 2},
	} {
		if w := serve(h, request(t, test.token)); w.Code != test.status || calls.Load() != test.calls {
			t.Errorf("status %d after %d calls, want %d after %d", w.Code, calls.Load(), test.status, test.calls)
		}
	}
}

// A long response ends when the second Verifier no longer accepts the token, and when it is down.
func TestX1_RecheckCallsTheSecondVerifier(t *testing.T) {
	t.Parallel()
	for _, reason := range []consumer.Reason{consumer.ReasonInactive, consumer.ReasonIntrospectionUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
			first := newConsumer(t, issuer)
			var ended atomic.Bool
			second := verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
				if ended.Load() {
					return nil, &consumer.Error{Reason: reason}
				}
				return first.Verify(ctx, raw)
			})
			g := newGuard(t, middleware.Config{Verifier: first})
			ctx := stream(t, g.With(middleware.AlsoVerifiedBy(second)), issuer.AccessToken().Sign(), time.Second)
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				t.Fatalf("the response ended early: %v", context.Cause(ctx))
			}
			ended.Store(true)
			time.Sleep(2 * time.Second)
			if reasonOf(ctx) != reason {
				t.Errorf("the response ended with %v", context.Cause(ctx))
			}
		})
	}
}

// The log names the member that differs, without its values. The text of an error of the second Verifier is not logged.
func TestX1_DetailOfAlsoVerifiedBy(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for want, second := range map[string]consumer.Verifier{
		"the Verifiers of the Guard and of AlsoVerifiedBy return a different principal: a user and a client " +
			"(does the profile of the Guard's Verifier name the claim with the client id?)": verifierFunc(func(context.Context, string) (*consumer.Token, error) {
			return consumer.NewToken("https://other.test", mustJSON(map[string]any{"sub": "secret", "client_id": "secret"}))
		}),
		"the Verifiers of the Guard and of AlsoVerifiedBy return a different issuer": introspected(map[string]any{"sub": "secret"}),
		"the second Verifier does not accept the token (AlsoVerifiedBy)":             rejectWith(fmt.Errorf("%w: secret", consumer.ErrInvalidToken)),
	} {
		g := newGuard(t, middleware.Config{Verifier: verifierFunc(func(context.Context, string) (*consumer.Token, error) {
			return consumer.NewToken("https://other.test", mustJSON(map[string]any{"sub": "secret"}))
		})})
		_, err := g.Authenticate(request(t, issuer.AccessToken().Sign()), middleware.AlsoVerifiedBy(second))
		refusal, ok := err.(*middleware.Refusal) //nolint:errorlint // Authenticate returns this type
		if !ok || refusal.Detail != want || strings.Contains(refusal.Detail, "secret") {
			t.Errorf("%v: detail %q, want %q", err, refusal.Detail, want)
		}
	}
}
