package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// outline returns the checks of x as "name result", without the checks of a token that passed.
func outline(x consumer.Explanation) (lines []string) {
	ofRequest := []string{"credential", "proof", "token", "binding", "rule"}
	for _, check := range x.Checks {
		for _, name := range ofRequest {
			if check.Name == name || name == "token" && check.Result == consumer.ResultFailed && check.Name != "credential" &&
				check.Name != "proof" && check.Name != "binding" && check.Name != "rule" {
				lines = append(lines, check.Name+" "+string(check.Result))
				break
			}
		}
	}
	return lines
}

// explained sends r through a Guard with cfg and rules, and returns the explanations.
func explained(t *testing.T, cfg middleware.Config, r *http.Request, rules ...middleware.Rule) []consumer.Explanation {
	t.Helper()
	var all []consumer.Explanation
	cfg.Explain = func(_ context.Context, x consumer.Explanation) { all = append(all, x) }
	serve(newGuard(t, cfg).With(rules...)(hello), r)
	return all
}

func TestExplain(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	good := func() string { return issuer.AccessToken().Set("scope", "read").Sign() }
	bound := issuer.AccessToken().Set("cnf", map[string]any{"jkt": "x"}).Sign()
	zero := verifierFunc(func(context.Context, string) (*consumer.Token, error) { return &consumer.Token{}, nil })
	read, write, secret := middleware.Scopes("read"), middleware.Scopes("write"), errors.New("about "+good())
	tests := []struct {
		name     string
		verifier consumer.Verifier // nil: a Consumer of issuer
		optional bool
		header   []string
		rules    []middleware.Rule
		reason   consumer.Reason
		want     []string
	}{
		{name: "passed", header: []string{"Bearer " + good()}, rules: []middleware.Rule{read}, want: []string{
			"credential passed", "binding passed", "rule passed",
		}},
		{name: "no token", rules: []middleware.Rule{read}, reason: consumer.ReasonNoToken, want: []string{"credential failed", "rule not_reached"}},
		{name: "optional", optional: true, want: []string{"credential passed"}},
		{name: "two tokens", header: []string{"Bearer a", "Bearer b"}, reason: consumer.ReasonInvalidRequest, want: []string{"credential failed"}},
		{name: "not a token68", header: []string{"Bearer a b"}, reason: consumer.ReasonInvalidRequest, want: []string{"credential failed"}},
		{
			name: "rejected token", header: []string{"Bearer " + issuer.AccessToken().Set("aud", "x").Set("exp", 1).Sign()},
			rules: []middleware.Rule{read}, reason: consumer.ReasonAudience,
			want: []string{"credential passed", "audience failed", "time failed", "binding not_reached", "rule not_reached"},
		},
		{
			name: "bound token", header: []string{"Bearer " + bound}, rules: []middleware.Rule{read}, reason: consumer.ReasonBinding,
			want: []string{"credential passed", "binding failed", "rule not_reached"},
		},
		{
			name: "second rule", header: []string{"Bearer " + good()}, rules: []middleware.Rule{read, write, read}, reason: consumer.ReasonScope,
			want: []string{"credential passed", "binding passed", "rule passed", "rule failed", "rule not_reached"},
		},
		{
			name: "error of a Check", header: []string{"Bearer " + good()}, rules: []middleware.Rule{saying(secret)}, reason: consumer.ReasonPolicy,
			want: []string{"credential passed", "binding passed", "rule failed"},
		},
		{
			name: "custom Verifier", verifier: acceptAll, header: []string{"Bearer x"},
			want: []string{"credential passed", "token passed", "binding passed"},
		},
		{
			name: "error of a custom Verifier", verifier: rejectWith(secret), header: []string{"Bearer x"}, reason: consumer.ReasonInternal,
			want: []string{"credential passed", "token failed", "binding not_reached"},
		},
		{
			name: "zero Token", verifier: zero, header: []string{"Bearer x"}, reason: consumer.ReasonInternal,
			want: []string{"credential passed", "token passed", "binding failed"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.verifier == nil {
				test.verifier = newConsumer(t, issuer)
			}
			r := request(t, "")
			r.Header["Authorization"] = test.header
			all := explained(t, middleware.Config{Verifier: test.verifier, Optional: test.optional}, r, test.rules...)
			if len(all) != 1 || all[0].Reason != test.reason {
				t.Fatalf("explanations %v, want one with reason %q", all, test.reason)
			}
			if diff := cmp.Diff(test.want, outline(all[0])); diff != "" {
				t.Errorf("checks (-want +got):\n%s\n%s", diff, all[0])
			}
			text, err := json.Marshal(all[0])
			for _, header := range append(test.header, "about ") {
				if shown := strings.TrimPrefix(header, "Bearer "); err != nil || len(shown) > 5 && strings.Contains(string(text), shown) {
					t.Errorf("%v: the explanation shows %q:\n%s", err, shown, text)
				}
			}
		})
	}
}

