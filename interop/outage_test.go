package interop_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// TestK22_ServerStopped stops the authorization server of a running API, which continues with its cached keys. An API that
// starts afterwards cannot verify tokens and responds with 503.
func TestK22_ServerStopped(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	used := p.machineToken(t, "cc", apiES256, "api:read")
	unused := p.machineToken(t, "cc", apiES256, "api:read")
	impostor := bearertest.NewIssuer(bearertest.IssuerConfig{URL: p.issuer, Audience: apiES256, Algorithms: []string{"ES256"}})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: apiES256, Algorithms: []string{"ES256"}})

	s := newStory(t, "oidc-provider")
	s.guard(t, p.newConsumer(t, audience(apiES256)))
	s.tell(t, "server up", used, passed("cc"))
	p.stop(t)
	s.tell(t, "server stopped, token seen before", used, passed("cc"))
	s.tell(t, "server stopped, token not seen before", unused, passed("cc"))
	s.tell(t, "server stopped, signature of another token", graft(used, unused), invalidToken(consumer.ReasonSignature))
	s.tell(t, "server stopped, unknown key", impostor.AccessToken().Sign(), invalidToken(consumer.ReasonUnknownKey))

	cold := p.newConsumer(t, audience(apiES256))
	if err := cold.Warm(t.Context()); !errors.Is(err, consumer.ErrUnavailable) {
		t.Errorf("Warm without a server: %v, want ErrUnavailable", err)
	}
	s.guard(t, cold)
	s.tell(t, "API started since", used, keysUnavailable())
	s.tell(t, "API started since, unknown key", impostor.AccessToken().Sign(), keysUnavailable())
	s.tell(t, "API started since, another issuer's", stranger.AccessToken().Sign(), invalidToken(consumer.ReasonIssuer))
	s.tell(t, "API started since, not a token", "opaque", invalidToken(consumer.ReasonMalformed))
}

// TestK19_StaleKeys restarts an API with one hour old keys while the server is down. Fetching new keys fails, and the API uses
// the old ones until StaleFor (K3, K4).
func TestK19_StaleKeys(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	token := p.machineToken(t, "cc", apiES256, "api:read")
	snapshot := &agedSnapshot{age: time.Hour}
	keys := func(staleFor time.Duration) *jwks.Remote {
		remote, err := jwks.New(jwks.Config{URL: p.issuer + "/jwks", Snapshot: snapshot, StaleFor: staleFor})
		if err != nil {
			t.Fatal(err)
		}
		return remote
	}
	if err := keys(0).Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.stop(t)
	s := newStory(t, "oidc-provider")
	for _, api := range []struct {
		name     string
		staleFor time.Duration
		want     answer
	}{
		{"stale for a day at most", 24 * time.Hour, passed("cc")},
		{"stale for a minute at most", time.Minute, keysUnavailable()},
		{"never stale", -1, keysUnavailable()},
	} {
		s.guard(t, p.newConsumer(t, consumer.Config{Audience: []string{apiES256}, Keys: keys(api.staleFor)}))
		s.tell(t, "keys of an hour ago, "+api.name, token, api.want)
		s.tell(t, "again, "+api.name, token, api.want)
	}
}

// agedSnapshot makes the saved keys older than they are.
type agedSnapshot struct {
	age time.Duration

	mu   sync.Mutex // guards data
	data jwks.SnapshotData
}

// Load implements [jwks.Snapshot].
func (s *agedSnapshot) Load(context.Context) (jwks.SnapshotData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data, nil
}

// Save implements [jwks.Snapshot].
func (s *agedSnapshot) Save(_ context.Context, data jwks.SnapshotData) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = data
	s.data.FetchedAt = data.FetchedAt.Add(-s.age)
	return nil
}
