package consumer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// late is a network whose responses arrive some time after they were made.
type late struct {
	http.RoundTripper
	by time.Duration
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := l.RoundTripper.RoundTrip(r)
	select {
	case <-time.After(l.by):
	case <-r.Context().Done():
	}
	return response, err
}

// dated is a token of the key that came into use as that generation.
type dated struct {
	generation int64
	raw        string
}

// load is requests without pause, while keys come and go.
type load struct {
	issuer    *bearertest.Issuer
	consumers []*consumer.Consumer
	verifiers []consumer.Verifier
	want      consumer.Reason // of a token whose key is gone

	tokens  atomic.Pointer[[]dated] // replaced as a whole
	leaving atomic.Int64            // tokens up to this generation need not be accepted any more
	gone    atomic.Int64            // and up to this one must not be: Refresh has returned
	served  atomic.Int64
	refused atomic.Int64 // of those, because their key was gone
	over    atomic.Bool
}

// newLoad sends requests with cached tokens, with new tokens, and through a Group.
func newLoad(t *testing.T, issuer *bearertest.Issuer, want consumer.Reason) *load {
	t.Helper()
	cfg := online(issuer)
	cfg.HTTPClient.Transport = late{cfg.HTTPClient.Transport, 200 * time.Microsecond}
	cfg.KeyCache.MinRefetch = 1 // so that an unknown kid nearly always causes a fetch
	remembering := newConsumer(t, cfg)
	cfg.CacheSize = -1
	forgetting := newConsumer(t, cfg)
	l := &load{issuer: issuer, consumers: []*consumer.Consumer{remembering, forgetting}, want: want}
	group := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{remembering}})
	l.verifiers = []consumer.Verifier{remembering, forgetting, group}
	l.tokens.Store(new([]dated))
	return l
}

// offer adds tokens, and removes those that have been rejected for some time.
func (l *load) offer(generation int64, draft func() *bearertest.Token) {
	tokens := slices.DeleteFunc(slices.Clone(*l.tokens.Load()), func(d dated) bool { return d.generation < generation-2 })
	for range 4 {
		tokens = append(tokens, dated{generation, draft().Sign()})
	}
	l.tokens.Store(&tokens)
}

// send makes one request. What it may end with depends on what was known before it began and after it ended.
func (l *load) send(t *testing.T) {
	t.Helper()
	tokens := *l.tokens.Load()
	token := tokens[rand.IntN(len(tokens))]
	gone := l.gone.Load()
	_, err := l.verifiers[rand.IntN(len(l.verifiers))].Verify(t.Context(), token.raw)
	leaving := l.leaving.Load()
	switch {
	case err == nil && token.generation <= gone:
		t.Errorf("a token of key %d is accepted after keys up to %d were removed", token.generation, gone)
	case err != nil && token.generation > leaving:
		t.Errorf("a token of key %d is rejected, although keys from %d on are in use: %v", token.generation, leaving+1, err)
	case err != nil:
		wantError(t, nil, err, token.raw, l.want)
		l.refused.Add(1)
	}
	l.served.Add(1)
}

// probe sends unknown kids, so that a fetch is running whenever keys change.
func (l *load) probe(t *testing.T, n int) {
	t.Helper()
	raw := unsigned(l.issuer.AccessToken().SetHeader("kid", "none-"+strconv.Itoa(n)))
	for _, c := range l.consumers {
		_, err := c.Verify(t.Context(), raw)
		wantError(t, nil, err, raw, consumer.ReasonUnknownKey)
	}
}

func (l *load) refresh(t *testing.T) {
	t.Helper()
	for _, c := range l.consumers {
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("refresh: %v", err)
		}
	}
}

// pass lets some requests end.
func (l *load) pass(t *testing.T) {
	t.Helper()
	for until := l.served.Load() + 30; l.served.Load() < until && !t.Failed(); {
		time.Sleep(50 * time.Microsecond)
	}
}

// under runs story while requests are made.
func (l *load) under(t *testing.T, story func()) {
	t.Helper()
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for !l.over.Load() && !t.Failed() {
				l.send(t)
				runtime.Gosched() // there are few processors, and Refresh needs one
			}
		})
	}
	group.Go(func() {
		for n := 0; !l.over.Load() && !t.Failed(); n++ {
			l.probe(t, n)
		}
	})
	story()
	l.over.Store(true)
	group.Wait()
	if l.refused.Load() == 0 || l.refused.Load() == l.served.Load() {
		t.Errorf("%d rejections of %d show nothing", l.refused.Load(), l.served.Load())
	}
}

const rotations = 50

// A key that is announced, used and withdrawn causes no rejections, and is not trusted once Refresh has returned.
func TestK11_Attack33_RotationUnderLoad(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	l := newLoad(t, issuer, consumer.ReasonUnknownKey)
	l.offer(1, issuer.AccessToken)
	l.under(t, func() {
		for generation := int64(1); generation <= rotations && !t.Failed(); generation++ {
			issuer.Announce()
			l.refresh(t)
			issuer.Rotate()
			l.offer(generation+1, issuer.AccessToken)
			l.pass(t)
			l.leaving.Store(generation)
			issuer.Retire()
			l.refresh(t)
			l.gone.Store(generation)
			l.pass(t)
		}
	})
}

// The same with one kid for all keys, each of which replaces the one before it.
func TestK11_Attack33_ReplacementUnderLoad(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	l := newLoad(t, issuer, consumer.ReasonSignature)
	replaceKey := func(generation int64) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, issuer, bearertest.JWK("one", "ES256", key.Public()))
		l.refresh(t)
		l.gone.Store(generation - 1)
		l.offer(generation, func() *bearertest.Token {
			return issuer.AccessToken().SignWith("ES256", key).SetHeader("kid", "one")
		})
	}
	replaceKey(1)
	l.under(t, func() {
		for generation := int64(1); generation <= rotations && !t.Failed(); generation++ {
			l.pass(t)
			l.leaving.Store(generation)
			replaceKey(generation + 1)
			l.pass(t)
		}
	})
}
