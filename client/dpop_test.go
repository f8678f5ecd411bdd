package client_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// proofOf returns the claims of the proof in a request.
func proofOf(t testing.TB, r *http.Request) map[string]any {
	t.Helper()
	var claims map[string]any
	if err := client.InsecureDecode(r.Header.Get("DPoP"), &claims); err != nil {
		t.Error(err)
	}
	return claims
}

// demanding accepts proofs with the current nonce. If it rolls, each success sets the next nonce. It sends nonces like an
// authorization server, or like an API.
type demanding struct {
	t     testing.TB
	as    bool
	rolls bool
	delay time.Duration

	mu    sync.Mutex // guards the fields below
	nonce int
	jtis  []string
	seen  []string
}

func (d *demanding) answer(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
	d.mu.Lock()
	defer d.mu.Unlock()
	claims := proofOf(d.t, r)
	jti := fmt.Sprint(claims["jti"])
	if slices.Contains(d.jtis, jti) {
		d.t.Error("a proof was sent twice")
	}
	d.jtis = append(d.jtis, jti)
	want := fmt.Sprintf("n%d", d.nonce)
	d.seen = append(d.seen, fmt.Sprint(claims["nonce"]))
	header := map[string]string{"DPoP-Nonce": want}
	switch {
	case claims["nonce"] == want:
		if d.rolls {
			d.nonce++
			header["DPoP-Nonce"] = fmt.Sprintf("n%d", d.nonce)
		}
		return written(200, `{"access_token":"at","token_type":"DPoP"}`, header)
	case d.as:
		return written(400, `{"error":"use_dpop_nonce"}`, header)
	}
	header["WWW-Authenticate"] = `Bearer error="invalid_request", DPoP error="use_dpop_nonce", algs="ES256"`
	return written(401, "", header)
}

// RoundTrip implements http.RoundTripper.
func (d *demanding) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(d.delay)
	resp := d.answer(r, nil).Result()
	time.Sleep(d.delay)
	resp.Request = r
	return resp, nil
}

func bound(t testing.TB, asks http.RoundTripper) *client.Client {
	t.Helper()
	return newClient(t, nil, func(cfg *client.Config) {
		cfg.DPoP, cfg.HTTPClient = &client.SigningKey{Private: ecKey(t), Algorithm: "ES256"}, &http.Client{Transport: asks}
	})
}

func boundToken() *client.Token { return &client.Token{AccessToken: "at0", TokenType: "dpop"} }

// Concurrent requests all learn the nonce from their first responses, and each is sent once more, even if the response to
// another request has brought the same nonce meanwhile.
func TestC26_NoncesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		as, rs := &demanding{t: t, as: true, delay: time.Second}, &demanding{t: t, delay: time.Second}
		c := bound(t, as)
		source := sourceOf(t, c, client.TokenSourceConfig{Token: boundToken()})
		api := &http.Client{Transport: transportOf(t, source, rs, issuerURL)}
		for _, nonce := range []int{1, 2} { // with none known, and with one that is no longer good
			as.mu.Lock()
			as.nonce = nonce
			as.mu.Unlock()
			rs.mu.Lock()
			rs.nonce = 10 * nonce
			rs.mu.Unlock()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if _, err := c.ClientCredentials(t.Context()); err != nil {
						t.Error(err)
					}
				})
				all.Go(func() {
					resp, err := get(t, api, issuerURL+"/api")
					if err != nil {
						t.Error(err)
						return
					}
					_ = resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						t.Error(resp.Status)
					}
				})
			}
			all.Wait()
		}
		for _, server := range []*demanding{as, rs} { // of one origin, and the nonce of one never came to the other
			for _, nonce := range server.seen {
				if nonce != "<nil>" && (len(nonce) == 2) != server.as {
					t.Errorf("AS %v was sent %s", server.as, nonce)
				}
			}
			if len(server.seen) != 80 {
				t.Errorf("%d requests", len(server.seen))
			}
		}
	})
}

