package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// tenants resolves the issuers it has.
type tenants struct {
	issuers map[string]*bearertest.Issuer

	mu        sync.Mutex // guards what follows
	consumers map[string]*consumer.Consumer
	asked     []string
}

func newTenants(t *testing.T, urls ...string) *tenants {
	t.Helper()
	all := &tenants{issuers: make(map[string]*bearertest.Issuer), consumers: make(map[string]*consumer.Consumer)}
	for _, url := range urls {
		all.issuers[url] = newTenant(url)
		all.consumers[url] = newConsumer(t, offline(t, all.issuers[url]))
	}
	return all
}

var errUnknownTenant = errors.New("no such tenant")

func (s *tenants) resolve(_ context.Context, issuer string) (*consumer.Consumer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, issuer)
	c, ok := s.consumers[issuer]
	if !ok {
		return nil, errUnknownTenant
	}
	return c, nil
}

func (s *tenants) resolved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// close ends a tenant: it is not resolved any more.
func (s *tenants) close(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.consumers, url)
}

// open lets a tenant in.
func (s *tenants) open(c *consumer.Consumer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consumers[c.Issuer()] = c
}

func TestJ7_ResolveAllowsAndDenies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known := newIssuer()
		all := newTenants(t, "https://a.test", "https://b.test")
		g := newGroup(t, consumer.GroupConfig{
			Consumers: []*consumer.Consumer{newConsumer(t, offline(t, known))}, Resolve: all.resolve,
		})
		accept(t, g, known.AccessToken().Sign())
		if all.resolved() != 0 {
			t.Error("an issuer known beforehand was resolved")
		}
		a, b := all.issuers["https://a.test"], all.issuers["https://b.test"]
		for range 3 {
			accept(t, g, a.AccessToken().Sign())
			accept(t, g, b.AccessToken().Sign())
		}
		if all.resolved() != 2 {
			t.Errorf("%d resolutions, want 2", all.resolved())
		}
		reject(t, g, a.AccessToken().Set("iss", b.URL()).Sign(), consumer.ReasonSignature)
		reject(t, g, b.AccessToken().Set("iss", known.URL()).Sign(), consumer.ReasonSignature)

		stranger := newTenant("https://stranger.test")
		for range 5 {
			reject(t, g, stranger.AccessToken().Sign(), consumer.ReasonIssuer)
		}
		if all.resolved() != 3 {
			t.Errorf("a denial is not cached: %d resolutions", all.resolved())
		}
		time.Sleep(30 * time.Second)
		reject(t, g, stranger.AccessToken().Sign(), consumer.ReasonIssuer)
		if all.resolved() != 4 {
			t.Errorf("a denial is cached for too long: %d resolutions", all.resolved())
		}
	})
}

// Resolve is not called for a text that cannot be an issuer.
func TestAttack30_ResolveIsNotCalledForInvalidIssuers(t *testing.T) {
	t.Parallel()
	all := newTenants(t)
	g := newGroup(t, consumer.GroupConfig{Resolve: all.resolve})
	issuer := newIssuer()
	for _, iss := range []any{"", bearertest.Absent, nil, 1, []string{"https://a.test"}, strings.Repeat("i", 1025)} {
		reject(t, g, issuer.AccessToken().Set("iss", iss).Sign(), consumer.ReasonIssuer)
	}
	reject(t, g, "not a token", consumer.ReasonMalformed)
	reject(t, g, issuer.AccessToken().EditClaims(add(`"x":1,"x":2`)).Sign(), consumer.ReasonMalformed)
	reject(t, g, issuer.AccessToken().SetHeader("crit", []string{"exp"}).Sign(), consumer.ReasonCritical)
	if all.resolved() != 0 {
		t.Errorf("Resolve was called for %q", all.asked)
	}
	reject(t, g, issuer.AccessToken().Set("iss", strings.Repeat("i", 1024)).Sign(), consumer.ReasonIssuer)
	if all.resolved() != 1 {
		t.Errorf("%d resolutions, want 1", all.resolved())
	}
}

// Random issuers cause no fetch, use no memory and evict no tenant.
func TestAttack30_ResolveFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newTenant("https://a.test")
		n := newNetwork(a)
		resolutions := 0
		g := newGroup(t, consumer.GroupConfig{
			MaxResolved: 2,
			Resolve: func(_ context.Context, issuer string) (*consumer.Consumer, error) {
				if resolutions++; issuer != a.URL() {
					return nil, errUnknownTenant
				}
				cfg := online(a)
				cfg.HTTPClient = n.client()
				return consumer.New(cfg)
			},
		})
		accept(t, g, a.AccessToken().Sign())
		before := n.asked()
		draft := newIssuer().AccessToken()
		for i := range 3000 {
			raw := unsigned(draft.Set("iss", fmt.Sprintf("https://%d.test", i)))
			if _, err := g.Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
				t.Fatalf("error %v", err)
			}
		}
		accept(t, g, a.AccessToken().Sign())
		if n.asked() != before || resolutions != 3001 {
			t.Errorf("%d requests, %d resolutions", n.asked()-before, resolutions)
		}
	})
}

