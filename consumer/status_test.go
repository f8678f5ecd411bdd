package consumer_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func TestAttack45_StatusIsCachedForStatusTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, status := newIssuer(), &answers{active: true}
		cfg := offline(t, issuer)
		cfg.Status, cfg.StatusTTL = status, 20*time.Second
		cfg.CacheSize = -1 // results are cached apart from tokens
		var told []consumer.StatusCheck
		cfg.OnStatus = func(_ context.Context, check consumer.StatusCheck) { told = append(told, check) }
		c := newConsumer(t, cfg)
		raw, other := issuer.AccessToken().Sign(), issuer.AccessToken().Set("jti", "other").Sign()

		accept(t, c, raw)
		status.set(false, nil)
		time.Sleep(20*time.Second - 1)
		accept(t, c, raw)
		reject(t, c, other, consumer.ReasonRevoked) // the cached result is for another token
		time.Sleep(time.Nanosecond)
		reject(t, c, raw, consumer.ReasonRevoked)
		if got := status.count(); got != 3 {
			t.Errorf("called %d times, want 3", got)
		}

		status.set(true, nil)
		time.Sleep(5*time.Second - 1)
		reject(t, c, raw, consumer.ReasonRevoked)
		time.Sleep(time.Nanosecond)
		accept(t, c, raw) // negative results are cached for 5 s

		time.Sleep(20 * time.Second)
		status.set(true, errStore)
		reject(t, c, raw, consumer.ReasonStatusUnavailable)
		status.set(true, nil)
		accept(t, c, raw) // errors are not cached

		cached := 0
		for _, check := range told {
			if check.Issuer != issuerURL || check.Err != nil && check.Active {
				t.Errorf("reported %+v", check)
			}
			if check.Cached {
				cached++
			}
		}
		if len(told) != 8 || cached != 2 || !errors.Is(told[6].Err, errStore) {
			t.Errorf("%d reports, %d of cached results, want 8 and 2: %+v", len(told), cached, told)
		}
	})
}

func TestStatusCanFailOpen(t *testing.T) {
	t.Parallel()
	issuer, status := newIssuer(), &answers{err: errStore}
	cfg := offline(t, issuer)
	cfg.Status, cfg.InsecureStatusFailOpen = status, true
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Sign()
	accept(t, c, raw)
	accept(t, c, raw)
	status.set(false, nil)
	reject(t, c, raw, consumer.ReasonRevoked) // the setting applies to errors only

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status.set(true, nil) // too late
	_, err := c.Verify(ctx, raw)
	if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Reason != consumer.ReasonCanceled {
		t.Errorf("canceled request: error %v, want ReasonCanceled", err)
	}
}

func TestAttack45_StatusCacheIsBounded(t *testing.T) {
	t.Parallel()
	issuer, status := newIssuer("HS256"), &answers{active: true}
	cfg := hmacOnly(issuer)
	cfg.Status, cfg.StatusTTL, cfg.CacheSize = status, time.Hour, -1
	c := newConsumer(t, cfg)
	draft := issuer.AccessToken()
	named := func(n int) string { return draft.Set("jti", strconv.Itoa(n)).Sign() }
	for n := range 10_000 {
		accept(t, c, named(n))
	}
	accept(t, c, named(0))
	if got := status.count(); got != 10_000 {
		t.Errorf("called %d times for 10 000 tokens that fit", got)
	}
	for n := range 10_000 {
		accept(t, c, named(10_000+n))
	}
	for n := range 10_000 { // most were evicted
		accept(t, c, named(n))
	}
	if got := status.count(); got < 25_000 {
		t.Errorf("called %d times, want at least 25000: more results are cached than the limit allows", got)
	}
}

// limited is a TokenStatus whose results may be cached for a time.
type limited struct {
	*answers
	limit time.Duration
}

func (l *limited) CacheFor(consumer.StatusToken) time.Duration { return l.limit }

// A TokenStatus with a method CacheFor shortens StatusTTL, and does not extend it.
func TestAttack45_StatusLimitsItsCache(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ limit, want time.Duration }{
		{0, 0}, {5 * time.Second, 5 * time.Second}, {20 * time.Second, 20 * time.Second}, {time.Hour, 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer, status := newIssuer(), &limited{&answers{active: true}, test.limit}
			cfg := offline(t, issuer)
			cfg.Status, cfg.StatusTTL = status, 20*time.Second
			c := newConsumer(t, cfg)
			raw := issuer.AccessToken().Sign()
			accept(t, c, raw)
			status.set(false, nil)
			if test.want > 0 {
				time.Sleep(test.want - 1)
				accept(t, c, raw)
				time.Sleep(time.Nanosecond)
			}
			reject(t, c, raw, consumer.ReasonRevoked)
		})
	}
}
