package weblogin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

func frontchannel(cfg *weblogin.Config) { cfg.FrontchannelLogout = true }

// frame loads an address of the App in a frame of another site, where browsers do not send SameSite=Lax cookies.
func (w *world) frame(t testing.TB, method, query string) page {
	t.Helper()
	return w.user(t).do(method, w.base+"/auth/frontchannel-logout?"+query, func(r *http.Request) {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Dest", "iframe")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	})
}

// The server's logout page names the session, without a cookie. A request that does not name issuer and session ends nothing.
func TestFrontchannelLogout(t *testing.T) {
	t.Parallel()
	good := url.Values{"iss": {issuer}, "sid": {"s1"}}.Encode()
	for name, test := range map[string]struct {
		method, query string
		status        int
		ends          bool
	}{
		"names both":      {http.MethodGet, good, http.StatusOK, true},
		"and more":        {http.MethodGet, good + "&x=y", http.StatusOK, true},
		"another session": {http.MethodGet, "iss=" + url.QueryEscape(issuer) + "&sid=s2", http.StatusOK, false},
		"another issuer":  {http.MethodGet, "iss=https%3A%2F%2Fevil.test&sid=s1", http.StatusOK, false},
		"a slash more":    {http.MethodGet, "iss=" + url.QueryEscape(issuer+"/") + "&sid=s1", http.StatusOK, false},
		"nothing":         {http.MethodGet, "", http.StatusBadRequest, false},
		"no session":      {http.MethodGet, "iss=" + url.QueryEscape(issuer), http.StatusBadRequest, false},
		"no issuer":       {http.MethodGet, "sid=s1", http.StatusBadRequest, false},
		"empty session":   {http.MethodGet, "iss=" + url.QueryEscape(issuer) + "&sid=", http.StatusBadRequest, false},
		"session twice":   {http.MethodGet, good + "&sid=s1", http.StatusBadRequest, false},
		"issuer twice":    {http.MethodGet, good + "&iss=x", http.StatusBadRequest, false},
		"too long":        {http.MethodGet, "iss=" + url.QueryEscape(issuer) + "&sid=" + strings.Repeat("x", 1025), http.StatusBadRequest, false},
		"the subject":     {http.MethodGet, "iss=" + url.QueryEscape(issuer) + "&sub=alice", http.StatusBadRequest, false},
		"HEAD":            {http.MethodHead, good, http.StatusBadRequest, false},
		"POST":            {http.MethodPost, good, http.StatusMethodNotAllowed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t, frontchannel)
			u := w.user(t)
			w.signIn(u)
			p := w.frame(t, test.method, test.query)
			if p.StatusCode != test.status || u.signedIn() == test.ends || p.Header.Get("Cache-Control") != "no-store" || len(p.Cookies()) != 0 {
				t.Error(p.Status, p.Header, u.signedIn())
			}
			if test.method != http.MethodGet {
				return
			}
			if policy := p.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors *") || !strings.Contains(policy, "default-src 'none'") || p.text != "" {
				t.Errorf("%q, %q", policy, p.text)
			}
			if test.ends {
				w.claims = map[string]any{"sid": "s3"}
				if w.signIn(u); !u.signedIn() {
					t.Error("a later sign-in is rejected")
				}
			}
		})
	}
}

// Only this endpoint may be loaded in a frame, also if the application adds a header to all responses.
func TestFrontchannelLogout_Frames(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, frontchannel)
	outer := handled{http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Frame-Options", "DENY")
		w.mux.ServeHTTP(rw, r)
	})}
	for path, want := range map[string]string{"/auth/frontchannel-logout": "", "/auth/callback": "DENY", "/auth/session": "DENY"} {
		resp, err := outer.RoundTrip(must(http.NewRequestWithContext(t.Context(), http.MethodGet, w.site+path, http.NoBody)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("X-Frame-Options"); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// Without the setting, there is no endpoint.
func TestFrontchannelLogout_Off(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	if p := w.frame(t, http.MethodGet, url.Values{"iss": {issuer}, "sid": {"s1"}}.Encode()); p.StatusCode != http.StatusNotFound || !u.signedIn() || len(w.store.names(t, "known.")) != 0 {
		t.Error(p.Status)
	}
}

// Anyone can send such requests. Those that name no session of the application use no memory.
func TestFrontchannelLogout_Flood(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, frontchannel)
	u := w.user(t)
	w.signIn(u)
	before := len(must(w.store.All()))
	for n := range 200 {
		w.frame(t, http.MethodGet, url.Values{"iss": {issuer}, "sid": {fmt.Sprint("x", n)}}.Encode())
		w.frame(t, http.MethodGet, url.Values{"iss": {issuer + fmt.Sprint("/", n)}, "sid": {"s1"}}.Encode()) // a known sid
	}
	if after := len(must(w.store.All())); after != before || !u.signedIn() {
		t.Errorf("%d entries, expected %d", after, before)
	}
}

// The server's clock is ahead, so the ID token is from the future. The logout still ends the session.
func TestFrontchannelLogout_ClockIsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t, frontchannel)
		w.claims = map[string]any{"iat": time.Now().Add(8 * time.Second).Unix()}
		u := w.user(t)
		w.signIn(u)
		w.frame(t, http.MethodGet, url.Values{"iss": {issuer}, "sid": {"s1"}}.Encode())
		if u.signedIn() {
			t.Error("signed in after the logout")
		}
	})
}

// A session that was not recorded, because its ID token has no sid, cannot be named.
func TestFrontchannelLogout_NoSID(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t, frontchannel)
	w.claims = map[string]any{"sid": bearertest.Absent}
	u := w.user(t)
	w.signIn(u)
	if p := w.frame(t, http.MethodGet, url.Values{"iss": {issuer}, "sid": {"alice"}}.Encode()); p.StatusCode != http.StatusOK || !u.signedIn() {
		t.Error(p.Status)
	}
}

// If the store fails, the response says so, and the same request works later.
func TestFrontchannelLogout_StoreFails(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"find", "commit"} {
		w := newLocalWorld(t, frontchannel)
		u := w.user(t)
		w.signIn(u)
		query := url.Values{"iss": {issuer}, "sid": {"s1"}}.Encode()
		w.store.failing(func(o, _ string) error { return failsOn(o == operation) })
		if p := w.frame(t, http.MethodGet, query); p.StatusCode != http.StatusServiceUnavailable {
			t.Error(operation, p.Status)
		}
		w.store.failing(nil)
		if p := w.frame(t, http.MethodGet, query); p.StatusCode != http.StatusOK || u.signedIn() {
			t.Error(operation, p.Status)
		}
	}
}
