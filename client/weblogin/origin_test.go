package weblogin_test

import (
	"net/http"
	"testing"
)

// A request that says that it comes from another origin is rejected, whatever its method and whatever else it says.
func TestCaseX13_ForeignOrigins(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	called := 0
	w.page("/work", func(http.ResponseWriter, *http.Request) { called++ })
	u := w.user(t)
	w.signIn(u)
	says := func(site string, origins ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			if site != "" {
				r.Header.Set("Sec-Fetch-Site", site)
			}
			for _, origin := range origins {
				r.Header.Add("Origin", origin)
			}
		}
	}
	own, evil := w.site, "https://evil.test"
	rejected := map[string]func(*http.Request){
		"foreign":                       says("", evil),
		"null":                          says("", "null"),
		"empty":                         says("", ""),
		"a sibling host":                says("", "https://www.app.test"),
		"another port":                  says("", "https://app.test:8443"),
		"without TLS":                   says("", "http://app.test"),
		"own and foreign":               says("", own, evil),
		"own twice":                     says("", own, own),
		"foreign, and same-origin":      says("same-origin", evil),
		"foreign, and none":             says("none", evil),
		"null, and none":                says("none", "null"),
		"null, and cross-site":          says("cross-site", "null"),
		"own, and cross-site":           says("cross-site", own),
		"own, in capitals":              says("", "HTTPS://APP.TEST"),
		"own host as a name for others": says("", "https://app.test.evil.test"),
	}
	for _, path := range []string{"/api/orders/1", "/auth/session", "/work", "/auth/refresh", "/auth/logout"} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"} {
			for name, change := range rejected {
				p := u.do(method, path, change)
				if wrong := path != "/auth/refresh" && path != "/auth/logout" && path != "/auth/session"; p.StatusCode != http.StatusForbidden && wrong ||
					p.StatusCode < http.StatusBadRequest {
					t.Errorf("%s %s, %s: %s", method, path, name, p.Status)
				}
			}
		}
	}
	if len(w.seen) != 0 || called != 0 || w.rotated != 0 || !u.signedIn() {
		t.Error("a handler or an API was called:", len(w.seen), called, w.rotated)
	}
	for name, change := range map[string]func(*http.Request){
		"own": says("", own), "own, and same-origin": says("same-origin", own), "a form of a page without referrers": says("same-origin", "null"),
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
			for _, path := range []string{"/api/orders/1", "/work"} {
				if p := u.do(method, path, change); p.StatusCode != http.StatusOK {
					t.Errorf("%s %s, %s: %s", method, path, name, p.Status)
				}
			}
		}
	}
}

// OPTIONS is treated like POST: RequireLogin rejects it as a preflight, and without the headers that name its origin.
func TestCaseX13_OptionsNeedsALogin(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	called := 0
	w.page("/work", func(http.ResponseWriter, *http.Request) { called++ })
	u := w.user(t)
	preflight := func(r *http.Request) {
		r.Header.Del("Sec-Fetch-Site")
		r.Header.Set("Origin", "https://evil.test")
		r.Header.Set("Access-Control-Request-Method", "POST")
	}
	silent := func(r *http.Request) { r.Header.Del("Sec-Fetch-Site") }
	for range 2 { // without a login, and then with one
		for _, path := range []string{"/work", "/api/orders/1"} {
			for name, change := range map[string]func(*http.Request){"preflight": preflight, "silent": silent} {
				if p := u.do(http.MethodOptions, path, change); p.StatusCode != http.StatusForbidden || p.Header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s of %s: %s", name, path, p.Status)
				}
			}
		}
		if p := w.user(t).do(http.MethodOptions, "/work", nil); p.StatusCode != http.StatusUnauthorized {
			t.Error("own page, without a login:", p.Status)
		}
		if called != 0 || len(w.seen) != 0 {
			t.Error("a handler or an API was called")
		}
		w.signIn(u)
	}
}
