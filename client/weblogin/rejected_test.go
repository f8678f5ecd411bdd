package weblogin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

// A login ends when the server rejects its refresh token. Otherwise pages would show a signed-in user whose API calls
// fail.
func TestCaseX22_RefreshTokenIsRejected(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		ends   bool
	}{
		"invalid_grant":          {400, `{"error":"invalid_grant"}`, true},
		"invalid_request":        {400, `{"error":"invalid_request"}`, true},
		"an empty 400":           {400, ``, true},
		"a page":                 {400, `<p>no</p>`, true},
		"another code":           {400, `{"error":"session_not_active"}`, true},
		"403":                    {403, `{"error":"access_denied"}`, true},
		"the client is unknown":  {401, `{"error":"invalid_client"}`, false},
		"the client is rejected": {400, `{"error":"invalid_client"}`, false},
		"an empty 401":           {401, ``, false},
		"too many requests":      {429, ``, false},
		"an outage":              {503, `<p>down</p>`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []string{"POST /auth/refresh", "GET /api/orders/1", "GET /token"} {
				synctest.Test(t, func(t *testing.T) { rejectRefresh(t, way, test.status, test.body, test.ends) })
			}
		})
	}
}

func rejectRefresh(t *testing.T, way string, status int, body string, ends bool) {
	w := newLocalWorld(t)
	w.page("/token", func(rw http.ResponseWriter, r *http.Request) {
		u, ok := weblogin.UserFromContext(r.Context())
		if !ok {
			t.Error("no user")
			return
		}
		if _, err := u.Token(r.Context()); err != nil {
			rw.WriteHeader(http.StatusTeapot)
		}
	})
	u := w.user(t)
	w.signIn(u)
	time.Sleep(2 * time.Hour) // the access token has expired
	w.refuses = func(rw http.ResponseWriter) {
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}
	var method, path string
	_, _ = fmt.Sscan(way, &method, &path)
	p := u.do(method, path, nil)
	if ends && p.StatusCode != http.StatusUnauthorized && p.StatusCode != http.StatusTeapot || !ends && p.StatusCode == http.StatusUnauthorized {
		t.Error(way, p.Status, p.text)
	}
	if u.signedIn() == ends {
		t.Errorf("%s: signed in: %t", way, !ends)
	}
	if left := len(w.store.names(t, "token.")) != 0; left == ends {
		t.Errorf("%s: a token is stored: %t", way, left)
	}
	w.refuses = nil
	w.signIn(u)
	if !u.signedIn() {
		t.Error("a new sign-in is rejected")
	}
}

// The API rejects an access token that has not expired, and the server rejects the refresh token. The response to the page
// is login_required.
func TestCaseX22_APIAndServerReject(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	w.refuses = func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadRequest) }
	w.let(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		rw.WriteHeader(http.StatusUnauthorized)
	})
	if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusUnauthorized || p.text != `{"error":"login_required"}`+"\n" || u.signedIn() {
		t.Error(p.Status, p.text)
	}
}

// The server rejects the refresh token in the background, while the access token is still valid. The login ends at once.
func TestCaseX22_RejectedInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t)
		u := w.user(t)
		w.signIn(u)
		w.refuses = func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusBadRequest) }
		time.Sleep(time.Hour - 30*time.Second)
		for range 3 { // the first request loads the token, the third one starts the refresh
			if status, _ := w.call(u); status != http.StatusOK {
				t.Error(status)
			}
			time.Sleep(8 * time.Second)
		}
		if u.signedIn() {
			t.Error("signed in after the server has rejected the refresh token")
		}
	})
}

// Servers reject a refresh token in many ways. Each of them ends the login, with a 401 and login_required for scripts, and
// never a 502. What is about the client or the moment ends nothing.
func TestCaseA8_RefreshTokenEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		ends   bool
	}{
		"bad_refresh_token":          {400, `{"error":"bad_refresh_token"}`, true},
		"bad_refresh_token, 200":     {200, `{"error":"bad_refresh_token","error_description":"expired"}`, true},
		"invalid_refresh_token":      {400, `{"error":"invalid_refresh_token"}`, true},
		"invalid_refresh_token, 401": {401, `{"error":"invalid_refresh_token"}`, true},
		"invalid_grant, 401":         {401, `{"error":"invalid_grant"}`, true},
		"invalid_grant, 500":         {500, `{"error":"invalid_grant"}`, true},
		"invalid_request, 200":       {200, `{"error":"invalid_request"}`, true},
		"token_revoked":              {403, `{"error":"token_revoked"}`, true},
		"interaction_required":       {400, `{"error":"interaction_required"}`, true},
		"invalid_client, 200":        {200, `{"error":"invalid_client"}`, false},
		"unauthorized_client":        {400, `{"error":"unauthorized_client"}`, false},
		"slow_down":                  {400, `{"error":"slow_down"}`, false},
		"temporarily_unavailable":    {400, `{"error":"temporarily_unavailable"}`, false},
		"a page with 200":            {200, `<p>hello</p>`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []string{"POST /auth/refresh", "GET /api/orders/1", "GET /token"} {
				synctest.Test(t, func(t *testing.T) { rejectRefresh(t, way, test.status, test.body, test.ends) })
			}
		})
	}
}

