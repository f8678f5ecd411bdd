package observability

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bearerkit/bearerkit/adapters/prom"
	"github.com/bearerkit/bearerkit/bearertest"
)

// Run runs an API for the given time, with outages and attacks, and returns the results of the given number of scrapes. The
// API, its issuer and its clients run in this process and use loopback connections.
func Run(ctx context.Context, length time.Duration, scrapes int) (*Store, Span, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := newWorld(ctx, length)
	if err != nil {
		return nil, Span{}, err
	}
	began, step := time.Now(), length/time.Duration(scrapes)
	clients := make(chan struct{})
	go func() {
		defer close(clients)
		w.traffic(ctx, began)
	}()
	store := new(Store)
	ticks := time.NewTicker(step)
	defer ticks.Stop()
	var last time.Time
	for range scrapes {
		<-ticks.C
		last = time.Now()
		text, err := w.get(ctx, "/metrics", "")
		if err != nil {
			return nil, Span{}, err
		}
		if err := store.Scrape(last, text, "quickstart", "api-1:8080"); err != nil {
			return nil, Span{}, err
		}
	}
	cancel()
	<-clients
	return store, Span{From: began, To: last, Step: step}, nil
}

// world is an API, its issuer and its status store.
type world struct {
	length  time.Duration
	issuer  *bearertest.Issuer
	outage  atomic.Bool // of the issuer
	store   *statusStore
	revoked *revocation
	api     string
	client  *http.Client
	clients []string // the tokens of the clients
}

// newWorld starts the issuer and the API. They stop when ctx ends.
func newWorld(ctx context.Context, length time.Duration) (*world, error) {
	w := &world{
		length: length,
		issuer: bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: "https://login.example.com", Audience: audience, Algorithms: []string{"ES256"},
		}),
		store:  new(statusStore),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
	}
	registry := prometheus.NewRegistry()
	metrics, err := prom.New(registry)
	if err != nil {
		return nil, err
	}
	if w.revoked, err = newRevocation(metrics, &w.store.down); err != nil {
		return nil, err
	}
	api, err := newAPI(metrics, registry, w.issuer, w.serveIssuer(ctx), w.store, length)
	if err != nil {
		return nil, err
	}
	w.revoked.run(ctx, length)
	server := httptest.NewServer(api)
	context.AfterFunc(ctx, server.Close)
	w.api = server.URL
	return w, nil
}

// serveIssuer starts the issuer on loopback, and returns a client that connects its host name to it.
func (w *world) serveIssuer(ctx context.Context) *http.Client {
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.answerForIssuer))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	context.AfterFunc(ctx, server.Close)
	client := server.Client()
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
	}
	return client
}

func (w *world) answerForIssuer(rw http.ResponseWriter, r *http.Request) {
	if w.outage.Load() {
		panic(http.ErrAbortHandler) // closes the connection
	}
	w.issuer.ServeHTTP(rw, r)
}

func (w *world) get(ctx context.Context, path, token string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.api+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	return io.ReadAll(response.Body)
}
