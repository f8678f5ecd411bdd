package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

const (
	mail  = "https://mail.test"
	files = "https://files.test"
)

func resourceOf(t testing.TB, source *client.TokenSource, cfg client.ResourceConfig) *client.TokenSource {
	t.Helper()
	other, err := source.ForResource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

func forAPI(t testing.TB, source *client.TokenSource, api string) *client.TokenSource {
	t.Helper()
	return resourceOf(t, source, client.ResourceConfig{Resource: []string{api}})
}

// Many callers use three sources of one refresh token for two hours. The server revokes everything if a refresh token
// arrives twice.
func TestCaseU4_OneRefreshTokenForSeveralResources(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func() client.TokenStore{
		"in memory": func() client.TokenStore { return nil }, "stored": func() client.TokenStore { return client.NewMemoryTokens() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &rotating{delay: time.Second}
				own := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Minute), Store: store(), Key: "k"})
				var all sync.WaitGroup
				for target, source := range map[string]*client.TokenSource{
					"": own, "@" + mail: forAPI(t, own, mail), "@" + files: forAPI(t, own, files),
					"@mail.read,mail.write": resourceOf(t, own, client.ResourceConfig{Scopes: []string{"mail.read,mail.write"}}),
				} {
					for range 20 {
						all.Go(func() {
							for range 720 {
								token, err := source.TokenContext(t.Context())
								if err != nil {
									t.Error(target, err)
									return
								}
								if _, at, _ := strings.Cut(token.AccessToken, "@"); "@"+at != target && at+target != "" {
									t.Errorf("the source for %q returned %q", target, token.AccessToken)
									return
								}
								time.Sleep(10 * time.Second)
							}
						})
					}
				}
				all.Wait()
				if revoked, requests := s.counts(); revoked || requests < 4*11 || requests > 4*16 {
					t.Errorf("revoked: %t after %d refreshes", revoked, requests)
				}
			})
		})
	}
}

// What the request of each source has: its own resource, audience and scopes, or those of the Config.
func TestCaseU4_Parameters(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  client.ResourceConfig
		want url.Values
	}{
		"resource":  {client.ResourceConfig{Resource: []string{mail}}, url.Values{"resource": {mail}, "audience": {"all"}}},
		"resources": {client.ResourceConfig{Resource: []string{mail, files}}, url.Values{"resource": {mail, files}, "audience": {"all"}}},
		"urn":       {client.ResourceConfig{Resource: []string{"urn:example:mail"}}, url.Values{"resource": {"urn:example:mail"}, "audience": {"all"}}},
		"audience":  {client.ResourceConfig{Audience: "mail"}, url.Values{"resource": {"https://all.test"}, "audience": {"mail"}}},
		"scopes": {
			client.ResourceConfig{Scopes: []string{"api://mail/read", "api://mail/write"}},
			url.Values{"resource": {"https://all.test"}, "audience": {"all"}, "scope": {"api://mail/read api://mail/write"}},
		},
	} {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.Resource, cfg.Audience, cfg.Scopes = []string{"https://all.test"}, "all", []string{"openid"}
		})
		own := sourceOf(t, c, client.TokenSourceConfig{Token: granted("openid")})
		if _, err := resourceOf(t, own, test.cfg).TokenContext(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		got := s.lastForm()
		for _, same := range []string{"grant_type", "refresh_token", "client_id", "client_secret"} {
			got.Del(same)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Error(name, diff)
		}
	}
}

// granted returns an expired token with these scopes.
func granted(scopes ...string) *client.Token {
	t := first(-time.Minute)
	t.Scopes = scopes
	return t
}

