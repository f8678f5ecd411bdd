package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// web is a network of hosts. A request for a URL in moved is redirected.
type web struct {
	moved  map[string]string // from a URL to a Location
	status int               // of the redirects

	mu   sync.Mutex // guards seen
	seen []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	w.mu.Lock()
	w.seen = append(w.seen, r)
	w.mu.Unlock()
	if to, ok := w.moved[r.URL.String()]; ok {
		return written(w.status, "", map[string]string{"Location": to, "Set-Cookie": "session=secret"}).Result(), nil
	}
	return written(http.StatusOK, r.URL.String(), nil).Result(), nil
}

// visited returns the URLs of the requests, each with the token that it had.
func (w *web) visited() (all []string) {
	for _, r := range w.seen {
		all = append(all, strings.TrimSpace(r.URL.String()+" "+r.Header.Get("Authorization")))
	}
	return all
}

func send(t *testing.T, c *http.Client, method, target, body string, header http.Header) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body == "" {
		r, err = http.NewRequestWithContext(t.Context(), method, target, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	return c.Do(r)
}

// An API redirects a download to another host: the request is sent there without the token.
func TestCaseU2_RedirectsAreFollowedWithoutTheToken(t *testing.T) {
	t.Parallel()
	const api, second, token = "https://api.test", "https://second.test:8443", " Bearer at0"
	for name, test := range map[string]struct {
		moved map[string]string
		want  []string
		err   error
	}{
		"another host": {
			moved: map[string]string{api + "/": "https://files.test/a?signature=s"},
			want:  []string{api + "/" + token, "https://files.test/a?signature=s"},
		},
		"another port":        {map[string]string{api + "/": api + ":444/"}, []string{api + "/" + token, api + ":444/"}, nil},
		"a subdomain":         {map[string]string{api + "/": "https://x.api.test/"}, []string{api + "/" + token, "https://x.api.test/"}, nil},
		"a parent domain":     {map[string]string{api + "/": "https://test/"}, []string{api + "/" + token, "https://test/"}, nil},
		"without a scheme":    {map[string]string{api + "/": "//files.test/"}, []string{api + "/" + token, "https://files.test/"}, nil},
		"the same origin":     {map[string]string{api + "/": "/next"}, []string{api + "/" + token, api + "/next" + token}, nil},
		"same, another case":  {map[string]string{api + "/": "https://API.test:443/next"}, []string{api + "/" + token, "https://API.test:443/next" + token}, nil},
		"an allowed origin":   {map[string]string{api + "/": second + "/"}, []string{api + "/" + token, second + "/" + token}, nil},
		"twice":               {map[string]string{api + "/": "https://a.test/", "https://a.test/": "https://b.test/"}, []string{api + "/" + token, "https://a.test/", "https://b.test/"}, nil},
		"allowed, then away":  {map[string]string{api + "/": second + "/", second + "/": "https://a.test/"}, []string{api + "/" + token, second + "/" + token, "https://a.test/"}, nil},
		"away and back":       {map[string]string{api + "/": "https://a.test/", "https://a.test/": api + "/admin"}, []string{api + "/" + token, "https://a.test/", api + "/admin"}, nil},
		"away and to another": {map[string]string{api + "/": "https://a.test/", "https://a.test/": second + "/"}, []string{api + "/" + token, "https://a.test/", second + "/"}, nil},
		"back, then further": {
			moved: map[string]string{api + "/": "https://a.test/", "https://a.test/": api + "/1", api + "/1": "/2"},
			want:  []string{api + "/" + token, "https://a.test/", api + "/1", api + "/2"},
		},
		"to http":               {map[string]string{api + "/": "http://files.test/"}, []string{api + "/" + token}, client.ErrOrigin},
		"to http, same host":    {map[string]string{api + "/": "http://api.test/"}, []string{api + "/" + token}, client.ErrOrigin},
		"to http on loopback":   {map[string]string{api + "/": "http://127.0.0.1/"}, []string{api + "/" + token}, client.ErrOrigin},
		"to https, then http":   {map[string]string{api + "/": "https://a.test/", "https://a.test/": "http://a.test/"}, []string{api + "/" + token, "https://a.test/"}, client.ErrOrigin},
		"to an ftp server":      {map[string]string{api + "/": "ftp://files.test/"}, []string{api + "/" + token}, client.ErrOrigin},
		"to a user name":        {map[string]string{api + "/": "https://u:p@files.test/"}, []string{api + "/" + token}, nil},
		"to a user of the API":  {map[string]string{api + "/": "https://u:p@api.test/"}, []string{api + "/" + token}, nil},
		"to an API's user name": {map[string]string{api + "/": "https://api.test@files.test/"}, []string{api + "/" + token}, nil},
	} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				t.Parallel()
				source, _ := tokens(t)
				w := &web{moved: test.moved, status: status}
				c := &http.Client{Transport: transportOf(t, source, w, api, second)}
				resp, err := get(t, c, api+"/")
				if err == nil {
					_ = resp.Body.Close()
				}
				if diff := cmp.Diff(test.want, w.visited()); diff != "" {
					t.Error(diff)
				}
				fails := test.err != nil || strings.Contains(test.moved[api+"/"], "@")
				if fails != (err != nil) || test.err != nil && !errors.Is(err, test.err) || err != nil && strings.Contains(err.Error(), "at0") {
					t.Error(err)
				}
				if strings.Contains(name, " user") && (err == nil || !strings.Contains(err.Error(), "has user info")) {
					t.Errorf("%v, want the reason", err) // net/http sends user info as an Authorization header
				}
			})
		}
	}
}

