package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

const pause = 73 * time.Second // the longest one of a source, and more

func signedInAs(p *provider, idToken string) *client.Token {
	t := first(-time.Minute)
	t.IDToken = idToken
	if idToken == "" {
		t.IDToken = p.idToken().Sign()
	}
	return t
}

// A refresh with an invalid ID token has still used up the refresh token. The access token is not returned, and the next ID
// token must be about the user of the sign-in.
func TestC28_C19_NothingIsLost(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(p *provider) string{
		"another subject": func(p *provider) string { return p.idToken().Set("sub", "mallory").Sign() },
		"another issuer":  func(p *provider) string { return p.idToken().Set("iss", "https://evil.test").Sign() },
		"no JWT":          func(*provider) string { return "x" },
		"ended":           func(p *provider) string { return p.idToken().Set("exp", 1).Sign() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, store := newProvider(), client.NewMemoryTokens()
				signedIn := signedInAs(p, "")
				told := 0
				c := p.client(t, func(cfg *client.Config) {
					cfg.OnToken = func(context.Context, *client.Token) error { told++; return nil }
				})
				source := sourceOf(t, c, client.TokenSourceConfig{Token: signedIn, Store: store, Key: "k"})
				refuse := func(when string) {
					t.Helper()
					token, err := source.TokenContext(t.Context())
					if _, ok := errors.AsType[*client.IncompleteError](err); token != nil || !ok {
						t.Fatalf("%s: %v, %v", when, token, err)
					}
					kept, err := store.Load(t.Context(), "k")
					if err != nil || kept.RefreshToken != "rt" || kept.AccessToken != "" || kept.IDToken != signedIn.IDToken {
						t.Fatalf("%s: stored %v, %v", when, kept, err)
					}
					time.Sleep(pause)
				}
				p.answersToken(bad(p))
				refuse("bad")
				refuse("bad again") // it has not become the one to compare with
				p.answer = says(200, `{"access_token":"at","token_type":"Bearer","refresh_token":"rt"}`).answer
				refuse("without an ID token")
				if told != 0 {
					t.Error("OnToken got a token that is not verified")
				}
				p.answersToken(p.idToken().Set("iat", time.Now().Unix()).Sign())
				token, err := source.TokenContext(t.Context())
				if err != nil || token.IDClaims.Subject() != "alice" || p.lastForm().Get("refresh_token") != "rt" || told != 1 {
					t.Fatal(token, err, p.lastForm(), told)
				}
			})
		})
	}
}