// A successful response brings the next nonce, so that no request is sent twice.
func TestC26_NonceOfSuccessfulResponses(t *testing.T) {
	t.Parallel()
	rs := &demanding{t: t, rolls: true}
	source := sourceOf(t, bound(t, says(200, good)), client.TokenSourceConfig{Token: boundToken()})
	api := &http.Client{Transport: transportOf(t, source, rs, "https://api.test")}
	for range 3 {
		resp, err := get(t, api, "https://api.test/")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if diff := cmp.Diff([]string{"<nil>", "n0", "n1", "n2"}, rs.seen); diff != "" {
		t.Error(diff)
	}
}

// The nonce and the newer token that an API requires are sent once each. After that, its response is returned.
func TestC26_C29_OnceEach(t *testing.T) {
	t.Parallel()
	nonce := func(value string) map[string]string {
		return map[string]string{"WWW-Authenticate": `DPoP error="use_dpop_nonce"`, "DPoP-Nonce": value}
	}
	ended := map[string]string{"WWW-Authenticate": `DPoP error="invalid_token"`}
	for name, test := range map[string]struct {
		answers []map[string]string // of 401; then 200
		sent    int
		status  int
	}{
		"nonce":                {[]map[string]string{nonce("1")}, 2, 200},
		"another each time":    {[]map[string]string{nonce("1"), nonce("2"), nonce("3")}, 2, 401},
		"the same":             {[]map[string]string{nonce("1"), nonce("1")}, 2, 401},
		"none":                 {[]map[string]string{{"WWW-Authenticate": `DPoP error="use_dpop_nonce"`}}, 1, 401},
		"endless":              {[]map[string]string{nonce(strings.Repeat("x", 2000))}, 1, 401},
		"not of DPoP":          {[]map[string]string{{"WWW-Authenticate": `Bearer error="use_dpop_nonce"`, "DPoP-Nonce": "1"}}, 1, 401},
		"ended":                {[]map[string]string{ended}, 2, 200},
		"nonce, then ended":    {[]map[string]string{nonce("1"), ended}, 3, 200},
		"ended, then nonce":    {[]map[string]string{ended, nonce("1")}, 3, 200},
		"ended, nonce, ended":  {[]map[string]string{ended, nonce("1"), ended}, 3, 401},
		"a nonce and no code":  {[]map[string]string{{"DPoP-Nonce": "1"}}, 2, 200},
		"nonce, ended at once": {[]map[string]string{{"WWW-Authenticate": `DPoP error="invalid_token"`, "DPoP-Nonce": "1"}}, 2, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			as := says(200, `{"access_token":"at1","token_type":"DPoP"}`)
			token := boundToken()
			token.RefreshToken = "rt0"
			source := sourceOf(t, bound(t, as), client.TokenSourceConfig{Token: token})
			sent := 0
			api := new(server)
			api.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
				sent++
				if sent <= len(test.answers) {
					return written(401, "", test.answers[sent-1])
				}
				return written(200, "", nil)
			}
			c := &http.Client{Transport: transportOf(t, source, api, "https://api.test")}
			resp, err := get(t, c, "https://api.test/")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if sent != test.sent || resp.StatusCode != test.status {
				t.Errorf("sent %d times, then %d", sent, resp.StatusCode)
			}
			for _, r := range api.requests {
				if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme != "DPoP" || len(r.Header.Values("DPoP")) != 1 {
					t.Error("sent as", scheme)
				}
			}
		})
	}
}

// htu is normalized in the same way by both sides.
func TestC26_Target(t *testing.T) {
	t.Parallel()
	source := sourceOf(t, bound(t, says(200, good)), client.TokenSourceConfig{Token: boundToken()})
	for target, want := range map[string]string{
		"https://api.test":                  "https://api.test/",
		"https://api.test?q=1":              "https://api.test/",
		"https://API.test:443/x?q=1#f":      "https://api.test/x",
		"https://api.test:8443/a%2Fb/":      "https://api.test:8443/a%2Fb/",
		"https://api.test:/a b":             "https://api.test/a%20b",
		"http://127.0.0.1:80/A":             "http://127.0.0.1/A",
		"https://[::1]:443/":                "https://[::1]/",
		"https://[::1]:444/?https://x.test": "https://[::1]:444/",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		s := says(200, "")
		api := &http.Client{Transport: transportOf(t, source, s, u.Scheme+"://"+u.Host)}
		resp, err := api.Do((&http.Request{URL: u}).WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if claims := proofOf(t, s.requests[0]); claims["htu"] != want || claims["htm"] != http.MethodGet {
			t.Errorf("%s: %v", target, claims)
		}
	}
}

// A token that is bound, or of an unknown type, is not sent as another type.
func TestC26_C8_TypeOfAToken(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"DPoP", "mac", "N_A"} {
		token := &client.Token{AccessToken: "at0", TokenType: kind}
		source := sourceOf(t, newClient(t, says(200, good), nil), client.TokenSourceConfig{Token: token})
		s := says(200, "")
		api := transportOf(t, source, s, "https://api.test")
		closed := false
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/", closing{strings.NewReader(""), &closed})
		if resp, err := api.RoundTrip(r); err == nil || len(s.requests) != 0 || !closed {
			_ = resp.Body.Close()
			t.Errorf("%s was sent without a DPoP key", kind)
		}
		calls := callsOf(t, source, "https://api.test")
		if _, err := calls.GetRequestMetadata(t.Context(), "https://api.test/s"); err == nil {
			t.Errorf("%s was sent with a gRPC call", kind)
		}
	}
}

// A request with a bearer token is not sent again for a nonce.
func TestC26_NonceForABearer(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	s := new(server)
	s.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
		return written(401, "", map[string]string{"WWW-Authenticate": `DPoP error="use_dpop_nonce"`, "DPoP-Nonce": "1"})
	}
	resp, err := get(t, &http.Client{Transport: transportOf(t, source, s, "https://api.test")}, "https://api.test/")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if len(s.requests) != 1 {
		t.Errorf("sent %d times", len(s.requests))
	}
}
