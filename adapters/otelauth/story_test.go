package otelauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// story is an API, its issuer, and the requests that it received.
type story struct {
	*recorder
	issuer *bearertest.Issuer
	api    http.Handler
	down   atomic.Bool // the issuer
	tokens []string
}

func newStory(t *testing.T, decisionSpans bool) *story {
	t.Helper()
	s := &story{recorder: newRecorder(t, decisionSpans), issuer: bearertest.NewIssuer(bearertest.IssuerConfig{})}
	verifier, err := consumer.New(consumer.Config{
		Issuer:     s.issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: &http.Client{Transport: s},
		KeyCache:   jwks.Config{OnRefresh: s.OnRefresh},
		Status:     s,
		OnStatus:   s.OnStatus,
		OnVerify:   s.OnVerify,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Watch(verifier)
	guard, err := middleware.New(middleware.Config{Verifier: verifier, OnDecision: s.OnDecision})
	if err != nil {
		t.Fatal(err)
	}
	owner := middleware.Check("owner", func(_ context.Context, token *consumer.Token) error {
		return errors.New("mallorys-rule refuses " + token.Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("/mallorys-orders", guard.Handler(http.NotFoundHandler()))
	mux.Handle("/admin", guard.With(middleware.Scopes("admin"))(http.NotFoundHandler()))
	mux.Handle("/owned", guard.With(owner)(http.NotFoundHandler()))
	s.api = mux
	return s
}

// RoundTrip sends a request to the issuer within a span, as otelhttp does.
func (s *story) RoundTrip(r *http.Request) (*http.Response, error) {
	_, span := s.tracer.Start(r.Context(), "fetch", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	if s.down.Load() {
		return nil, errors.New("mallorys-network is down")
	}
	return s.issuer.Client().Transport.RoundTrip(r)
}

// Active implements [consumer.TokenStatus].
func (s *story) Active(_ context.Context, token consumer.StatusToken) (bool, error) {
	if token.ID() == "mallorys-lost-id" {
		return false, errors.New("mallorys-list has no answer about " + token.ID())
	}
	return token.ID() != "mallorys-revoked-id", nil
}

// token returns a token whose personal claims are easy to find in the output.
func (s *story) token() *bearertest.Token {
	return s.issuer.AccessToken().Set("sub", "mallory").Set("client_id", "mallorys-client").Set("jti", "mallorys-id").
		Set("email", "mallory@mail.test")
}

// get requests path within a span.
func (s *story) get(ctx context.Context, path, token string) {
	ctx, span := s.tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path+"?q=mallorys-query", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
		s.tokens = append(s.tokens, token)
	}
	s.api.ServeHTTP(httptest.NewRecorder(), r)
	synctest.Wait()              // keys are reported after the request that fetched them
	time.Sleep(time.Millisecond) // what was remembered at this moment would pass for new
}

// tell runs one operation of each kind in a synctest bubble.
func (s *story) tell(ctx context.Context) {
	const orders = "/mallorys-orders"
	s.get(ctx, orders, "")
	good := s.token().Sign()
	s.get(ctx, orders, good)
	s.get(ctx, orders, good)
	s.get(ctx, orders, s.token().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign())
	s.get(ctx, orders, s.token().Set("aud", "https://mallorys-api.test").Sign())
	s.get(ctx, orders, s.token().Set("iss", "https://mallorys-issuer.test").Sign())
	s.get(ctx, orders, "mallorys-nonsense")
	s.get(ctx, "/admin", good)
	s.get(ctx, "/owned", good)
	s.get(ctx, orders, s.token().Set("jti", "mallorys-revoked-id").Sign())
	s.get(ctx, orders, s.token().Set("jti", "mallorys-lost-id").Sign())
	s.get(ctx, orders, s.token().SetHeader("kid", "mallorys-key").Sign())

	time.Sleep(time.Minute) // until another unknown kid may cause a fetch
	s.issuer.Rotate()
	s.get(ctx, orders, s.token().Sign())

	s.down.Store(true)
	time.Sleep(25 * time.Hour)
	s.get(ctx, orders, s.token().Sign())
}

// TestMetrics is the golden list of names, units, kinds and attributes.
func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, false)
		s.tell(t.Context())
		if diff := cmp.Diff(strings.TrimSpace(wantMetrics), s.metrics(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestSpans is the golden list of spans.
func TestSpans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		decisionSpans bool
		want          string
	}{
		"of the request":   {false, wantSpans},
		"of the decisions": {true, wantDecisionSpans},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStory(t, test.decisionSpans)
				s.tell(t.Context())
				if diff := cmp.Diff(strings.TrimSpace(test.want), s.trace()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Neither the token, nor its claims, nor the path, nor the text of an error leaves the process.
func TestAttack44_NothingOfTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, true)
		s.tell(t.Context())
		secrets := []string{"mallory", "rs256-"}
		for _, token := range s.tokens {
			secrets = append(secrets, strings.Split(token, ".")...)
		}
		all := s.everything(t)
		for _, known := range []string{"bearerkit.decisions", "bearerkit.authenticate", "https://issuer.test", "keys_unavailable"} {
			if !strings.Contains(all, known) {
				t.Errorf("%s is missing, so this test checks nothing", known)
			}
		}
		for _, secret := range secrets {
			if strings.Contains(all, secret) {
				t.Errorf("%q is recorded", secret)
			}
		}
	})
}