// The stored Token keeps its access token, which is for another API, and gets each new refresh token before the caller gets
// the token for the resource. Config.OnToken gets the same Token.
func TestCaseU4_WhatIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, &shelf{TokenStore: client.NewMemoryTokens()}
		var received []string
		var fault error
		c := newClient(t, nil, func(cfg *client.Config) {
			cfg.HTTPClient = &http.Client{Transport: s}
			cfg.OnToken = func(_ context.Context, token *client.Token) error {
				received = append(received, token.AccessToken+" "+token.RefreshToken)
				return fault
			}
		})
		own := sourceOf(t, c, client.TokenSourceConfig{Token: first(time.Hour), Store: store, Key: "k"})
		if token, err := own.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
			t.Fatal(token, err)
		}
		source := forAPI(t, own, mail)
		token, err := source.TokenContext(t.Context())
		if err != nil || token.AccessToken != "at1@"+mail || token.RefreshToken != "" {
			t.Fatal(token, err)
		}
		kept, err := store.Load(t.Context(), "k")
		if err != nil || kept.AccessToken != "at0" || kept.RefreshToken != "rt1" || kept.Issuer != issuerURL {
			t.Fatal(kept, err)
		}

		// If the refresh token cannot be stored, the caller gets no token. It is stored later, and not sent again before.
		time.Sleep(10 * time.Minute)
		store.saveErr = errors.New("disk full")
		for range 2 {
			token, err := source.TokenContext(t.Context())
			if incomplete, ok := errors.AsType[*client.IncompleteError](err); !ok || incomplete.Token.RefreshToken != "rt2" || incomplete.Token.AccessToken != "at0" {
				t.Fatal(token, err)
			}
			time.Sleep(pause)
		}
		store.saveErr, fault = nil, errors.New("no database")
		if token, err := source.TokenContext(t.Context()); !errors.Is(err, fault) {
			t.Fatal(token, err)
		}
		fault = nil
		time.Sleep(pause)
		if token, err := source.TokenContext(t.Context()); err != nil || !strings.HasSuffix(token.AccessToken, "@"+mail) || s.revoked {
			t.Fatal(token, err)
		}
		if token, err := own.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" {
			t.Error(token, err)
		}
		for _, one := range received {
			if !strings.HasPrefix(one, "at0 ") {
				t.Errorf("OnToken received %s", one)
			}
		}
		kept, err = store.Load(t.Context(), "k")
		if err != nil || kept.RefreshToken != fmt.Sprint("rt", s.current) || received[len(received)-1] != "at0 "+kept.RefreshToken {
			t.Error(kept, err, received)
		}
	})
}

// A server that does not rotate its refresh token causes no write.
func TestCaseU4_SameRefreshToken(t *testing.T) {
	t.Parallel()
	store := &shelf{TokenStore: client.NewMemoryTokens()}
	s := says(200, `{"access_token":"at","token_type":"Bearer","expires_in":60,"scope":"mail.read"}`)
	own := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(time.Hour), Store: store, Key: "k"})
	if _, err := own.TokenContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{mail, files} {
		token, err := forAPI(t, own, api).TokenContext(t.Context())
		if err != nil || token.AccessToken != "at" || s.lastForm().Get("refresh_token") != "rt0" || !cmp.Equal(token.Scopes, []string{"mail.read"}) {
			t.Error(token, err)
		}
	}
	if len(store.saved) != 1 {
		t.Errorf("stored %d times", len(store.saved))
	}
}

// useResources is a process with one source for each of three APIs.
func useResources(t *testing.T, source *client.TokenSource) {
	t.Helper()
	var all sync.WaitGroup
	for api, one := range map[string]*client.TokenSource{"": source, mail: forAPI(t, source, mail), files: forAPI(t, source, files)} {
		all.Go(func() {
			for range 5 {
				token, err := one.Refresh(t.Context())
				if err != nil || !strings.HasSuffix(token.AccessToken, api) {
					t.Errorf("%s: %v, %v", api, token, err)
				}
			}
		})
	}
	all.Wait()
}

// The same in several processes that share a store with locks.
func TestCaseU4_Processes(t *testing.T) {
	t.Parallel()
	s, endpoint, store, folder := running(t, 5*time.Millisecond)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			if out, err := process(t, "resources", endpoint, folder).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	if s.revoked || s.requests < 3*2*5 || s.requests > 3*3*5 {
		t.Errorf("revoked: %t after %d requests", s.revoked, s.requests)
	}
	if token, err := store.Load(t.Context(), "k"); err != nil || token.RefreshToken != fmt.Sprint("rt", s.requests) || strings.Contains(token.AccessToken, "@") {
		t.Error(token, err)
	}
}

// Two sources in one process, whose store has no lock, wait for each other.
func TestCaseU4_OneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{delay: 10 * time.Second}
		own := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
		one, other := forAPI(t, own, mail), forAPI(t, own, files)
		start := time.Now()
		var all sync.WaitGroup
		for _, source := range []*client.TokenSource{own, one, other, one, other, own} {
			all.Go(func() {
				if token, err := source.TokenContext(t.Context()); err != nil {
					t.Error(token, err)
				}
			})
		}
		all.Wait()
		if revoked, requests := s.counts(); revoked || requests != 3 || time.Since(start) != 30*time.Second {
			t.Errorf("revoked: %t after %d requests and %v", revoked, requests, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		all.Go(func() { _, _ = one.Refresh(t.Context()) })
		synctest.Wait()
		if _, err := other.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		all.Wait()
		time.Sleep(time.Minute) // the refresh goes on without its caller
		synctest.Wait()
		if revoked, requests := s.counts(); revoked || requests != 5 {
			t.Errorf("revoked: %t after %d requests", revoked, requests)
		}
	})
}

