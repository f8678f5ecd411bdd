package consumer_test

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
)

// numbered is a TokenStatus with a version. during, if not nil, runs in Active after the result was read.
type numbered struct {
	answers

	version atomic.Uint64
	without bool // there is no version
	during  func()
}

func (n *numbered) Version(status any) (uint64, bool) {
	return n.version.Load(), !n.without && status == any(n)
}

func (n *numbered) Active(ctx context.Context, token consumer.StatusToken) (bool, error) {
	active, err := n.answers.Active(ctx, token)
	if n.during != nil {
		n.during()
	}
	return active, err
}

// deny makes the status report all tokens as not active.
func (n *numbered) deny() {
	n.set(false, nil)
	n.version.Add(1)
}

// Active is called again only after the version has changed.
func TestStatusVersion(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	raw := issuer.AccessToken().Sign()
	for name, test := range map[string]struct {
		change func(*consumer.Config, *numbered)
		calls  int // of Active by three requests
	}{
		"a version":                {func(*consumer.Config, *numbered) {}, 1},
		"a high version":           {func(_ *consumer.Config, n *numbered) { n.version.Store(1 << 63) }, 1},
		"the highest version":      {func(_ *consumer.Config, n *numbered) { n.version.Store(1<<64 - 1) }, 3},
		"StatusTTL has no effect":  {func(c *consumer.Config, _ *numbered) { c.StatusTTL = time.Hour }, 1},
		"no version":               {func(_ *consumer.Config, n *numbered) { n.without = true }, 3},
		"no version but StatusTTL": {func(c *consumer.Config, n *numbered) { n.without, c.StatusTTL = true, time.Second }, 1},
		"no cache of tokens":       {func(c *consumer.Config, _ *numbered) { c.CacheSize = -1 }, 3},
		"no cache, but StatusTTL":  {func(c *consumer.Config, _ *numbered) { c.CacheSize, c.StatusTTL = -1, time.Hour }, 3},
		"it changes during a call": {func(_ *consumer.Config, n *numbered) { n.during = func() { n.version.Add(1) } }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status := new(numbered)
			status.set(true, nil)
			cfg := offline(t, issuer)
			cfg.Status = status
			test.change(&cfg, status)
			c := newConsumer(t, cfg)
			for range 3 {
				accept(t, c, raw)
			}
			if got := len(status.asked); got != test.calls {
				t.Errorf("%d calls of Active, want %d", got, test.calls)
			}
			if status.without { // the token may be accepted until StatusTTL has passed
				return
			}
			status.deny()
			reject(t, c, raw, consumer.ReasonRevoked)
			reject(t, c, raw, consumer.ReasonRevoked)
			status.set(true, nil) // the version is the same, but negative results are not cached
			accept(t, c, raw)
		})
	}
}

// An error is not cached, and the next request calls Active again.
func TestStatusVersion_Errors(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	status := new(numbered)
	status.set(false, errStore)
	cfg := offline(t, issuer)
	cfg.Status = status
	var checks []bool
	cfg.OnStatus = func(_ context.Context, check consumer.StatusCheck) { checks = append(checks, check.Cached) }
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Sign()
	reject(t, c, raw, consumer.ReasonStatusUnavailable)
	status.set(true, nil)
	accept(t, c, raw)
	status.set(false, errStore) // the version is the same, so Active is not called
	accept(t, c, raw)
	status.version.Add(1)
	reject(t, c, raw, consumer.ReasonStatusUnavailable)
	if len(checks) != 4 || !checks[2] || checks[0] || checks[1] || checks[3] {
		t.Errorf("Cached of the calls of OnStatus: %v, want only the third", checks)
	}
}

// A token that is denied in memory is rejected by the next request, without a call of Drop, however many requests run at the
// same time.
func TestStatusVersion_DenyListInMemory(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	list := store.DenyList{Storage: store.NewMemory(1000)}
	cfg := offline(t, issuer)
	cfg.Status, cfg.StatusTTL = list, time.Hour
	c := newConsumer(t, cfg)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				jti, session := rand.Text(), rand.Text()
				raw := issuer.AccessToken().Set("jti", jti).Set("sid", session).Sign()
				for range 3 {
					accept(t, c, raw)
				}
				var err error
				if session[0]%2 == 0 {
					err = list.DenyToken(t.Context(), issuer.URL(), jti, time.Now().Add(time.Hour))
				} else {
					err = list.DenySession(t.Context(), issuer.URL(), session, time.Now().Add(time.Hour))
				}
				if err != nil {
					t.Error(err)
				}
				reject(t, c, raw, consumer.ReasonRevoked)
			}
		})
	}
	all.Wait()
}

// closable is a DenyList with a check of its own. It also has the method Version of the DenyList.
type closable struct {
	store.DenyList

	closed *atomic.Bool
}

func (s closable) Active(ctx context.Context, token consumer.StatusToken) (bool, error) {
	active, err := s.DenyList.Active(ctx, token)
	return active && !s.closed.Load(), err
}

// backed is a Memory that reads further entries.
type backed struct {
	*store.Memory

	more store.Storage
}

func (b backed) Lookup(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
	return b.more.Lookup(ctx, keys...)
}

// A type that embeds a DenyList or a Memory may read other data, so its method Version is not used.
func TestStatusVersion_Embedded(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var closed atomic.Bool
	memory, more := store.NewMemory(10), store.NewMemory(10)
	for name, test := range map[string]struct {
		status consumer.TokenStatus
		deny   func(jti string) error
	}{
		"Active": {closable{store.DenyList{Storage: memory}, &closed}, func(string) error { closed.Store(true); return nil }},
		"Lookup": {store.DenyList{Storage: backed{memory, more}}, func(jti string) error {
			return store.DenyList{Storage: more}.DenyToken(t.Context(), issuer.URL(), jti, time.Now().Add(time.Hour))
		}},
	} {
		cfg := offline(t, issuer)
		cfg.Status = test.status
		c := newConsumer(t, cfg)
		raw := issuer.AccessToken().Set("jti", name).Sign()
		accept(t, c, raw)
		if err := test.deny(name); err != nil {
			t.Fatal(err)
		}
		reject(t, c, raw, consumer.ReasonRevoked)
	}
}