// The same for a response whose access token is not valid.
func TestC28_C8_TypeOfARefreshedToken(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown type": `{"access_token":"at1","token_type":"mac","refresh_token":"rt1"}`,
		"no text":      `{"access_token":"at1","token_type":["Bearer"],"refresh_token":"rt1"}`,
		"no token":     `{"token_type":"Bearer","refresh_token":"rt1"}`,
		"bound":        `{"access_token":"at1","token_type":"DPoP","refresh_token":"rt1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := says(200, body)
				source := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
				if token, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrBadResponse) {
					t.Fatal(token, err)
				}
				s.answer = says(200, good).answer
				time.Sleep(pause)
				token, err := source.TokenContext(t.Context())
				if err != nil || token.AccessToken != "at" || s.lastForm().Get("refresh_token") != "rt1" {
					t.Fatal(token, err, s.lastForm())
				}
			})
		})
	}
}

// A token that could not be stored is stored later, unless another process has stored a newer one.
func TestC28_StoreFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(client.TokenStore) error
		want      string
		err       error
	}{
		"nothing": {func(client.TokenStore) error { return nil }, "at1", nil},
		"a new sign-in": {func(store client.TokenStore) error {
			newer := first(time.Hour)
			newer.AccessToken, newer.RefreshToken = "other", "other"
			return store.Save(context.Background(), "k", newer)
		}, "other", nil},
		"signed out": {func(store client.TokenStore) error { return store.Delete(context.Background(), "k") }, "", client.ErrNoToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, store := &rotating{}, &shelf{TokenStore: client.NewMemoryTokens()}
				if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
					t.Fatal(err)
				}
				source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
				store.saveErr = errors.New("disk full")
				for range 3 { // it is not refreshed again
					_, err := source.TokenContext(t.Context())
					if incomplete, ok := errors.AsType[*client.IncompleteError](err); !ok || incomplete.Token.RefreshToken != "rt1" {
						t.Fatal(err)
					}
					time.Sleep(pause)
				}
				store.saveErr = nil
				if err := test.meanwhile(store.TokenStore); err != nil {
					t.Fatal(err)
				}
				token, err := source.TokenContext(t.Context())
				if !errors.Is(err, test.err) || err == nil && token.AccessToken != test.want || s.requests != 1 {
					t.Fatal(token, err, s.requests)
				}
				if kept, err := store.Load(t.Context(), "k"); test.err == nil && (err != nil || kept.AccessToken != test.want) {
					t.Error(kept, err)
				}
			})
		})
	}
}

// A token for which Config.OnToken returned an error is stored, passed to OnToken again, and returned once OnToken
// succeeds.
func TestC28_OnTokenFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, client.NewMemoryTokens()
		if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		fault := errors.New("no database")
		var told []string
		c := newClient(t, nil, func(cfg *client.Config) {
			cfg.HTTPClient = &http.Client{Transport: s}
			cfg.OnToken = func(_ context.Context, token *client.Token) error {
				told = append(told, token.AccessToken)
				return fault
			}
		})
		source := sourceOf(t, c, client.TokenSourceConfig{Store: store, Key: "k"})
		for range 2 {
			if _, err := source.TokenContext(t.Context()); !errors.Is(err, fault) {
				t.Fatal(err)
			}
			if kept, err := store.Load(t.Context(), "k"); err != nil || kept.RefreshToken != "rt1" {
				t.Fatal(kept, err)
			}
			time.Sleep(pause)
		}
		fault = nil
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" || s.requests != 1 {
			t.Error(token, err, s.requests)
		}
		if len(told) != 3 {
			t.Error(told)
		}
		time.Sleep(11 * time.Minute)
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at2" {
			t.Error(token, err)
		}
		if len(told) != 4 || told[3] != "at2" { // of each token once
			t.Error(told)
		}
	})
}

// A rejected refresh token is sent once, however many callers there are, until there is another one.
func TestC28_DeadRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{revoked: true}, client.NewMemoryTokens()
		if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
		for range 1000 {
			if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrInvalidGrant) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if s.requests != 1 {
			t.Errorf("sent %d times", s.requests)
		}
		again := first(-time.Minute)
		again.RefreshToken = "rt7"
		s.revoked, s.current = false, 7
		if err := store.Save(t.Context(), "k", again); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at8" {
			t.Error(token, err)
		}
	})
}

// Other error responses are not repeated either, except after longer and longer pauses.
func TestC28_NoRetryOf4xx(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 429, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			s := says(status, `{"error":"invalid_client"}`)
			source := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
			for range 600 {
				if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrInvalidClient) {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			if n := len(s.requests); n < 10 || n > 14 { // 0, 5, 15, 35 s, and then every minute
				t.Errorf("%d: %d requests in 10 minutes", status, n)
			}
		})
	}
}

func TestC28_RetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(server)
		s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(503, "", map[string]string{"Retry-After": "120"})
		}
		source := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
		for range 119 {
			_, _ = source.TokenContext(t.Context())
			time.Sleep(time.Second)
		}
		if len(s.requests) != 1 {
			t.Errorf("%d requests", len(s.requests))
		}
	})
}

// A token that has expired when it is received is not refreshed for each request.
func TestC9_C28_NoLifetime(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []string{"0", "1", `"0"`} {
		synctest.Test(t, func(t *testing.T) {
			s := says(200, `{"access_token":"at","token_type":"Bearer","refresh_token":"rt","expires_in":`+lifetime+`}`)
			source := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
			for range 1000 {
				if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at" {
					t.Fatal(token, err)
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n := len(s.requests); n > 25 {
				t.Errorf("%d requests in 10 s", n)
			}
		})
	}
}

// busy has a lock that another process holds for some time.
type busy struct {
	client.TokenStore

	until time.Time
}

func (b *busy) Lock(ctx context.Context, _ string) (func(), error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Until(b.until)):
		return func() {}, nil
	}
}

// Waiting for the lock does not shorten the time for the request, and has a limit.
func TestC28_LockOfOthers(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]error{129 * time.Second: nil, time.Hour: client.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			s, store := &rotating{delay: 29 * time.Second}, client.NewMemoryTokens()
			if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
				t.Fatal(err)
			}
			locked := &busy{store, time.Now().Add(wait)}
			source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: locked, Key: "k"})
			start := time.Now()
			token, err := source.TokenContext(t.Context())
			if !errors.Is(err, want) || err == nil && token.AccessToken != "at1" || time.Since(start) > 160*time.Second {
				t.Error(token, err, time.Since(start))
			}
		})
	}
}

// A server that does not respond ends the renewal, but the source still works.
func TestC28_NoResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, nil, func(cfg *client.Config) { cfg.HTTPClient = &http.Client{Transport: hangs} })
		source := sourceOf(t, c, client.TokenSourceConfig{Token: first(-time.Minute)})
		if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrUnavailable) {
			t.Error(err)
		}
		source = sourceOf(t, c, client.TokenSourceConfig{Grant: func(ctx context.Context, _ ...string) (*client.Token, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrUnavailable) {
			t.Error(err)
		}
	})
}

// An outage does not cause a new grant: the refresh token is still valid.
func TestC28_OutageDoesNotCallGrant(t *testing.T) {
	t.Parallel()
	grant := func(context.Context, ...string) (*client.Token, error) { return first(time.Hour), nil }
	for name, test := range map[string]struct {
		server *rotating
		want   string
	}{
		"works":  {&rotating{}, "at1"},
		"down":   {&rotating{status: 503}, ""},
		"no use": {&rotating{revoked: true}, "at0"},
	} {
		source := sourceOf(t, test.server.client(t), client.TokenSourceConfig{Token: first(-time.Minute), Grant: grant})
		got := ""
		token, err := source.TokenContext(t.Context())
		if err == nil {
			got = token.AccessToken
		}
		if got != test.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// A panic in the program's own code does not end the process.
func TestC28_PanicsAndExits(t *testing.T) {
	t.Parallel()
	for name, grant := range map[string]func(context.Context, ...string) (*client.Token, error){
		"panic":   func(context.Context, ...string) (*client.Token, error) { panic("x") },
		"exit":    func(context.Context, ...string) (*client.Token, error) { runtime.Goexit(); return nil, nil },
		"nothing": func(context.Context, ...string) (*client.Token, error) { return nil, nil },
		"empty":   func(context.Context, ...string) (*client.Token, error) { return new(client.Token), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := sourceOf(t, (&rotating{}).client(t), client.TokenSourceConfig{Grant: grant})
			if token, err := source.TokenContext(t.Context()); err == nil {
				t.Error(token)
			}
		})
	}
	// If Store.Save returns ErrNoToken, that does not cause a grant.
	s, confused := &rotating{}, &shelf{TokenStore: client.NewMemoryTokens()}
	if err := confused.Save(t.Context(), "k", first(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	confused.saveErr = client.ErrNoToken
	granted := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: confused, Key: "k", Grant: func(context.Context, ...string) (*client.Token, error) {
		t.Error("Grant was called")
		return first(time.Hour), nil
	}})
	if token, err := granted.TokenContext(t.Context()); err == nil {
		t.Error(token)
	}
	empty := sourceOf(t, (&rotating{}).client(t), client.TokenSourceConfig{Store: nothing{}, Key: "k"})
	if token, err := empty.TokenContext(t.Context()); err == nil {
		t.Error(token)
	}
}

// nothing is a store that returns neither a token nor an error.
type nothing struct{ client.TokenStore }

func (nothing) Load(context.Context, string) (*client.Token, error) { return nil, nil }

// A user who has signed out stays signed out: the token is not stored again.
func TestC28_SignedOutElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, client.NewMemoryTokens()
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Minute), Store: store, Key: "k"})
		if _, err := source.TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		_, _ = source.TokenContext(t.Context()) // refreshes beside
		synctest.Wait()
		if token, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrNoToken) || s.requests != 0 {
			t.Error(token, err, s.requests)
		}
		if _, err := store.Load(t.Context(), "k"); !errors.Is(err, client.ErrNoToken) {
			t.Error("the deleted token was stored again")
		}
	})
}

// Callers cannot change the tokens of other callers.
func TestTokenSource_Copies(t *testing.T) {
	t.Parallel()
	given := first(time.Hour)
	given.Scopes = []string{"a"}
	source := sourceOf(t, (&rotating{}).client(t), client.TokenSourceConfig{Token: given})
	given.AccessToken, given.Scopes[0] = "x", "x"
	for range 2 {
		token, err := source.TokenContext(t.Context())
		if err != nil || token.AccessToken != "at0" || token.Scopes[0] != "a" {
			t.Fatal(token, err)
		}
		token.AccessToken, token.Scopes[0] = "x", "x"
	}
}

// A refresh token alone is enough to start with.
func TestTokenSource_RefreshTokenAlone(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]client.TokenStore{"kept here": nil, "stored": client.NewMemoryTokens()} {
		cfg := client.TokenSourceConfig{Token: &client.Token{RefreshToken: "rt0"}, Store: store, Key: "k"}
		token, err := sourceOf(t, new(rotating).client(t), cfg).TokenContext(t.Context())
		if err != nil || token.AccessToken != "at1" {
			t.Error(name, token, err)
		}
	}
}

func TestTokenSource_Refresh(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]*client.Token{"good": first(time.Hour), "ended": first(-time.Hour)} {
		for _, stored := range []bool{false, true} {
			s, cfg := &rotating{}, client.TokenSourceConfig{Token: token}
			if stored {
				cfg = client.TokenSourceConfig{Store: client.NewMemoryTokens(), Key: "k"}
				if err := cfg.Store.Save(t.Context(), "k", token); err != nil {
					t.Fatal(err)
				}
			}
			got, err := sourceOf(t, s.client(t), cfg).Refresh(t.Context())
			if err != nil || got.AccessToken != "at1" || s.requests != 1 {
				t.Errorf("%s, stored %v: %v, %v after %d requests", name, stored, got, err, s.requests)
			}
		}
	}
}

// Three sources share a store in one process, each with many callers.
func TestC28_SourcesShareAStore(t *testing.T) {
	t.Parallel()
	s := &rotating{}
	store, _ := fileTokens(t)
	if err := store.Save(t.Context(), "k", first(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Store: store, Key: "k"})
		for range 20 {
			all.Go(func() {
				if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" {
					t.Error(token, err)
				}
			})
		}
	}
	all.Wait()
	if s.requests != 1 {
		t.Errorf("%d requests", s.requests)
	}
}

// If the caller that started a refresh goes away, the refresh goes on without delay.
func TestC28_LeaderGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{delay: 10 * time.Second}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := source.TokenContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		start := time.Now()
		if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" || time.Since(start) != 9*time.Second {
			t.Error(token, err, time.Since(start))
		}
		if s.requests != 1 {
			t.Errorf("%d requests", s.requests)
		}
	})
}