// A rejection for one resource does not stop the others: the user may not have consented to that one. A refresh token that
// has ended is sent once by each source.
func TestCaseU4_Rejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(_ *http.Request, form url.Values) *httptest.ResponseRecorder {
			if form.Get("resource") == mail {
				return written(400, code("invalid_grant"), nil)
			}
			return written(200, good, nil)
		}}
		own := sourceOf(t, newClient(t, s, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
		one, other := forAPI(t, own, mail), forAPI(t, own, files)
		for range 5 {
			if _, err := one.TokenContext(t.Context()); !errors.Is(err, client.ErrNoToken) || !errors.Is(err, client.ErrInvalidGrant) {
				t.Error(err)
			}
			time.Sleep(pause)
		}
		if len(s.requests) != 1 {
			t.Errorf("a rejected refresh token was sent %d times", len(s.requests))
		}
		for _, source := range []*client.TokenSource{other, own} {
			if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at" {
				t.Error(token, err)
			}
		}

		dead := says(400, code("invalid_grant"))
		own = sourceOf(t, newClient(t, dead, nil), client.TokenSourceConfig{Token: first(-time.Minute)})
		all := []*client.TokenSource{own, forAPI(t, own, mail), forAPI(t, own, files)}
		for range 5 {
			for _, source := range all {
				if _, err := source.TokenContext(t.Context()); !errors.Is(err, client.ErrNoToken) {
					t.Error(err)
				}
			}
			time.Sleep(pause)
		}
		if len(dead.requests) != 3 {
			t.Errorf("three sources sent a rejected refresh token %d times", len(dead.requests))
		}
	})
}

// If there is a Grant, it gets the next refresh token for all sources.
func TestCaseU4_Grant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refreshToken string
		works        bool
	}{"refresh token": {"rt5", true}, "no refresh token": {"", false}} {
		synctest.Test(t, func(t *testing.T) {
			s, grants := &rotating{current: 5, reuse: true}, 0
			own := sourceOf(t, s.client(t), client.TokenSourceConfig{
				Token: first(-time.Minute),
				Grant: func(context.Context, ...string) (*client.Token, error) {
					grants++
					return &client.Token{AccessToken: "granted", TokenType: "Bearer", RefreshToken: test.refreshToken}, nil
				},
			})
			one, other := forAPI(t, own, mail), forAPI(t, own, files)
			for api, source := range map[string]*client.TokenSource{mail: one, files: other} {
				token, err := source.TokenContext(t.Context())
				if !test.works && (token != nil || err == nil || !strings.Contains(err.Error(), "TokenSourceConfig.Grant")) {
					t.Error(name, token, err)
				}
				if test.works && (err != nil || !strings.HasSuffix(token.AccessToken, "@"+api) || grants != 1) {
					t.Error(name, token, err, grants)
				}
			}
			if token, err := own.Refresh(t.Context()); test.works && (err != nil || token.AccessToken != "granted") {
				t.Error(name, token, err)
			}
		})
	}
}

// A user who has signed out elsewhere gets no token for any resource, and nothing is stored again.
func TestCaseU4_SignedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := &rotating{}, client.NewMemoryTokens()
		own := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Hour), Store: store, Key: "k"})
		source := forAPI(t, own, mail)
		if _, err := source.TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := store.Delete(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if token, err := source.Refresh(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) {
				t.Error(token, err)
			}
			if token, err := source.TokenContext(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) {
				t.Error(token, err)
			}
			time.Sleep(pause)
		}
		if _, err := store.Load(t.Context(), "k"); !errors.Is(err, client.ErrNoToken) || s.requests != 1 {
			t.Error(err, s.requests)
		}
	})
}

