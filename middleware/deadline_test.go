package middleware_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestDeadline_EndsWithTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
		admitted, err := g.Authenticate(request(t, issuer.AccessToken().Sign()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := middleware.Deadline(admitted.Context())
		defer cancel()

		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatalf("ended before the token did: %v", context.Cause(ctx))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			t.Errorf("Err = %v", ctx.Err())
		}
		ended, ok := errors.AsType[*consumer.Error](context.Cause(ctx))
		if !ok || ended.Reason != consumer.ReasonExpired || ended.Issuer != issuer.URL() {
			t.Errorf("Cause = %v", context.Cause(ctx))
		}
	})
}

func TestDeadline_WithoutAToken(t *testing.T) {
	t.Parallel()
	ctx, cancel := middleware.Deadline(t.Context())
	defer cancel()
	if ctx.Err() == nil || !errors.Is(context.Cause(ctx), middleware.ErrNoToken) {
		t.Errorf("Err = %v, Cause = %v", ctx.Err(), context.Cause(ctx))
	}
}

func TestDeadline_KeepsAnEarlierDeadline(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	token, err := newConsumer(t, issuer).Verify(t.Context(), issuer.AccessToken().Sign())
	if err != nil {
		t.Fatal(err)
	}
	parent, end := context.WithCancelCause(middleware.ContextWithToken(t.Context(), token))
	ctx, cancel := middleware.Deadline(parent)
	defer cancel()
	shutdown := errors.New("shutdown")
	end(shutdown)
	if !errors.Is(context.Cause(ctx), shutdown) {
		t.Errorf("Cause = %v", context.Cause(ctx))
	}
}

// A token of a custom Verifier may have no exp. It sets no deadline.
func TestDeadline_WithoutAnExpiry(t *testing.T) {
	t.Parallel()
	token, err := acceptAll(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := middleware.Deadline(middleware.ContextWithToken(t.Context(), token))
	if _, limited := ctx.Deadline(); limited || ctx.Err() != nil {
		t.Errorf("Deadline set: %v, Err = %v", limited, ctx.Err())
	}
	if cancel(); ctx.Err() == nil {
		t.Error("the CancelFunc has no effect")
	}
}

// A response does not go on because the machine slept past the expiry: timers stop during a sleep, the wall clock does not.
func TestCaseX11_DeadlineAfterASleep(t *testing.T) { //nolint:paralleltest // ShiftWall
	for name, shift := range map[string]time.Duration{"sleep": 72 * time.Hour, "set back": -72 * time.Hour, "no sleep": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
				token, err := newConsumer(t, issuer).Verify(t.Context(), issuer.AccessToken().Sign())
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				ctx, stop := middleware.Deadline(middleware.ContextWithToken(t.Context(), token))
				defer stop()
				time.Sleep(90 * time.Second)
				clock.ShiftWall(t, shift)
				<-ctx.Done()
				want := 5 * time.Minute // the life of the token
				if shift > 0 {
					want = 2 * time.Minute // the next check
				}
				if lasted := time.Since(began); lasted != want || reasonOf(ctx) != consumer.ReasonExpired {
					t.Errorf("ended after %v with %v, want %v", lasted, context.Cause(ctx), want)
				}
			})
		})
	}
}

// A CancelFunc may be called several times, as by a call and a deferred call of it.
func TestDeadline_CanBeCanceledTwice(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	admitted, err := g.Authenticate(request(t, issuer.AccessToken().Sign()))
	if err != nil {
		t.Fatal(err)
	}
	deadline, endDeadline := middleware.Deadline(admitted.Context())
	recheck, endRecheck := middleware.Recheck(admitted.Context(), 0)
	for range 2 {
		endDeadline()
		endRecheck()
	}
	if deadline.Err() == nil || recheck.Err() == nil {
		t.Errorf("Err = %v, %v", deadline.Err(), recheck.Err())
	}
}