// An API on loopback may use http. Its redirects lead over http only to other loopback hosts.
func TestCaseU2_FromHTTPOnLoopback(t *testing.T) {
	t.Parallel()
	for to, follows := range map[string]bool{
		"http://files.test/": false, "http://127.0.0.1.files.test/": false, "http://localhost:81/": true, "https://files.test/": true,
	} {
		source, _ := tokens(t)
		w := &web{moved: map[string]string{"http://127.0.0.1/": to}, status: http.StatusFound}
		resp, err := get(t, &http.Client{Transport: transportOf(t, source, w, "http://127.0.0.1")}, "http://127.0.0.1/")
		if err == nil {
			_ = resp.Body.Close()
		}
		if follows != (err == nil) || !follows && !errors.Is(err, client.ErrOrigin) || len(w.seen) == 2 != follows {
			t.Errorf("%s: %v, %q", to, err, w.visited())
		}
	}
}

// What a request to another origin contains: nothing that was meant for the API.
func TestCaseU2_HeadersOfTheRedirectedRequest(t *testing.T) {
	t.Parallel()
	header := http.Header{
		"Accept": {"image/png"}, "Accept-Language": {"fr"}, "Range": {"bytes=0-9"}, "User-Agent": {"app"}, "If-None-Match": {`"e"`},
		"Cookie": {"a=secret"}, "X-Api-Key": {"secret"}, "x-lower": {"secret"}, "Referer": {"https://api.test/secret"},
		"Proxy-Authorization": {"Basic secret"}, "Content-Type": {"text/plain"}, "X-Forwarded-For": {"192.0.2.1"}, "Baggage": {"user=secret"},
	}
	for _, to := range []string{"https://files.test/", "https://x.api.test/", "https://api.test:444/"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			source, _ := tokens(t)
			w := &web{moved: map[string]string{"https://api.test/?secret": to}, status: http.StatusFound}
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			site, _ := url.Parse("https://api.test/")
			jar.SetCookies(site, []*http.Cookie{{Name: "jar", Value: "secret", Domain: "api.test"}})
			c := &http.Client{Transport: transportOf(t, source, w, "https://api.test"), Jar: jar}
			resp, err := send(t, c, method, "https://api.test/?secret", "", header.Clone())
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			want := http.Header{
				"Accept": {"image/png"}, "Accept-Language": {"fr"}, "Range": {"bytes=0-9"}, "User-Agent": {"app"}, "If-None-Match": {`"e"`},
			}
			if diff := cmp.Diff(want, w.seen[1].Header); diff != "" || w.seen[1].Method != method || w.seen[1].Host != "" && w.seen[1].Host != w.seen[1].URL.Host {
				t.Error(to, method, w.seen[1].Method, w.seen[1].Host, diff)
			}
			if resp.Request.Header.Get("Authorization") != "" {
				t.Error("the request of the response has the token")
			}
		}
	}
}

// A body was meant for the API, so it is not sent to another origin. After a 301, 302 or 303, http.Client sends a GET.
func TestCaseU2_Bodies(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodGet, "QUERY"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for _, body := range []string{"", "secret"} {
				source, _ := tokens(t)
				w := &web{moved: map[string]string{"https://api.test/": "https://files.test/"}, status: status}
				c := &http.Client{Transport: transportOf(t, source, w, "https://api.test")}
				resp, err := send(t, c, method, "https://api.test/", body, nil)
				if err == nil {
					_ = resp.Body.Close()
				}
				keepsMethod := status >= 307
				followed := !keepsMethod || method == http.MethodGet && body == ""
				if followed != (err == nil) || !followed && !errors.Is(err, client.ErrOrigin) || followed != (len(w.seen) == 2) {
					t.Errorf("%s %d with body %q: %v, %v", method, status, body, w.visited(), err)
				}
				if followed && (w.seen[1].Method != http.MethodGet || w.seen[1].Body != nil && w.seen[1].Body != http.NoBody || w.seen[1].ContentLength != 0) {
					t.Errorf("%s %d with body %q was followed with %s", method, status, body, w.seen[1].Method)
				}
			}
		}
	}
}

