package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// tokens returns a source that gets at1, at2, … from its own server.
func tokens(t testing.TB) (*client.TokenSource, *rotating) {
	t.Helper()
	s := &rotating{}
	return sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(time.Hour)}), s
}

func transportOf(t testing.TB, source *client.TokenSource, base http.RoundTripper, origins ...string) *client.Transport {
	t.Helper()
	transport, err := client.NewTransport(client.TransportConfig{Source: source, Origins: origins, Base: base})
	if err != nil {
		t.Fatal(err)
	}
	return transport
}

func callsOf(t testing.TB, source *client.TokenSource, origins ...string) *client.RPCCredentials {
	t.Helper()
	calls, err := client.NewRPCCredentials(client.RPCCredentialsConfig{Source: source, Origins: origins})
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// NewTransport rejects an origin with a path or a query, which would look like a restriction without being one.
func TestCaseU3_OriginsAreChecked(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	for origin, valid := range map[string]struct{ transport, calls bool }{
		"https://api.test":       {true, true},
		"https://api.test:8443":  {true, true},
		"HTTPS://API.test/":      {true, true},
		"http://127.0.0.1:8080":  {true, false},
		"http://localhost":       {true, false},
		"http://api.test":        {},
		"https://api.test/v1":    {},
		"https://api.test/?":     {},
		"https://api.test?a=b":   {},
		"https://api.test#":      {},
		"https://user@api.test":  {},
		"api.test":               {},
		"api.test:443":           {},
		"//api.test":             {},
		"https://":               {},
		"https:api.test":         {},
		"ftp://api.test":         {},
		"":                       {},
		"https://api.test:443/ ": {},
		"https://:443":           {},
		"https://*.api.test/v1":  {},
		"https://*.api.test":     {},
		"https://*":              {},
		"/v1":                    {},
	} {
		for _, origins := range [][]string{{origin}, {"https://other.test", origin}} {
			_, err := client.NewTransport(client.TransportConfig{Source: source, Origins: origins})
			if ok := err == nil; ok != valid.transport || !ok && !strings.Contains(err.Error(), "TransportConfig.Origins[") {
				t.Errorf("NewTransport: %q: %v", origins, err)
			}
			_, err = client.NewRPCCredentials(client.RPCCredentialsConfig{Source: source, Origins: origins})
			if ok := err == nil; ok != valid.calls || !ok && !strings.Contains(err.Error(), "RPCCredentialsConfig.Origins[") {
				t.Errorf("NewRPCCredentials: %q: %v", origins, err)
			}
		}
	}
	_, err := client.NewTransport(client.TransportConfig{})
	for _, field := range []string{"TransportConfig.Source", "TransportConfig.Origins"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
	_, err = client.NewRPCCredentials(client.RPCCredentialsConfig{Origins: []string{"https://api.test/v1"}})
	for _, field := range []string{"RPCCredentialsConfig.Source", "RPCCredentialsConfig.Origins[0]"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("the error does not name %s: %v", field, err)
		}
	}
}

const invalidToken = `Basic realm="x", Bearer realm="a", error="invalid_token", error_description="ended"`

func TestC29_Transport(t *testing.T) {
	t.Parallel()
	ok := func(*http.Request, url.Values) *httptest.ResponseRecorder { return written(200, "", nil) }
	refuses := func(header string, upTo string) func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
			if r.Header.Get("Authorization") <= "Bearer "+upTo {
				return written(401, "no", map[string]string{"WWW-Authenticate": header})
			}
			return written(200, "", nil)
		}
	}
	for name, test := range map[string]struct {
		api    func(*http.Request, url.Values) *httptest.ResponseRecorder
		body   io.Reader
		status int
		want   []string // the tokens that the API saw, with the body
	}{
		"good":          {ok, nil, 200, []string{"at0 "}},
		"refreshed":     {refuses(invalidToken, "at0"), nil, 200, []string{"at0 ", "at1 "}},
		"once only":     {refuses(invalidToken, "at9"), nil, 401, []string{"at0 ", "at1 "}},
		"with a body":   {refuses(invalidToken, "at0"), strings.NewReader("b=1"), 200, []string{"at0 b=1", "at1 b=1"}},
		"with a stream": {refuses(invalidToken, "at0"), io.MultiReader(strings.NewReader("b=1")), 401, []string{"at0 b=1"}},
		"another error": {refuses(`Bearer error="insufficient_scope"`, "at0"), nil, 401, []string{"at0 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := tokens(t)
			var seen []string
			s := new(server)
			s.answer = func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
				seen = append(seen, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+" "+form.Encode())
				return test.api(r, form)
			}
			api := transportOf(t, source, s, "https://api.test")
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://API.test:443/x", test.body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Client{Transport: api}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if diff := cmp.Diff(test.want, seen); diff != "" || resp.StatusCode != test.status {
				t.Error(resp.Status, diff)
			}
			if len(r.Header) != 0 {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// closing records that the body of a request was closed.
type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error { *c.closed = true; return nil }

func TestC29_TokensStayWithTheirOrigin(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	s := new(server)
	s.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		if r.URL.Path == "/away" {
			return written(307, "", map[string]string{"Location": "https://evil.test/"})
		}
		return written(200, "", nil)
	}
	api := transportOf(t, source, s, "https://api.test")
	for _, target := range []string{
		"https://evil.test/", "https://api.test.evil.test/", "https://api.test:444/", "http://api.test/", "https://api.test/away",
		"https://evil.test/?https://api.test",
	} {
		var closed bool
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, closing{strings.NewReader(""), &closed})
		if err != nil {
			t.Fatal(err)
		}
		r.GetBody = func() (io.ReadCloser, error) { return closing{strings.NewReader(""), &closed}, nil }
		resp, err := (&http.Client{Transport: api}).Do(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, client.ErrOrigin) || strings.Contains(err.Error(), "at0") {
			t.Errorf("%s: %v", target, err)
		}
		if !closed && !strings.HasSuffix(target, "away") {
			t.Errorf("%s: the body was not closed", target)
		}
	}
	for _, r := range s.requests {
		if r.URL.Host != "api.test" {
			t.Errorf("request to %s", r.URL)
		}
	}
	own, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/", nil)
	own.Header.Set("Authorization", "Bearer mine")
	if resp, err := api.RoundTrip(own); err == nil {
		_ = resp.Body.Close()
		t.Error("a request with an Authorization header was sent")
	}
	bare, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/", nil)
	resp, err := new(client.Transport).RoundTrip(bare)
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "NewTransport") {
		t.Errorf("zero Transport: %v", err)
	}
}

