package weblogin_test

import (
	"fmt"
	"io"
	"net/http"
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

// The API rejects a token that looks good, and the server the refresh token: the page learns that the user must sign in.
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