// A request that follows no redirect still causes ErrOrigin, and so does one whose redirect policy adds credentials.
func TestCaseU2_DirectRequests(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	w := &web{moved: map[string]string{"https://api.test/": "https://files.test/"}, status: http.StatusFound}
	c := &http.Client{Transport: transportOf(t, source, w, "https://api.test")}
	if resp, err := get(t, c, "https://files.test/"); !errors.Is(err, client.ErrOrigin) {
		_ = resp.Body.Close()
		t.Error(err)
	}
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.Header.Set("Authorization", "Basic secret")
		return nil
	}
	if resp, err := get(t, c, "https://api.test/"); err == nil {
		_ = resp.Body.Close()
		t.Error("a request with an Authorization header was sent")
	}
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		r.Host = "other.test"
		return nil
	}
	if resp, err := get(t, c, "https://api.test/"); !errors.Is(err, client.ErrOrigin) {
		_ = resp.Body.Close()
		t.Error(err)
	}
	for _, r := range w.seen {
		if r.URL.Host != "api.test" {
			t.Errorf("a request was sent to %s", r.URL)
		}
	}
}

// A program that sets Response itself gets no token for another origin, and causes no panic.
func TestCaseU2_MadeUpRedirects(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]*http.Response{
		"no request": {}, "empty request": {Request: &http.Request{}}, "no scheme": {Request: &http.Request{URL: &url.URL{Host: "api.test"}}},
	} {
		for _, target := range []string{"https://files.test/", "http://files.test/", "http://127.0.0.1/", "https://api.test/"} {
			source, _ := tokens(t)
			w := new(web)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Response = response
			resp, err := transportOf(t, source, w, "https://api.test").RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			for _, sent := range w.seen {
				if token := sent.Header.Get("Authorization"); sent.URL.Scheme != "https" || token != "" && sent.URL.Host != "api.test" {
					t.Errorf("%s, %s: sent to %s with %q", name, target, sent.URL, token)
				}
			}
		}
	}
}

// A 401 of another origin is not about the token.
func TestCaseU2_AnotherOriginRejects(t *testing.T) {
	t.Parallel()
	source, as := tokens(t)
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "api.test" {
			return written(http.StatusFound, "", map[string]string{"Location": "https://files.test/"}).Result(), nil
		}
		return written(http.StatusUnauthorized, "", map[string]string{"WWW-Authenticate": invalidToken, "DPoP-Nonce": "n"}).Result(), nil
	})
	resp, err := get(t, &http.Client{Transport: transportOf(t, source, base, "https://api.test")}, "https://api.test/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || as.requests != 0 {
		t.Errorf("%s after %d refreshes", resp.Status, as.requests)
	}
}

// Real servers and the real transport of net/http, over http on loopback.
func TestCaseU2_Network(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var other []string
	away := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		other = append(other, fmt.Sprintf("%s%v%v%v", r.Method, r.Header["Authorization"], r.Header["Referer"], r.Header["Cookie"]))
	}))
	t.Cleanup(away.Close)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer at0" {
			t.Errorf("%s has %q", r.URL, r.Header.Get("Authorization"))
		}
		if to := r.URL.Query().Get("to"); to != "" {
			status := http.StatusOK
			_, _ = fmt.Sscan(r.URL.Query().Get("status"), &status)
			http.Redirect(w, r, to, status)
		}
	}))
	t.Cleanup(own.Close)
	source, _ := tokens(t)
	api := &http.Client{Transport: transportOf(t, source, nil, own.URL)}
	t.Cleanup(api.CloseIdleConnections)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{own.URL + "/next", "/next", away.URL} {
			resp, err := get(t, api, fmt.Sprintf("%s/?status=%d&to=%s", own.URL, status, url.QueryEscape(to)))
			if err != nil {
				t.Fatal(status, to, err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Error(status, to, resp.Status)
			}
		}
	}
	if want := slices.Repeat([]string{"GET[][][]"}, 5); !slices.Equal(other, want) {
		t.Error(cmp.Diff(want, other))
	}
}
