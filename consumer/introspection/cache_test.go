package introspection_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// An accepted token is cached for ActiveFor, but never beyond its exp, whatever the clock skew is.
func TestI5_CacheEndsWithTheToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		life   time.Duration // 0: no exp
		edit   func(*introspection.Config)
		cached time.Duration // the result is used for as long
	}{
		"a long token":     {life: time.Hour, cached: time.Minute},
		"without exp":      {cached: time.Minute},
		"a short token":    {life: 20 * time.Second, cached: 20 * time.Second},
		"a shorter cache":  {life: time.Hour, edit: func(cfg *introspection.Config) { cfg.ActiveFor = 5 * time.Second }, cached: 5 * time.Second},
		"a longer cache":   {life: time.Hour, edit: func(cfg *introspection.Config) { cfg.ActiveFor = 5 * time.Minute }, cached: 5 * time.Minute},
		"no cache":         {life: time.Hour, edit: func(cfg *introspection.Config) { cfg.ActiveFor = -1 }},
		"no room":          {life: time.Hour, edit: func(cfg *introspection.Config) { cfg.CacheSize = -1 }},
		"the largest skew": {life: 20 * time.Second, edit: func(cfg *introspection.Config) { cfg.ClockSkew = 5 * time.Minute }, cached: 20 * time.Second},
		"an expired token": {life: -5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var exp any
				if c.life != 0 {
					exp = time.Now().Add(c.life).Unix()
				}
				s := says(200, active("exp", exp))
				v := newVerifier(t, s, c.edit)
				wantReason(t, v, opaque, "")
				if c.cached > 0 {
					time.Sleep(c.cached - 1)
					wantReason(t, v, opaque, "")
					wantRequests(t, s, 1, "before the end")
					time.Sleep(time.Nanosecond)
				}
				s.set(200, inactive) // the server knows
				wantReason(t, v, opaque, consumer.ReasonInactive)
				wantRequests(t, s, 2, "after the end")
			})
		})
	}
}

// The age of a cached result counts from the request, and not from the response.
func TestI5_AgeCountsFromTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, slowServer{s, time.Second}, nil)
		wantReason(t, v, opaque, "")
		time.Sleep(59*time.Second - 1)
		wantReason(t, v, opaque, "")
		wantRequests(t, s, 1, "59 s after the response")
		time.Sleep(time.Nanosecond)
		wantReason(t, v, opaque, "")
		wantRequests(t, s, 2, "60 s after the request")
	})
}

func TestI5_RejectionsAreCachedForFiveSeconds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want consumer.Reason
		edit func(*introspection.Config)
		life time.Duration
	}{
		"inactive":         {inactive, consumer.ReasonInactive, nil, 5 * time.Second},
		"another audience": {`{"active":true,"aud":"x"}`, consumer.ReasonAudience, nil, 5 * time.Second},
		"longer":           {inactive, consumer.ReasonInactive, func(cfg *introspection.Config) { cfg.InactiveFor = time.Minute }, time.Minute},
		"not at all":       {inactive, consumer.ReasonInactive, func(cfg *introspection.Config) { cfg.InactiveFor = -1 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := says(200, c.body)
				v := newVerifier(t, s, c.edit)
				wantReason(t, v, opaque, c.want)
				if c.life > 0 {
					time.Sleep(c.life - 1)
					wantReason(t, v, opaque, c.want)
					wantRequests(t, s, 1, "before the end")
					time.Sleep(time.Nanosecond)
				}
				s.set(200, active()) // the token was stored late
				wantReason(t, v, opaque, "")
				wantRequests(t, s, 2, "after the end")
			})
		})
	}
}

// No jump of the wall clock, and no sleep of the machine, extends the life of a cached result.
func TestI5_ClockJumps(t *testing.T) { //nolint:paralleltest // the shift of the clock is for the whole process
	for name, c := range map[string]struct{ shift, sleep time.Duration }{
		"set back":         {-time.Hour, time.Minute},
		"set forward":      {time.Minute, 0},
		"woke up":          {59 * time.Second, time.Second},
		"set back by more": {-48 * time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := says(200, "")
			synctest.Test(t, func(t *testing.T) {
				s.set(200, active("exp", time.Now().Add(24*time.Hour).Unix()))
				v := newVerifier(t, s, func(cfg *introspection.Config) { cfg.ClockSkew = 5 * time.Minute })
				wantReason(t, v, opaque, "")
				clock.ShiftWall(t, c.shift)
				time.Sleep(c.sleep)
				wantReason(t, v, opaque, "")
				wantRequests(t, s, 2, "after the jump")
			})
		})
	}
}