// If the refresh fails, the caller gets the response of the API.
func TestC29_RefreshFails(t *testing.T) {
	t.Parallel()
	source, s := tokens(t)
	s.revoked = true
	api := new(server)
	api.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(401, "details", map[string]string{"WWW-Authenticate": invalidToken})
	}
	c := http.Client{Transport: transportOf(t, source, api, "https://api.test")}
	resp, err := get(t, &c, "https://api.test/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusUnauthorized || string(body) != "details" {
		t.Error(resp.Status, string(body))
	}
}

func TestC29_EachRequestHasItsOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &rotating{delay: 20 * time.Second}
		source := sourceOf(t, s.client(t), client.TokenSourceConfig{Token: first(-time.Minute)})
		api := transportOf(t, source, says(200, ""), "https://api.test")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, want := range []error{context.DeadlineExceeded, nil} {
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.test/", nil)
			resp, err := api.RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			if !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			ctx = t.Context()
			time.Sleep(time.Minute)
		}
	})
}

func TestC26_TransportProves(t *testing.T) {
	t.Parallel()
	key := &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"}
	c := newClient(t, says(200, good), func(cfg *client.Config) { cfg.DPoP = key })
	token := &client.Token{AccessToken: "at0", TokenType: "DPoP"}
	source := sourceOf(t, c, client.TokenSourceConfig{Token: token})
	api := new(server)
	seen := make(map[string]bool)
	var nonces []string
	api.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
		var proof map[string]any
		if err := client.InsecureDecode(r.Header.Get("DPoP"), &proof); err != nil {
			t.Fatal(err)
		}
		jti := fmt.Sprint(proof["jti"])
		if seen[jti] || proof["ath"] != client.S256("at0") || proof["htu"] != "https://api.test/x" || r.Header.Get("Authorization") != "DPoP at0" {
			t.Errorf("%v", proof)
		}
		seen[jti] = true
		nonce := fmt.Sprint(proof["nonce"])
		nonces = append(nonces, nonce)
		if nonce == "<nil>" {
			return written(401, "", map[string]string{"WWW-Authenticate": `DPoP error="use_dpop_nonce"`, "DPoP-Nonce": "n1"})
		}
		return written(200, "", map[string]string{"DPoP-Nonce": "n2"})
	}
	transport := transportOf(t, source, api, "https://api.test")
	for range 2 {
		resp, err := get(t, &http.Client{Transport: transport}, "https://api.test/x?q=1")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Error(resp.Status)
		}
	}
	if diff := cmp.Diff([]string{"<nil>", "n1", "n2"}, nonces); diff != "" {
		t.Error(diff)
	}
	calls := callsOf(t, source, "https://api.test")
	if _, err := calls.GetRequestMetadata(t.Context(), "https://api.test/service"); err == nil {
		t.Error("a bound token was sent without a proof")
	}
}

// perRPCCredentials is the interface of google.golang.org/grpc/credentials.
type perRPCCredentials interface {
	GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error)
	RequireTransportSecurity() bool
}

var _ perRPCCredentials = (*client.RPCCredentials)(nil)

func TestRPCCredentials(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	calls := callsOf(t, source, "https://api.test")
	got, err := calls.GetRequestMetadata(t.Context(), "https://api.test:443/orders.Service")
	if err != nil || !calls.RequireTransportSecurity() {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"authorization": "Bearer at0"}, got); diff != "" {
		t.Error(diff)
	}
	for _, uri := range [][]string{
		nil,
		{"https://evil.test/s"},
		{"https://api.test/s", "https://evil.test/s"},
		{"%"},
		{"http://api.test/s"},
		{"http://127.0.0.1/s"},
		{"https://api.test:444/s"},
		{"api.test/s"},
		{""},
		{"https:///s"},
	} {
		if _, err := calls.GetRequestMetadata(t.Context(), uri...); !errors.Is(err, client.ErrOrigin) {
			t.Errorf("%v: %v", uri, err)
		}
	}
	if _, err := new(client.RPCCredentials).GetRequestMetadata(t.Context(), "https://api.test/s"); err == nil || !strings.Contains(err.Error(), "NewRPCCredentials") {
		t.Errorf("zero RPCCredentials: %v", err)
	}
}
