package observability

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// revocation is what an API needs to reject revoked tokens: a receiver of security events, a shared store, status lists, and
// introspection. They use an issuer of their own, whose keys do not rotate.
type revocation struct {
	issuer       *bearertest.Issuer
	down         *atomic.Bool // the store and the transmitter
	receiver     *ssf.Receiver
	push         http.Handler
	list         *bearertest.StatusList
	listed       *consumer.Consumer // checks the status list
	introspected *introspection.Verifier
	shared       *sharedStore
}

// newRevocation returns a revocation whose metrics are in m.
func newRevocation(m *prom.Metrics, down *atomic.Bool) (*revocation, error) {
	r := &revocation{
		issuer: bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://login.example.com", Audience: audience, Algorithms: []string{"ES256"}}),
		down:   down, shared: &sharedStore{down: down},
	}
	keys, err := jwks.ParseJWKS(r.issuer.JWKS())
	if err != nil {
		return nil, err
	}
	if err := r.receive(m, keys); err != nil {
		return nil, err
	}
	if err := r.check(m, keys); err != nil {
		return nil, err
	}
	m.WatchStore("redis", r.shared)
	return r, nil
}

// receive makes the receiver of security events.
func (r *revocation) receive(m *prom.Metrics, keys jwks.Source) (err error) {
	r.receiver, err = ssf.New(ssf.Config{
		Issuer: r.issuer.URL(), Audience: []string{audience}, Keys: keys, Storage: store.NewMemory(10_000), TokenLifetime: time.Hour,
		OnReceived: m.OnReceived,
	})
	if err != nil {
		return err
	}
	m.WatchReceiver(r.receiver)
	r.push, err = r.receiver.PushHandler(ssf.PushConfig{Authorization: []string{"Bearer 0123456789abcdef"}})
	return err
}

// check makes the verifiers that request the status of a token from the issuer.
func (r *revocation) check(m *prom.Metrics, keys jwks.Source) error {
	r.list = r.issuer.StatusList(1, 1000)
	r.list.Set(1, 1)
	lists, err := statuslist.New(statuslist.Config{Issuer: r.issuer.URL(), Keys: keys, HTTPClient: r.issuer.Client(), OnRefresh: m.OnListRefresh})
	if err != nil {
		return err
	}
	m.WatchLists(lists)
	r.listed, err = consumer.New(consumer.Config{Issuer: r.issuer.URL(), Audience: []string{audience}, Keys: keys, Status: lists})
	if err != nil {
		return err
	}
	c, err := client.New(client.Config{
		Issuer: r.issuer.URL(), ClientID: "api", ClientSecret: "secret", HTTPClient: &http.Client{Transport: r},
		Metadata: &oidcdiscovery.Metadata{Issuer: r.issuer.URL(), IntrospectionEndpoint: r.issuer.URL() + "/introspect"},
	})
	if err != nil {
		return err
	}
	r.introspected, err = introspection.New(introspection.Config{
		Client: c, Audience: []string{audience}, ActiveFor: -1, InactiveFor: -1, OnIntrospect: m.OnIntrospect,
	})
	return err
}

// RoundTrip implements [http.RoundTripper] for the endpoints of introspection and of polls.
func (r *revocation) RoundTrip(request *http.Request) (*http.Response, error) {
	if r.down.Load() {
		return nil, errStoreDown
	}
	body := `{"sets":{}}`
	if strings.HasSuffix(request.URL.Path, "/introspect") {
		body = `{"active":true,"token_type":"Bearer","sub":"alice","aud":"` + audience + `","iss":"` + r.issuer.URL() + `"}`
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// run polls for events and watches the store until ctx ends.
func (r *revocation) run(ctx context.Context, length time.Duration) {
	go func() {
		_ = r.receiver.Poll(ctx, ssf.PollConfig{ // the Config has no faults
			Endpoint: r.issuer.URL() + "/poll", Interval: length / 60, HTTPClient: &http.Client{Transport: r},
		})
	}()
	go r.shared.watch(ctx, length/120)
}

// round receives events, and verifies tokens.
func (r *revocation) round(ctx context.Context, round int) {
	id := strconv.Itoa(round / 2) // each event arrives twice
	_ = r.receiver.Receive(ctx, r.set("set "+id, ssf.TypeSessionRevoked, "iss_sub").Sign())
	switch round % 10 {
	case 0:
		_ = r.receiver.Receive(ctx, r.set("unmapped "+id, ssf.TypeAccountDisabled, "email").Sign())
	case 1:
		_ = r.receiver.Receive(ctx, r.set("rejected "+id, ssf.TypeAccountDisabled, "iss_sub").Set("aud", "other").Sign())
	case 2:
		r.push.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/events", nil))
	}
	_, _ = r.listed.Verify(ctx, r.issuer.AccessToken().Set("jti", id).Set("status", r.list.Claim(round%2)).Sign())
	_, _ = r.introspected.Verify(ctx, "token"+id)
}

// set returns a security event.
func (r *revocation) set(id, event, format string) *bearertest.Token {
	return r.issuer.Token("secevent+jwt", map[string]any{
		"iss": r.issuer.URL(), "aud": audience, "jti": id, "iat": time.Now().Unix(), "events": map[string]any{event: map[string]any{}},
		"sub_id": map[string]any{"format": format, "iss": r.issuer.URL(), "sub": "alice", "email": "alice@example.com"},
	})
}

// sharedStore simulates a shared store. It has the statistics of real stores, and an outage at the same time as the status store.
type sharedStore struct {
	down    *atomic.Bool
	watches watching.Recorder
	rows    atomic.Uint64
	passed  atomic.Int64 // the end of the last pass, in nanoseconds
}

func (s *sharedStore) WatchStats() store.WatchStats { return s.watches.Stats() }

func (s *sharedStore) RunStats() store.RunStats {
	return store.RunStats{Running: 1, Age: time.Since(time.Unix(0, s.passed.Load())), Removed: s.rows.Load()}
}

// watch simulates Watch and Run.
func (s *sharedStore) watch(ctx context.Context, interval time.Duration) {
	call := s.watches.Begin()
	defer call.End()
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	cause := watching.Started
	for polls := 0; ctx.Err() == nil; polls++ {
		if s.down.Load() {
			call.Failed(errStoreDown)
			call.Removed(0, watching.Silent)
			cause = watching.Interrupted
		} else {
			call.Read()
			call.Changed(3)
			call.Removed(2, cause)
			call.Current(clock.Now())
			cause = watching.None
			s.rows.Add(5)
			s.passed.Store(time.Now().UnixNano())
		}
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}