// The API rejects the token for one resource, and the server the refresh token: that source has ended.
func TestCaseU4_A14_RejectedByTheAPI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{}
		own := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Hour)})
		source := forAPI(t, own, mail)
		api := rejecting("")
		transport := transportOf(t, source, api, "https://api.test")
		if status, err := call(t, transport, nil); status != http.StatusOK {
			t.Fatal(status, err)
		}
		s.revoked, api.answer = true, rejecting("x", invalidToken).answer
		if status, err := call(t, transport, nil); status != http.StatusUnauthorized {
			t.Fatal(status, err)
		}
		for range 10 {
			if token, err := source.TokenContext(t.Context()); token != nil || !errors.Is(err, client.ErrNoToken) {
				t.Error(token, err)
			}
			time.Sleep(3 * time.Second)
		}
		if token, err := own.TokenContext(t.Context()); err != nil || token.AccessToken != "at0" || s.requests != 2 {
			t.Error(token, err, s.requests)
		}
	})
}

// A response for a resource with an ID token of another user is not used. The refresh token is not lost, and the next
// response must be about the right user, whichever source receives it.
func TestCaseU4_C19_AnotherUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, store := newProvider(), client.NewMemoryTokens()
		own := sourceOf(t, p.client(t, nil), client.TokenSourceConfig{Token: signedInAs(p, ""), Store: store, Key: "k"})
		source := forAPI(t, own, mail)
		p.answersToken(p.idToken().Set("sub", "mallory").Sign())
		if token, err := source.TokenContext(t.Context()); token != nil || !isIncomplete(err) {
			t.Fatal(token, err)
		}
		if kept, err := store.Load(t.Context(), "k"); err != nil || kept.RefreshToken != "rt" || kept.AccessToken != "" {
			t.Fatal(kept, err)
		}
		p.answer = says(200, `{"access_token":"at","token_type":"Bearer","refresh_token":"rt2"}`).answer
		if token, err := own.TokenContext(t.Context()); token != nil || !isIncomplete(err) {
			t.Fatal(token, err)
		}
		time.Sleep(pause)
		p.answersToken(p.idToken().Set("iat", time.Now().Unix()).Sign())
		token, err := source.TokenContext(t.Context())
		if err != nil || token.IDClaims.Subject() != "alice" || p.lastForm().Get("refresh_token") != "rt2" {
			t.Fatal(token, err, p.lastForm())
		}
	})
}

// The userinfo endpoint does not receive a token for another resource.
func TestCaseU4_NoUserInfo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProvider()
		p.answer = func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
			if r.URL.Path == "/me" {
				if got := r.Header.Get("Authorization"); got != "Bearer at for " {
					t.Errorf("the userinfo endpoint received %q", got)
				}
				return written(200, `{"sub":"alice","name":"Alice"}`, nil)
			}
			idToken := p.idToken().Set("iat", time.Now().Unix()).Sign()
			return written(200, fmt.Sprintf(`{"access_token":"at for %s","token_type":"Bearer","expires_in":600,"refresh_token":"rt%d","id_token":%q}`,
				form.Get("resource"), len(p.requests), idToken), nil)
		}
		c := p.client(t, func(cfg *client.Config) { cfg.UseUserInfo = true })
		own := sourceOf(t, c, client.TokenSourceConfig{Token: signedInAs(p, "")})
		source := forAPI(t, own, mail)
		for range 3 {
			for _, one := range []*client.TokenSource{own, source} {
				token, err := one.TokenContext(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if name := token.IDClaims.Claims()["name"]; name != "Alice" {
					t.Errorf("the claims of %s have the name %v", token.AccessToken, name)
				}
			}
			time.Sleep(11 * time.Minute)
		}
	})
}

func isIncomplete(err error) bool {
	_, ok := errors.AsType[*client.IncompleteError](err)
	return ok
}

func TestCaseU4_ResourceConfig(t *testing.T) {
	t.Parallel()
	own, _ := tokens(t)
	for field, cfg := range map[string]client.ResourceConfig{
		"Resource, Audience and Scopes": {},
		"ResourceConfig.Resource":       {Resource: []string{"mail.test"}},
		"without a fragment":            {Resource: []string{mail, mail + "#x"}},
		"absolute URI":                  {Resource: []string{""}},
		"ResourceConfig.Early":          {Audience: "x", Early: -1},
	} {
		if _, err := own.ForResource(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	if _, err := new(client.TokenSource).ForResource(client.ResourceConfig{Audience: "x"}); err == nil {
		t.Error("made from a zero TokenSource")
	}
	again := forAPI(t, forAPI(t, own, mail), files) // a source for a resource has the same refresh token
	if token, err := again.TokenContext(t.Context()); err != nil || token.AccessToken != "at1@"+files {
		t.Error(token, err)
	}
}
