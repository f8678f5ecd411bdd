package middleware_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// stream sends a request through guard and returns the context of a response that is rechecked at the interval.
func stream(t *testing.T, guard func(http.Handler) http.Handler, raw string, every time.Duration) context.Context {
	t.Helper()
	var ctx context.Context
	w := serve(guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var stop context.CancelFunc
		ctx, stop = middleware.Recheck(r.Context(), every)
		t.Cleanup(stop)
	})), request(t, raw))
	if ctx == nil {
		t.Fatalf("rejected with %d", w.Code)
	}
	return ctx
}

func reasonOf(ctx context.Context) consumer.Reason {
	if ctx.Err() == nil {
		return ""
	}
	if e, ok := errors.AsType[*consumer.Error](context.Cause(ctx)); ok {
		return e.Reason
	}
	if e, ok := errors.AsType[*middleware.Refusal](context.Cause(ctx)); ok {
		return e.Reason
	}
	return consumer.Reason(context.Cause(ctx).Error())
}

// tokens is a TokenStatus whose result changes.
type tokens struct{ ended, lost atomic.Bool }

// Active implements consumer.TokenStatus.
func (s *tokens) Active(context.Context, consumer.StatusToken) (bool, error) {
	if s.lost.Load() {
		return false, errors.New("down")
	}
	return !s.ended.Load(), nil
}

// Something happens two and a half minutes after a stream began. The token expires after five minutes.
func TestRecheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		befalls func(s *tokens, g *middleware.Guard, role *atomic.Bool)
		every   time.Duration
		ends    time.Duration
		why     consumer.Reason
	}{
		"nothing": {func(*tokens, *middleware.Guard, *atomic.Bool) {}, time.Minute, 5 * time.Minute, consumer.ReasonExpired},
		"revoked": {
			func(s *tokens, _ *middleware.Guard, _ *atomic.Bool) { s.ended.Store(true) },
			time.Minute, 3 * time.Minute, consumer.ReasonRevoked,
		},
		"revoked, checked every 20 s": {
			func(s *tokens, _ *middleware.Guard, _ *atomic.Bool) { s.ended.Store(true) },
			20 * time.Second, 160 * time.Second, consumer.ReasonRevoked,
		},
		"revoked, default interval": {
			func(s *tokens, _ *middleware.Guard, _ *atomic.Bool) { s.ended.Store(true) },
			0, 3 * time.Minute, consumer.ReasonRevoked,
		},
		"the store is down": {
			func(s *tokens, _ *middleware.Guard, _ *atomic.Bool) { s.lost.Store(true) },
			time.Minute, 3 * time.Minute, consumer.ReasonStatusUnavailable,
		},
		"a rule is no longer met": {
			func(_ *tokens, _ *middleware.Guard, role *atomic.Bool) { role.Store(false) },
			time.Minute, 3 * time.Minute, consumer.ReasonPolicy,
		},
		"replaced": {func(_ *tokens, g *middleware.Guard, _ *atomic.Bool) {
			_ = g.Replace(middleware.Config{Verifier: rejectWith(&consumer.Error{Reason: consumer.ReasonIssuer})})
		}, time.Minute, 3 * time.Minute, consumer.ReasonIssuer},
		"the Verifier panics": {func(_ *tokens, g *middleware.Guard, _ *atomic.Bool) {
			_ = g.Replace(middleware.Config{Verifier: verifierFunc(
				func(context.Context, string) (*consumer.Token, error) { panic("fault") })})
		}, time.Minute, 3 * time.Minute, consumer.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, status := newWorld(t), new(tokens)
				verifier := mustConsumer(t, consumer.Config{
					Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w, Status: status,
				})
				g := newGuard(t, middleware.Config{Verifier: verifier})
				var role atomic.Bool
				role.Store(true)
				rule := middleware.Check("role", func(context.Context, *consumer.Token) error {
					if !role.Load() {
						return errors.New("no")
					}
					return nil
				})
				began := time.Now()
				ctx := stream(t, func(next http.Handler) http.Handler {
					return g.With(rule)(g.Handler(next)) // the outer With has the rule
				}, w.issuer.AccessToken().Sign(), test.every)
				time.Sleep(150 * time.Second)
				synctest.Wait()
				if ctx.Err() != nil {
					t.Fatalf("ended early: %v", context.Cause(ctx))
				}
				test.befalls(status, g, &role)
				<-ctx.Done()
				if lasted := time.Since(began); lasted != test.ends || reasonOf(ctx) != test.why {
					t.Errorf("ended after %v with %v, want %v and %q", lasted, context.Cause(ctx), test.ends, test.why)
				}
			})
		})
	}
}

func TestRecheck_WithoutAGuard(t *testing.T) {
	t.Parallel()
	ctx, stop := middleware.Recheck(t.Context(), time.Minute)
	defer stop()
	if !errors.Is(context.Cause(ctx), middleware.ErrNoToken) {
		t.Errorf("without a token: %v", context.Cause(ctx))
	}

	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		token, err := newConsumer(t, issuer).Verify(t.Context(), issuer.AccessToken().Sign())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := middleware.Recheck(middleware.ContextWithToken(t.Context(), token), time.Minute)
		defer stop()
		<-ctx.Done()
		if reasonOf(ctx) != consumer.ReasonExpired {
			t.Errorf("a token without a Guard: %v", context.Cause(ctx))
		}
	})
}

// No goroutine outlives the response; otherwise synctest fails.
func TestRecheck_LeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := newGuard(t, middleware.Config{Verifier: mustConsumer(t, consumer.Config{
			Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w,
		})})
		r, err := g.Authenticate(request(t, w.issuer.AccessToken().Sign()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := middleware.Recheck(r.Context(), time.Minute)
		stop()
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Errorf("stopped with %v", context.Cause(ctx))
		}
	})
}

// Recheck ends a response whose token is bound to another certificate than when the request passed, or to none, and one whose
// binding the Guard no longer accepts. A response has no new certificate that could be compared.
func TestM1_M4_RecheckOfACertificate(t *testing.T) {
	t.Parallel()
	own, other := newCertificate(t, nil, "own"), newCertificate(t, nil, "other")
	bound := func(c tls.Certificate) string { return `,"cnf":{"x5t#S256":"` + thumbprint(c) + `"}` }
	for name, test := range map[string]struct {
		second string // the binding in the second result of the Verifier
		mtls   *middleware.MTLSConfig
		want   consumer.Reason
	}{
		"the same":            {bound(own), &middleware.MTLSConfig{}, ""},
		"another certificate": {bound(other), &middleware.MTLSConfig{}, consumer.ReasonBinding},
		"not bound any more":  {"", &middleware.MTLSConfig{}, consumer.ReasonBinding},
		"MTLS switched off":   {bound(own), nil, consumer.ReasonBinding},
	} {
		synctest.Test(t, func(t *testing.T) {
			binding := bound(own)
			verifier := verifierFunc(func(context.Context, string) (*consumer.Token, error) {
				return consumer.NewToken("https://issuer.test", json.RawMessage(`{"sub":"alice"`+binding+`}`))
			})
			g := newGuard(t, middleware.Config{Verifier: verifier, MTLS: &middleware.MTLSConfig{}})
			ctx := stream(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{own.Leaf}}
					g.Handler(next).ServeHTTP(w, r)
				})
			}, "opaque", time.Minute)
			binding = test.second
			if err := g.Replace(middleware.Config{Verifier: verifier, MTLS: test.mtls}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			if got := reasonOf(ctx); got != test.want {
				t.Errorf("%s: the response ended with reason %q, want %q", name, got, test.want)
			}
		})
	}
}
