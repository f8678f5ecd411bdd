package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearerkit/client"
)

var _ oauth2.TokenSource = (*client.TokenSource)(nil)

// rotating is a server that accepts each refresh token once. If one arrives twice, it revokes all of them (RFC 9700,
// Section 4.14.2). If a request names a resource or scopes, the access token ends in them.
type rotating struct {
	mark  string // precedes each token; empty unless the test looks for tokens in a text
	reuse bool   // a refresh token that arrives twice is rejected and revokes nothing

	mu       sync.Mutex // guards the fields below
	current  int
	revoked  bool
	requests int
	delay    time.Duration
	status   int
}

// ServeHTTP implements http.Handler.
func (s *rotating) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	w.Header().Set("Content-Type", "application/json")
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
	case s.revoked || r.FormValue("refresh_token") != fmt.Sprintf("%srt%d", s.mark, s.current):
		s.revoked = !s.reuse
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
	default:
		s.current++
		target := ""
		if named := slices.Concat(r.Form["resource"], r.Form["audience"], r.Form["scope"]); len(named) > 0 {
			target = "@" + strings.Join(named, ",")
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"%sat%d%s","token_type":"Bearer","expires_in":600,"refresh_token":"%srt%d"}`,
			s.mark, s.current, target, s.mark, s.current)
	}
}

// counts returns the fields that tests compare. A refresh may still run in the background.
func (s *rotating) counts() (revoked bool, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revoked, s.requests
}

func (s *rotating) set(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *rotating) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	response := w.Result()
	response.Request = r
	return response, r.Context().Err()
}

func (s *rotating) client(t testing.TB) *client.Client {
	t.Helper()
	return newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: s} })
}

func sourceOf(t testing.TB, c *client.Client, cfg client.TokenSourceConfig) *client.TokenSource {
	t.Helper()
	source, err := c.TokenSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func first(lifetime time.Duration) *client.Token {
	return &client.Token{AccessToken: "at0", TokenType: "Bearer", RefreshToken: "rt0", Expiry: time.Now().Add(lifetime)}
}

func TestC28_OneRefreshForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{delay: time.Second}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" {
					t.Errorf("%v, %v", token, err)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // one who goes away takes nothing from the others
		defer cancel()
		if _, err := source.TokenContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		all.Wait()
		if s.requests != 1 {
			t.Errorf("%d requests", s.requests)
		}
	})
}

func TestC28_EarlyRefreshIsSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[time.Duration]bool)
		for range 20 {
			s := &rotating{}
			source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(10 * time.Minute), Early: time.Minute})
			start := time.Now()
			for s.requests == 0 {
				time.Sleep(100 * time.Millisecond)
				token, err := source.TokenContext(t.Context())
				if err != nil || token.AccessToken != "at0" && s.requests == 0 {
					t.Fatal(token, err)
				}
				synctest.Wait()
			}
			when := time.Since(start)
			if when < 8*time.Minute || when > 9*time.Minute+time.Second {
				t.Errorf("after %v", when)
			}
			seen[when] = true
			if token, _ := source.TokenContext(t.Context()); token.AccessToken != "at1" {
				t.Error("the old token was returned")
			}
		}
		if len(seen) < 5 {
			t.Errorf("%d different times of 20", len(seen))
		}
	})
}

func TestC28_Outage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{status: http.StatusServiceUnavailable}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Minute)})
		start := time.Now()
		for time.Since(start) < time.Minute-time.Second { // the token is valid all the time
			if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
				t.Fatal(token, err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if s.requests == 0 || s.requests > 4 { // after 5, 10, 20 s
			t.Errorf("%d requests in an outage", s.requests)
		}
		time.Sleep(2 * time.Second)
		before := s.requests
		for range 100 {
			if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if s.requests > before+1 {
			t.Errorf("%d requests at once", s.requests-before)
		}
		s.set(0)
		time.Sleep(72 * time.Second) // never more than a minute, and a fifth
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" {
			t.Error(token, err)
		}
		s.set(http.StatusServiceUnavailable)
		time.Sleep(10*time.Minute + time.Second)
		if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrUnavailable) {
			t.Error(err)
		}
		s.set(0)
		time.Sleep(7 * time.Second) // another outage begins with a short pause
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at2" {
			t.Error(token, err)
		}
	})
}

// shelf is a store that can be made to fail, and to return other tokens.
type shelf struct {
	client.TokenStore

	saveErr error
	loads   []*client.Token // before what is in the store
	saved   []string
}

func (s *shelf) Save(ctx context.Context, key string, token *client.Token) error {
	if s.saveErr != nil {
		return s.saveErr
	}
	s.saved = append(s.saved, token.AccessToken)
	return s.TokenStore.Save(ctx, key, token)
}

func (s *shelf) Load(ctx context.Context, key string) (*client.Token, error) {
	if len(s.loads) > 0 {
		next := s.loads[0]
		s.loads = s.loads[1:]
		return next, nil
	}
	return s.TokenStore.Load(ctx, key)
}

func TestC28_StoredBeforeItIsReturned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, &shelf{TokenStore: client.NewMemoryTokens()}
		if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
		store.saveErr = errors.New("disk full")
		token, err := source.TokenContext(t.Context())
		incomplete, ok := errors.AsType[*client.IncompleteError](err)
		if token != nil || !ok || incomplete.Token.RefreshToken != "rt1" {
			t.Fatal(token, err)
		}
		store.saveErr = nil
		time.Sleep(6 * time.Second)
		if token, err = source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" || s.requests != 1 {
			t.Error(token, err, s.requests)
		}
		if kept, err := store.Load(t.Context(), "k"); err != nil || kept.RefreshToken != "rt1" {
			t.Error(kept, err)
		}
	})
}

func TestC28_AdoptsTokensOfOtherProcesses(t *testing.T) {
	t.Parallel()
	newer := func() *client.Token {
		return &client.Token{AccessToken: "newer", TokenType: "Bearer", RefreshToken: "rt9", Expiry: time.Now().Add(time.Hour)}
	}
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, &shelf{TokenStore: client.NewMemoryTokens()}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Second), Store: store, Key: "k", Early: time.Nanosecond})
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
			t.Fatal(token, err)
		}
		if err := store.TokenStore.Save(t.Context(), "k", newer()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "newer" || s.requests != 0 {
			t.Error(token, err, s.requests)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the other was faster by less than a request
		s, store := &rotating{revoked: true}, &shelf{TokenStore: client.NewMemoryTokens()}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
		store.loads = []*client.Token{first(-time.Minute), newer()}
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "newer" || s.requests != 1 {
			t.Error(token, err, s.requests)
		}
	})
}

func TestC28_SignInIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{revoked: true}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
		for range 10 {
			if _, err := source.Token(); !errors.Is(err, client.ErrInvalidGrant) {
				t.Fatal(err)
			}
		}
		if s.requests != 1 {
			t.Errorf("a dead token was sent %d times", s.requests)
		}
		without := first(-time.Minute)
		without.RefreshToken = ""
		if _, err := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: without}).Token(); !errors.Is(err, client.ErrNoToken) {
			t.Error(err)
		}
		grants := 0
		grant := func(context.Context, ...string) (*client.Token, error) { grants++; return first(time.Hour), nil }
		for _, token := range []*client.Token{nil, without, first(-time.Minute)} {
			again := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: token, Grant: grant})
			if got, err := again.Token(); err != nil || got.AccessToken != "at0" {
				t.Error(got, err)
			}
		}
		if grants != 3 {
			t.Errorf("%d grants", grants)
		}
	})
}

func TestTokenSourceConfig(t *testing.T) {
	t.Parallel()
	c := (&rotating{}).client(t)
	for name, cfg := range map[string]client.TokenSourceConfig{
		"nothing": {}, "no key": {Store: client.NewMemoryTokens()}, "early": {Token: first(0), Early: -1},
	} {
		if _, err := c.TokenSource(cfg); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	narrow := first(-time.Minute)
	narrow.Scopes = []string{"a"}
	if _, err := sourceOf(t, c, client.TokenSourceConfig{Token: narrow, Scopes: []string{"a", "b"}}).Token(); err == nil {
		t.Error("no error for a scope that was not granted")
	}
}

func get(t testing.TB, c *http.Client, target string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(r)
}
