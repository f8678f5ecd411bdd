package interop_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestK5_RotationUnderLoad rotates the keys of the server while clients request and use tokens. The server does not announce
// keys: it publishes a key and signs with it at the same time.
func TestK5_RotationUnderLoad(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	fetches := &countingTransport{next: http.DefaultTransport}
	c := p.newConsumer(t, consumer.Config{
		Audience: []string{apiRS256, apiES256}, HTTPClient: &http.Client{Transport: fetches},
	})
	guard, err := middleware.New(middleware.Config{Verifier: c})
	if err != nil {
		t.Fatal(err)
	}
	old := p.machineToken(t, "cc", apiRS256, "api:read")
	l := load{as: p.authorizationServer, old: old, rotated: make(chan struct{}), tally: make(map[string]int)}
	var clients sync.WaitGroup
	t.Cleanup(clients.Wait) // t.Context has ended by then
	for _, framework := range frameworks {
		server := httptest.NewServer(framework.handler(guard, middleware.Scopes("api:read")))
		t.Cleanup(server.Close)
		for _, resource := range []string{apiRS256, apiES256} {
			l.started.Add(1)
			clients.Go(func() { l.run(t.Context(), server, resource) })
		}
	}
	l.started.Wait()
	p.rotate(t)
	close(l.rotated)
	clients.Wait()

	t.Logf("answers: %v; key sets fetched: %d", l.tally, fetches.of("/jwks"))
	for outcome, count := range l.tally {
		if !strings.HasPrefix(outcome, "200 ") {
			t.Errorf("%d of the valid tokens: %s", count, outcome)
		}
	}
	if l.tally["200 new key"] == 0 {
		t.Error("no token of a new key was sent")
	}
	if got := fetches.of("/jwks"); got != 2 {
		t.Errorf("the key set was fetched %d times, want 2: once at first and once for the new keys", got)
	}
}

// load runs clients. Each requests a token, uses it once, and requests the next.
type load struct {
	as      authorizationServer
	old     string // signed with the keys that rotation replaces
	started sync.WaitGroup
	rotated chan struct{}

	mu    sync.Mutex // guards tally
	tally map[string]int
}

const requestsAfterRotation = 20

// run sends requests until enough of them have started after the rotation.
func (l *load) run(ctx context.Context, server *httptest.Server, resource string) {
	started := sync.OnceFunc(l.started.Done)
	defer started()
	for after := 0; after < requestsAfterRotation && ctx.Err() == nil; {
		select {
		case <-l.rotated:
			after++
		default:
		}
		l.note(l.useNew(ctx, server, resource))
		l.note(l.use(ctx, server, l.old, "old key"))
		started()
	}
}

func (l *load) useNew(ctx context.Context, server *httptest.Server, resource string) string {
	g, err := l.as.ask(ctx, "cc", clientCredentials(resource, "api:read"), nil)
	if err != nil {
		return err.Error()
	}
	select {
	case <-l.rotated:
		return l.use(ctx, server, g.AccessToken, "new key")
	default:
		return l.use(ctx, server, g.AccessToken, "any key")
	}
}

func (l *load) use(ctx context.Context, server *httptest.Server, token, kind string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/orders", nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := server.Client().Do(req)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return fmt.Sprint(resp.StatusCode, " ", kind)
}

func (l *load) note(outcome string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally[outcome]++
}

// countingTransport counts requests by path.
type countingTransport struct {
	next http.RoundTripper

	mu    sync.Mutex // guards paths
	paths map[string]int
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if c.paths == nil {
		c.paths = make(map[string]int)
	}
	c.paths[r.URL.Path]++
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

func (c *countingTransport) of(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paths[path]
}

// TestK11_WithdrawnKey sends a token whose key is replaced and then withdrawn. A token with an unknown key causes the API to
// fetch the keys.
func TestK11_WithdrawnKey(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	c := p.newConsumer(t, consumer.Config{
		Audience: []string{apiRS256}, KeyCache: jwks.Config{MinRefetch: time.Nanosecond},
	})
	s := newStory(t, "oidc-provider")
	s.guard(t, c)
	first := p.machineToken(t, "cc", apiRS256, "api:read")
	s.tell(t, "first token", first, passed("cc"))

	p.rotate(t)
	second := p.machineToken(t, "cc", apiRS256, "api:read")
	s.tell(t, "second token, under a new key", second, passed("cc"))
	s.tell(t, "first token, key replaced but still published", first, passed("cc"))

	p.rotate(t)
	third := p.machineToken(t, "cc", apiRS256, "api:read")
	s.tell(t, "third token, first key withdrawn", third, passed("cc"))
	s.tell(t, "first token, key withdrawn", first, invalidToken(consumer.ReasonUnknownKey))
	s.tell(t, "second token, key still published", second, passed("cc"))
}

// TestK11_Refresh does the same, but the application refreshes the keys itself, without a token with a new key.
func TestK11_Refresh(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	keys, err := jwks.New(jwks.Config{URL: p.issuer + "/jwks"})
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, "oidc-provider")
	s.guard(t, p.newConsumer(t, consumer.Config{Audience: []string{apiES256}, Keys: keys}))
	token := p.machineToken(t, "cc", apiES256, "api:read")
	s.tell(t, "token", token, passed("cc"))
	for _, key := range []struct {
		fate string
		want answer
	}{{"replaced", passed("cc")}, {"withdrawn", invalidToken(consumer.ReasonUnknownKey)}} {
		p.rotate(t)
		if err := keys.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.tell(t, "key "+key.fate+", keys refreshed", token, key.want)
	}
}
