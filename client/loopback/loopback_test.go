package loopback_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/loopback"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const issuer = "https://login.test"

// server responds to the requests of the client, and records their forms.
type server struct {
	mu    sync.Mutex // guards forms
	forms []url.Values
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	s.mu.Lock()
	s.forms = append(s.forms, form)
	s.mu.Unlock()
	w := httptest.NewRecorder()
	switch r.URL.Path {
	case "/device":
		_, _ = w.WriteString("{\"device_code\":\"dc\",\"user_code\":\"AB-CD\",\"expires_in\":60,\"interval\":1,\"verification_uri\":\"https://login.test/d\"," +
			"\"verification_uri_complete\":\"https://login.test/d?c=1\"}")
	default:
		_, _ = w.WriteString(`{"access_token":"at","token_type":"Bearer"}`)
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

func newClient(t testing.TB) (*client.Client, *server) {
	t.Helper()
	s := new(server)
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: "cli", HTTPClient: &http.Client{Transport: s},
		Metadata: &oidcdiscovery.Metadata{
			Issuer: issuer, AuthorizationEndpoint: issuer + "/auth", TokenEndpoint: issuer + "/token",
			DeviceAuthorizationEndpoint: issuer + "/device",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// browser replaces the browser of the user: it sends requests to the redirect URI.
type browser struct {
	redirect  *url.URL
	state     string
	transport http.RoundTripper // nil: the default
}

func open(t testing.TB, address string) browser {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	redirect, err := url.Parse(u.Query().Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	return browser{redirect: redirect, state: u.Query().Get("state")}
}

// send sends an authorization response, and returns the status, the headers and the page.
func (b browser) send(t testing.TB, change func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	target := *b.redirect
	target.RawQuery = url.Values{"state": {b.state}, "code": {"secretcode"}}.Encode()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, target.String(), nil)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	if change != nil {
		change(r)
	}
	resp, err := (&http.Client{Transport: b.transport}).Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(page)
}

func TestC32_SignIn(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]string{"default": "", "IPv6": "::1", "localhost": "localhost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClient(t)
			var b browser
			var said bytes.Buffer
			token, err := loopback.SignIn(t.Context(), c, loopback.Options{
				Host: host, Path: "/cb", Out: &said, Authorization: client.AuthorizationOptions{Scopes: []string{"a"}},
				Open: func(_ context.Context, address string) error {
					b = open(t, address)
					go func() {
						status, header, page := b.send(t, nil)
						if status != 200 || header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" ||
							!strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") || strings.Contains(page, "secretcode") {
							t.Error(status, header, page)
						}
					}()
					return errors.New("no browser here")
				},
			})
			if err != nil && host == "::1" && strings.Contains(err.Error(), "listen") {
				t.Skip("no IPv6 on this machine")
			}
			if err != nil || token.AccessToken != "at" {
				t.Fatal(token, err)
			}
			if !strings.Contains(said.String(), issuer+"/auth?") {
				t.Error(said.String())
			}
			want := map[string]string{"": "127.0.0.1", "::1": "::1", "localhost": "localhost"}[host]
			if b.redirect.Hostname() != want || b.redirect.Path != "/cb" || s.forms[0].Get("redirect_uri") != b.redirect.String() {
				t.Error(b.redirect, s.forms[0])
			}
			if status, _, problem := b.send(t, nil); status != 0 {
				t.Errorf("the port is still open: %d %s", status, problem)
			}
		})
	}
}

