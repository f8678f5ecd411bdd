package ssf_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

// A logout token denies the tokens of the session that has ended, as OpenID Connect Back-Channel Logout 1.0 requires.
func TestLogoutHandler(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change       func(w *world, s *bearertest.Token)
		sessionClaim bool
		fail         bool // the Storage
		failLogout   bool // OnLogout

		status             int
		mine, otherSession bool // whether these tokens are still accepted
	}{
		"session and user":                     {status: http.StatusOK},
		"session and user, in tokens with sid": {sessionClaim: true, status: http.StatusOK, otherSession: true},
		"session alone":                        {change: func(_ *world, s *bearertest.Token) { s.Set("sub", bearertest.Absent) }, status: http.StatusOK, otherSession: true},
		"user alone":                           {change: func(_ *world, s *bearertest.Token) { s.Set("sid", bearertest.Absent) }, sessionClaim: true, status: http.StatusOK},
		"the Storage fails":                    {fail: true, status: http.StatusServiceUnavailable, mine: true, otherSession: true},
		"OnLogout fails":                       {failLogout: true, status: http.StatusServiceUnavailable},
		"another client":                       {change: func(_ *world, s *bearertest.Token) { s.Set("aud", "other") }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"another issuer":                       {change: func(_ *world, s *bearertest.Token) { s.Set("iss", "https://other.test") }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"a nonce":                              {change: func(_ *world, s *bearertest.Token) { s.Set("nonce", "n") }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"alg none":                             {change: func(_ *world, s *bearertest.Token) { s.SignWith("none", nil) }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"an old one":                           {change: func(_ *world, s *bearertest.Token) { s.Set("iat", time.Now().Add(-time.Hour).Unix()) }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"neither session nor user":             {change: func(_ *world, s *bearertest.Token) { s.Set("sub", bearertest.Absent).Set("sid", bearertest.Absent) }, status: http.StatusBadRequest, mine: true, otherSession: true},
		"a SET": {change: func(_ *world, s *bearertest.Token) {
			s.SetHeader("typ", "secevent+jwt").Set("events", object{ssf.TypeSessionRevoked: object{}})
		}, status: http.StatusBadRequest, mine: true, otherSession: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil)
				c, err := client.New(client.Config{
					Issuer: w.issuer.URL(), ClientID: "client", Keys: w.keys, Algorithms: []string{"ES256"}, HTTPClient: w.issuer.Client(),
				})
				if err != nil {
					t.Fatal(err)
				}
				calls := 0
				h, err := ssf.LogoutHandler(ssf.LogoutConfig{
					Client: c, Storage: w.storage, TokenLifetime: lifetime, SessionClaim: tt.sessionClaim,
					OnLogout: func(context.Context, *client.LogoutToken) error { calls++; return when(tt.failLogout) },
				})
				if err != nil {
					t.Fatal(err)
				}
				mine := w.issuer.AccessToken().Set("sid", "session-1").Sign()
				other := w.issuer.AccessToken().Set("sid", "session-2").Sign()
				stranger := w.issuer.AccessToken().Set("sid", "session-3").Set("sub", "eve").Sign()
				time.Sleep(time.Minute)
				token := w.issuer.LogoutToken().Set("sid", "session-1").Set("exp", time.Now().Add(time.Hour).Unix())
				if tt.change != nil {
					tt.change(w, token)
				}
				if tt.fail {
					w.storage.set(nil, errDown)
				}
				raw := token.Sign()
				if got := logOut(t, h, raw); got != tt.status {
					t.Errorf("status %d, want %d", got, tt.status)
				}
				w.storage.set(nil, nil)
				time.Sleep(time.Minute)
				later := w.issuer.AccessToken().Set("sid", "session-4").Sign()
				if got := []bool{w.accepts(t, mine), w.accepts(t, other), w.accepts(t, stranger), w.accepts(t, later)}; got[0] != tt.mine ||
					got[1] != tt.otherSession || !got[2] || !got[3] {
					t.Errorf("accepted: %v, want %v, %v, true, true", got, tt.mine, tt.otherSession)
				}
				if tt.status == http.StatusOK {
					if got := logOut(t, h, raw); got != http.StatusBadRequest || calls != 1 {
						t.Errorf("the same logout token again: status %d, %d calls of OnLogout", got, calls)
					}
				}
			})
		})
	}
}

// The clock of the provider may be ahead by the ClockSkew of the client. Tokens that it issued before the logout or in
// the same second are denied, and those that it issues later are not.
func TestLogoutHandler_ClockSkew(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{0, 50 * time.Second, 4*time.Minute + 50*time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			c, err := client.New(client.Config{
				Issuer: w.issuer.URL(), ClientID: "client", Keys: w.keys, Algorithms: []string{"ES256"}, HTTPClient: w.issuer.Client(),
				ClockSkew: 5 * time.Minute,
			})
			if err != nil {
				t.Fatal(err)
			}
			h, err := ssf.LogoutHandler(ssf.LogoutConfig{Client: c, Storage: w.storage, TokenLifetime: lifetime})
			if err != nil {
				t.Fatal(err)
			}
			logout := time.Now().Add(ahead)
			issued := func(at time.Time) string {
				return w.issuer.AccessToken().Set("iat", at.Unix()).Set("exp", at.Add(lifetime).Unix()).Sign()
			}
			before, same, after := issued(logout.Add(-time.Second)), issued(logout), issued(logout.Add(time.Second))
			token := w.issuer.LogoutToken().Set("iat", logout.Unix()).Set("exp", logout.Add(2*time.Minute).Unix())
			if status := logOut(t, h, token.Sign()); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
			time.Sleep(ahead + 2*time.Second)
			if w.accepts(t, before) || w.accepts(t, same) || !w.accepts(t, after) {
				t.Errorf("clock ahead by %v: a token that was issued until the logout is accepted, or the later one is not", ahead)
			}
		})
	}
}

// logOut sends a logout token and returns the status.
func logOut(t testing.TB, h http.Handler, raw string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", strings.NewReader(url.Values{"logout_token": {raw}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	if got := recorder.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	return recorder.Code
}

func TestLogoutHandler_Faults(t *testing.T) {
	t.Parallel()
	_, err := ssf.LogoutHandler(ssf.LogoutConfig{})
	for _, want := range []string{"LogoutConfig.Client", "LogoutConfig.Storage", "LogoutConfig.TokenLifetime"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	_, err = ssf.LogoutHandler(ssf.LogoutConfig{Storage: (*store.Memory)(nil)})
	if err == nil || !strings.Contains(err.Error(), "LogoutConfig.Storage is required") {
		t.Errorf("a Storage that contains a nil pointer: %v", err)
	}
	if _, err := ssf.LogoutHandler(ssf.LogoutConfig{TokenLifetime: 367 * 24 * time.Hour}); err == nil || !strings.Contains(err.Error(), "at most 366 days") {
		t.Errorf("a long lifetime: %v", err)
	}
}