// The handlers of nested Withs each explain their own decision.
func TestExplain_Nested(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	var all []consumer.Explanation
	g := newGuard(t, middleware.Config{
		Verifier: newConsumer(t, issuer), Explain: func(_ context.Context, x consumer.Explanation) { all = append(all, x) },
	})
	serve(g.Handler(g.With(middleware.Scopes("write"))(hello)), request(t, issuer.AccessToken().Sign()))
	if len(all) != 2 {
		t.Fatalf("%d explanations, want 2", len(all))
	}
	if diff := cmp.Diff([]string{"credential passed", "token passed", "rule failed"}, outline(all[1])); diff != "" {
		t.Errorf("checks of the inner handler (-want +got):\n%s", diff)
	}
	if all[1].Issuer != issuer.URL() || all[1].Reason != consumer.ReasonScope {
		t.Errorf("inner handler: issuer %q, reason %q", all[1].Issuer, all[1].Reason)
	}
}

// picky is a custom Verifier that embeds a Consumer.
type picky struct{ *consumer.Consumer }

func (picky) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}

// Config.Explain never changes the decision: the Verify of a custom Verifier decides, even if it inherits an Explain.
func TestExplain_EmbeddedConsumer(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	verifier := picky{newConsumer(t, issuer)}
	token := issuer.AccessToken().Sign()
	all := explained(t, middleware.Config{Verifier: verifier}, request(t, token))
	if diff := cmp.Diff([]string{"credential passed", "token failed", "binding not_reached"}, outline(all[0])); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	cfg := middleware.Config{Verifier: verifier, Explain: func(context.Context, consumer.Explanation) {}}
	if w := serve(newGuard(t, cfg).Handler(hello), request(t, token)); w.Code != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", w.Code)
	}
}

// A Group explains tokens that no Consumer accepts.
func TestExplain_Group(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.test", Audience: audience})
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, issuer)}})
	if err != nil {
		t.Fatal(err)
	}
	all := explained(t, middleware.Config{Verifier: group}, request(t, stranger.AccessToken().Sign()))
	want := []string{"credential passed", "issuer failed", "binding not_reached"}
	if diff := cmp.Diff(want, outline(all[0])); diff != "" || all[0].Issuer != "" {
		t.Errorf("issuer %q, checks (-want +got):\n%s", all[0].Issuer, diff)
	}
}

// The explanation of a rule says what it requires.
func TestExplain_WhatRulesRequire(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	verifier := newConsumer(t, issuer)
	for _, test := range []struct {
		rule     middleware.Rule
		expected string
		detail   string
	}{
		{
			middleware.StepUp(5*time.Minute, "gold", "silver"),
			`a token that meets rule "step_up": an acr of ["gold" "silver"] and an auth_time of at most 5m0s ago`,
			`acr (missing, empty, or not a string) is not one of ["gold" "silver"] (StepUp)`,
		},
		{
			middleware.StepUp(5 * time.Minute), `a token that meets rule "step_up": an auth_time of at most 5m0s ago`,
			`auth_time (missing, or not a number of seconds) is not within the last 5m0s (StepUp)`,
		},
		{
			middleware.AuthorizationDetails("payment", "initiate"),
			`a token that meets rule "authorization_details": an object in authorization_details with the type "payment" and all of the actions ["initiate"]`,
			`no object in authorization_details has the type "payment" and all of the actions ["initiate"] (AuthorizationDetails)`,
		},
		{
			middleware.SenderConstrained(), `a token that meets rule "sender_constrained": a cnf with a key or certificate`,
			"the token has no cnf, expected one that is bound to a key or certificate (SenderConstrained)",
		},
		{
			middleware.Principal(consumer.PrincipalClient), `a token that meets rule "principal": a principal that is a client`,
			"the token does not act for a client (Principal)",
		},
		{
			middleware.AlsoVerifiedBy(rejectWith(consumer.ErrInvalidToken)),
			`a token that meets rule "also_verified_by": the same result of a second Verifier`,
			"the second Verifier does not accept the token (AlsoVerifiedBy)",
		},
		{middleware.Scopes("write"), `a token that meets rule "scope"`, `the token does not have all of the scopes ["write"]`},
	} {
		all := explained(t, middleware.Config{Verifier: verifier}, request(t, issuer.AccessToken().Sign()), test.rule)
		checks := all[0].Checks
		got := checks[len(checks)-1]
		if got.Result != consumer.ResultFailed || got.Expected != test.expected || got.Detail != test.detail {
			t.Errorf("expected %s, detail %s, want %s, %s", got.Expected, got.Detail, test.expected, test.detail)
		}
	}
}