func TestAttack30_ResolvedConsumersAreBounded(t *testing.T) {
	t.Parallel()
	urls := make([]string, 101)
	for i := range urls {
		urls[i] = fmt.Sprintf("https://%d.test", i)
	}
	all := newTenants(t, urls...)
	g := newGroup(t, consumer.GroupConfig{Resolve: all.resolve, CacheSize: -1})
	verify := func(i int) { accept(t, g, all.issuers[urls[i]].AccessToken().Sign()) }
	for i := range 100 {
		verify(i)
	}
	verify(0)
	if all.resolved() != 100 {
		t.Fatalf("%d resolutions: 100 tenants are not kept", all.resolved())
	}
	verify(100)
	verify(0)
	if all.resolved() != 101 {
		t.Errorf("%d resolutions: the tenant used last was dropped", all.resolved())
	}
	verify(1)
	if all.resolved() != 102 {
		t.Errorf("%d resolutions: more than 100 tenants are kept", all.resolved())
	}
}

func TestResolveIsSharedByConcurrentRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTenants(t, "https://a.test")
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(ctx context.Context, issuer string) (*consumer.Consumer, error) {
				time.Sleep(time.Second)
				return all.resolve(ctx, issuer)
			},
		})
		start := time.Now()
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() { accept(t, g, all.issuers["https://a.test"].AccessToken().Sign()) })
		}
		group.Wait()
		if all.resolved() != 1 || time.Since(start) != time.Second {
			t.Errorf("%d resolutions in %v", all.resolved(), time.Since(start))
		}
	})
}

// If a request ends, the call of Resolve continues for the others.
func TestAttack38_ResolveOutlivesTheRequestThatStartedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTenants(t, "https://a.test")
		raw := all.issuers["https://a.test"].AccessToken().Sign()
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(ctx context.Context, issuer string) (*consumer.Consumer, error) {
				time.Sleep(time.Second)
				if ctx.Err() != nil {
					t.Errorf("the context of Resolve has ended: %v", ctx.Err())
				}
				return all.resolve(ctx, issuer)
			},
		})
		for name, test := range map[string]struct {
			limit func(context.Context) (context.Context, context.CancelFunc)
			want  consumer.Reason
		}{
			"canceled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Millisecond, cancel)
				return ctx, cancel
			}, consumer.ReasonCanceled},
			"timed out": {func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Millisecond)
			}, consumer.ReasonKeysUnavailable},
		} {
			ctx, cancel := test.limit(t.Context())
			token, err := g.Verify(ctx, raw)
			cancel()
			t.Log(name)
			wantError(t, token, err, raw, test.want)
		}
		accept(t, g, raw)
		if all.resolved() != 1 {
			t.Errorf("%d resolutions, want 1", all.resolved())
		}
	})
}

func TestResolveFailures(t *testing.T) {
	t.Parallel()
	other := newConsumer(t, offline(t, newIssuer()))
	for _, test := range []struct {
		name       string
		resolve    func(context.Context, string) (*consumer.Consumer, error)
		want       consumer.Reason
		remembered bool
	}{
		{
			"denial", func(context.Context, string) (*consumer.Consumer, error) { return nil, errUnknownTenant },
			consumer.ReasonIssuer, true,
		},
		{
			"nil", func(context.Context, string) (*consumer.Consumer, error) { return nil, nil },
			consumer.ReasonIssuer, true,
		},
		{
			"denial with a consumer", func(context.Context, string) (*consumer.Consumer, error) { return other, errUnknownTenant },
			consumer.ReasonIssuer, true,
		},
		{"outage", func(context.Context, string) (*consumer.Consumer, error) {
			return nil, fmt.Errorf("tenants: %w", consumer.ErrUnavailable)
		}, consumer.ReasonKeysUnavailable, false},
		{"too slow", func(ctx context.Context, _ string) (*consumer.Consumer, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, consumer.ReasonKeysUnavailable, false},
		{
			"another issuer's consumer", func(context.Context, string) (*consumer.Consumer, error) { return other, nil },
			consumer.ReasonInternal, false,
		},
		{
			"panic", func(context.Context, string) (*consumer.Consumer, error) { panic("tenants") },
			consumer.ReasonInternal, false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				g := newGroup(t, consumer.GroupConfig{
					Resolve: func(ctx context.Context, issuer string) (*consumer.Consumer, error) {
						asked++
						return test.resolve(ctx, issuer)
					},
				})
				raw := newTenant("https://a.test").AccessToken().Sign()
				start := time.Now()
				reject(t, g, raw, test.want)
				if time.Since(start) > 3*time.Second {
					t.Errorf("waited %v", time.Since(start))
				}
				reject(t, g, raw, test.want)
				if remembered := asked == 1; remembered != test.remembered {
					t.Errorf("called %d times", asked)
				}
			})
		})
	}
}

// A Resolve that ignores its context does not delay requests for long (K8).
func TestK8_ResolveThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(context.Context, string) (*consumer.Consumer, error) {
				time.Sleep(time.Hour)
				return nil, errUnknownTenant
			},
		})
		start := time.Now()
		reject(t, g, newIssuer().AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if waited := time.Since(start); waited > 4*time.Second {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(time.Hour)
	})
}

// The number of concurrent calls of Resolve is bounded.
func TestAttack30_OpenResolutionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		open, most := 0, 0
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(context.Context, string) (*consumer.Consumer, error) {
				mu.Lock()
				open++
				most = max(most, open)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				open--
				mu.Unlock()
				return nil, errUnknownTenant
			},
		})
		draft := newIssuer().AccessToken()
		var group sync.WaitGroup
		for i := range 200 {
			raw := unsigned(draft.Set("iss", fmt.Sprintf("https://%d.test", i)))
			group.Go(func() {
				if token, err := g.Verify(t.Context(), raw); token != nil || err == nil {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
		group.Wait()
		if most != 64 {
			t.Errorf("%d resolutions at once, want 64", most)
		}
	})
}