// A token that is no longer active loses its place among the tokens that were active before.
func TestRevokedTokenIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, s, nil)
		wantReason(t, v, opaque, "")
		s.set(200, inactive)
		time.Sleep(time.Minute)
		wantReason(t, v, opaque, consumer.ReasonInactive)
		if got := v.Stats(); got.Accepted != 0 || got.Rejected != 1 {
			t.Errorf("%d accepted and %d rejected tokens are cached", got.Accepted, got.Rejected)
		}
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	s := says(200, active())
	v := newVerifier(t, s, nil)
	wantReason(t, v, "token-a", "")
	s.set(200, active("sub", "bob"))
	wantReason(t, v, "token-b", "")
	s.set(200, inactive)
	wantReason(t, v, "token-c", consumer.ReasonInactive)
	if n := v.Drop(func(t consumer.StatusToken) bool { return t.Subject() == "bob" }); n != 1 {
		t.Errorf("%d tokens were dropped", n)
	}
	wantReason(t, v, "token-a", "")
	wantRequests(t, s, 3, "the token that does not match")
	wantReason(t, v, "token-b", consumer.ReasonInactive)
	wantReason(t, v, "token-c", consumer.ReasonInactive)
	wantRequests(t, s, 5, "the dropped token and the rejected one")
	if n := v.Drop(nil); n != 1 {
		t.Errorf("%d tokens were dropped", n)
	}
	wantReason(t, v, "token-a", consumer.ReasonInactive)
}

// The response to a request that was sent before Drop is not used for callers that come later, and is not cached.
func TestDropDuringARequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := says(200, active())
		v := newVerifier(t, slowServer{s, time.Second}, nil)
		go func() { _, _ = v.Verify(t.Context(), opaque) }()
		synctest.Wait()
		s.set(200, inactive)
		v.Drop(nil)
		wantReason(t, v, opaque, consumer.ReasonInactive)
		wantRequests(t, s, 2, "a request before and one after Drop")
		wantReason(t, v, opaque, consumer.ReasonInactive)
	})
}

// Calls of Drop that are not about a token do not keep it out of the cache, however often they happen.
func TestDropOfOtherTokensDuringARequest(t *testing.T) {
	t.Parallel()
	about := func(subject string) func(consumer.StatusToken) bool {
		return func(t consumer.StatusToken) bool { return t.Subject() == subject }
	}
	fails := func(consumer.StatusToken) bool { panic("a fault of the application") }
	for name, c := range map[string]struct {
		drops  []func(consumer.StatusToken) bool
		cached bool
	}{
		"none":          {nil, true},
		"others":        {[]func(consumer.StatusToken) bool{about("bob"), about("carol")}, true},
		"this one":      {[]func(consumer.StatusToken) bool{about("alice")}, false},
		"this one last": {[]func(consumer.StatusToken) bool{about("bob"), about("alice")}, false},
		"all":           {[]func(consumer.StatusToken) bool{about("bob"), nil}, false},
		"100 others":    {slices.Repeat([]func(consumer.StatusToken) bool{about("bob")}, 100), true},
		"101 others":    {slices.Repeat([]func(consumer.StatusToken) bool{about("bob")}, 101), false},
		"1000 others":   {slices.Repeat([]func(consumer.StatusToken) bool{about("bob")}, 1000), false},
		"a panic":       {[]func(consumer.StatusToken) bool{fails}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := says(200, active())
			v := newVerifier(t, slowServer{s, time.Second}, nil)
			go func() { _, _ = v.Verify(t.Context(), opaque) }()
			synctest.Wait()
			for _, match := range c.drops {
				v.Drop(match)
			}
			time.Sleep(2 * time.Second)
			wantReason(t, v, opaque, "")
			wantRequests(t, s, map[bool]int{true: 1, false: 2}[c.cached], name)
		})
	}
}

// A flood of unknown tokens evicts no accepted token.
func TestFloodEvictsNoAcceptedToken(t *testing.T) {
	t.Parallel()
	s := says(200, active())
	v := newVerifier(t, s, nil)
	wantReason(t, v, opaque, "")
	s.set(200, inactive)
	for i := range 20_000 {
		_, _ = v.Verify(t.Context(), fmt.Sprintf("random-%d", i))
	}
	wantReason(t, v, opaque, "")
	wantRequests(t, s, 20_001, "a request for each unknown token")
	if got := v.Stats(); got.Accepted != 1 || got.Rejected != 10_000 {
		t.Errorf("%d accepted and %d rejected tokens are cached", got.Accepted, got.Rejected)
	}
}