func TestC32_StrangersChangeNothing(t *testing.T) {
	t.Parallel()
	c, s := newClient(t)
	token, err := loopback.SignIn(t.Context(), c, loopback.Options{
		Out: io.Discard,
		Open: func(_ context.Context, address string) error {
			b := open(t, address)
			go func() {
				for name, test := range map[string]struct {
					want   int
					change func(*http.Request)
				}{
					"another path":  {404, func(r *http.Request) { r.URL.Path = "/callback/" }},
					"method":        {405, func(r *http.Request) { r.Method = http.MethodPost }},
					"another host":  {421, func(r *http.Request) { r.Host = "evil.test" }},
					"another state": {400, func(r *http.Request) { r.URL.RawQuery = "state=x&code=y" }},
					"twice":         {400, func(r *http.Request) { r.URL.RawQuery += "&code=y" }},
					"nothing":       {400, func(r *http.Request) { r.URL.RawQuery = "" }},
					"denied":        {400, func(r *http.Request) { r.URL.RawQuery = "state=x&error=access_denied" }},
					"no state":      {400, func(r *http.Request) { r.URL.RawQuery = "error=access_denied" }},
					"issuer":        {400, func(r *http.Request) { r.URL.RawQuery += "&iss=https://evil.test" }},
					"icon":          {404, func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/favicon.ico", "" }},
					"only looks":    {405, func(r *http.Request) { r.Method = http.MethodHead }},
					"asks for more": {405, func(r *http.Request) { r.Method = http.MethodOptions }},
					"no port":       {421, func(r *http.Request) { r.Host = "127.0.0.1" }},
					"a name":        {421, func(r *http.Request) { r.Host = "localhost:" + r.URL.Port() }},
				} {
					if status, _, page := b.send(t, test.change); status != test.want || strings.Contains(page, "secretcode") {
						t.Errorf("%s: %d %s", name, status, page)
					}
				}
				b.send(t, nil)
			}()
			return nil
		},
	})
	if err != nil || token.AccessToken != "at" || len(s.forms) != 1 {
		t.Fatal(token, err, len(s.forms))
	}
}

func TestC32_Ends(t *testing.T) {
	t.Parallel()
	nothing := func(context.Context, string) error { return nil }
	c, _ := newClient(t)
	if _, err := loopback.SignIn(t.Context(), c, loopback.Options{Timeout: time.Millisecond, Open: nothing, Out: io.Discard}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	denied := func(_ context.Context, address string) error {
		b := open(t, address)
		go b.send(t, func(r *http.Request) {
			r.URL.RawQuery = url.Values{"state": {b.state}, "error": {"access_denied"}}.Encode()
		})
		return nil
	}
	if _, err := loopback.SignIn(t.Context(), c, loopback.Options{Open: denied, Out: io.Discard}); !errors.Is(err, client.ErrAccessDenied) {
		t.Error(err)
	}
	for _, o := range []loopback.Options{
		{Host: "0.0.0.0"}, {Timeout: -1}, {Path: "x"}, {Path: "/x?y"}, {Path: "/x#y"}, {Path: "/a/../b"}, {Path: "/a//b"}, {Path: "/%2e"}, {Path: "/a b"}, {Port: -1},
	} {
		if _, err := loopback.SignIn(t.Context(), c, o); err == nil {
			t.Errorf("%+v: accepted, expected an error", o)
		}
	}
}

func TestC32_FormPost(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	_, err := loopback.SignIn(t.Context(), c, loopback.Options{
		Out: io.Discard, Authorization: client.AuthorizationOptions{ResponseMode: "form_post"},
		Open: func(_ context.Context, address string) error {
			b := open(t, address)
			go func() {
				if status, _, _ := b.send(t, nil); status != 405 {
					t.Errorf("GET: %d", status)
				}
				b.send(t, func(r *http.Request) {
					r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader(r.URL.RawQuery))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.URL.RawQuery = ""
				})
			}()
			return nil
		},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestC22_Device(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t)
	var said bytes.Buffer
	token, err := loopback.Device(t.Context(), c, loopback.DeviceOptions{Out: &said, QR: loopback.QRAlways})
	if err != nil || token.AccessToken != "at" {
		t.Fatal(token, err)
	}
	text := said.String()
	if !strings.Contains(text, "https://login.test/d\n") || !strings.Contains(text, "AB-CD") || strings.Contains(text, "\x1b") || !strings.Contains(text, "▄") {
		t.Errorf("%q", text)
	}
	said.Reset()
	if _, err := loopback.Device(t.Context(), c, loopback.DeviceOptions{Out: &said}); err != nil || strings.Contains(said.String(), "▄") {
		t.Error("a QR code was drawn into an output that is not a terminal", err)
	}
}