// Without a code, the status decides. The session endpoint never says that a user is signed in whose token has ended.
func TestCaseA13_SessionEndsWithItsToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		ends   bool
	}{
		"an empty 400":    {400, ``, true},
		"an empty 422":    {422, ``, true},
		"an empty 403":    {403, ``, true},
		"JSON with 404":   {404, `{}`, true},
		"invalid_request": {400, `{"error":"invalid_request"}`, true},
		"a firewall":      {403, `<p>blocked</p>`, false},
		"not found":       {404, `<p>no such page</p>`, false},
		"too large":       {413, ``, false},
		"too many":        {429, ``, false},
		"a proxy":         {502, ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newLocalWorld(t)
				u := w.user(t)
				w.signIn(u)
				time.Sleep(2 * time.Hour)
				w.refuses = func(rw http.ResponseWriter) {
					rw.WriteHeader(test.status)
					_, _ = io.WriteString(rw, test.body)
				}
				p := u.do(http.MethodGet, "/api/orders/1", nil)
				if test.ends && (p.StatusCode != http.StatusUnauthorized || p.text != `{"error":"login_required"}`+"\n") || !test.ends && p.StatusCode == http.StatusUnauthorized {
					t.Error(p.Status, p.text)
				}
				if got := u.do(http.MethodGet, "/auth/session", nil).text; strings.Contains(got, `"signed_in":true`) == test.ends {
					t.Error(got)
				}
				if left := len(w.store.names(t, "token.")); (left == 0) != test.ends {
					t.Errorf("%d tokens are stored", left)
				}
			})
		})
	}
}

// The refresh token ends while the access token is valid, and the API rejects that too: it is not sent again.
func TestCaseA14_RejectedTokenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, challenge := range map[string]string{"invalid_token": `Bearer error="invalid_token"`, "no challenge": "", "another scheme": "Basic"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			u := w.user(t)
			w.signIn(u)
			w.refuses = func(rw http.ResponseWriter) {
				rw.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(rw, `{"error":"invalid_grant"}`)
			}
			w.let(func(rw http.ResponseWriter, _ *http.Request) {
				if challenge != "" {
					rw.Header().Set("WWW-Authenticate", challenge)
				}
				rw.WriteHeader(http.StatusUnauthorized)
			})
			for range 3 {
				if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusUnauthorized || p.text != `{"error":"login_required"}`+"\n" {
					t.Error(p.Status, p.text)
				}
			}
			if len(w.seen) != 1 || u.signedIn() {
				t.Errorf("the API has received %d requests, expected 1", len(w.seen))
			}
		})
	}
}

// Harmless deviations of a token response do not prevent a sign-in, and the token is not revoked.
func TestCaseA1_SignInWithDeviations(t *testing.T) {
	t.Parallel()
	for name, deviates := range map[string]func(rw http.ResponseWriter, body string){
		"no token_type": func(rw http.ResponseWriter, body string) {
			_, _ = io.WriteString(rw, strings.Replace(body, `"token_type":"Bearer",`, "", 1))
		},
		"null as token_type": func(rw http.ResponseWriter, body string) {
			_, _ = io.WriteString(rw, strings.Replace(body, `"Bearer"`, "null", 1))
		},
		"201": func(rw http.ResponseWriter, body string) {
			rw.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(rw, body)
		},
		"no expires_in": func(rw http.ResponseWriter, body string) {
			_, _ = io.WriteString(rw, strings.Replace(body, `"expires_in":3600,`, "", 1))
		},
		"expires_in is 0": func(rw http.ResponseWriter, body string) {
			_, _ = io.WriteString(rw, strings.Replace(body, `"expires_in":3600,`, `"expires_in":0,`, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLocalWorld(t)
			w.deviates = deviates
			u := w.user(t)
			w.signIn(u)
			if status, tokens := w.call(u); status != http.StatusOK || !strings.HasPrefix(tokens, "Bearer secret-at") || len(w.revoked) != 0 || !u.signedIn() {
				t.Error(status, tokens, w.revoked)
			}
		})
	}
}

// A login without a refresh token ends when an API rejects its token. A 401 that does not say why is enough if the token has
// no known expiry.
func TestCaseA7_A14_TokenThatCannotBeRefreshed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lifetime, challenge string
		ends                bool
	}{
		"unknown expiry, no challenge":       {"0", "", true},
		"unknown expiry, invalid_token":      {"0", `Bearer error="invalid_token"`, true},
		"unknown expiry, insufficient_scope": {"0", `Bearer error="insufficient_scope"`, false},
		"an hour, no challenge":              {"3600", "", false},
		"an hour, realm":                     {"3600", `Bearer realm="x"`, false},
		"an hour, invalid_token":             {"3600", `Bearer error="invalid_token"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newLocalWorld(t)
				w.deviates = func(rw http.ResponseWriter, body string) {
					body = strings.Replace(body, `"refresh_token":"secret-rt0",`, "", 1)
					_, _ = io.WriteString(rw, strings.Replace(body, `"expires_in":3600`, `"expires_in":`+test.lifetime, 1))
				}
				u := w.user(t)
				w.signIn(u)
				for range 3 {
					if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusOK {
						t.Fatal(p.Status, p.text)
					}
					time.Sleep(10 * time.Minute)
				}
				w.let(func(rw http.ResponseWriter, _ *http.Request) {
					if test.challenge != "" {
						rw.Header().Set("WWW-Authenticate", test.challenge)
					}
					rw.WriteHeader(http.StatusUnauthorized)
				})
				for range 2 {
					p := u.do(http.MethodGet, "/api/orders/1", nil)
					if p.StatusCode != http.StatusUnauthorized || strings.Contains(p.text, "login_required") != test.ends || u.signedIn() == test.ends {
						t.Error(p.Status, p.text, u.signedIn())
					}
				}
			})
		})
	}
}
