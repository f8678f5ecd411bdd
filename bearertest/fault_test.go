package bearertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
		status := func(path string) int {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := issuer.Client().Do(r)
			if err != nil {
				return 0
			}
			defer func() { _ = response.Body.Close() }()
			return response.StatusCode
		}
		const metadata = "/.well-known/openid-configuration"
		steps := []struct {
			name     string
			do       func()
			jwks     []int
			metadata int
		}{
			{"healthy", func() {}, []int{200}, 200},
			{"keys fail", func() { issuer.Fail("/jwks", bearertest.Respond(503, "")) }, []int{503, 503}, 200},
			{"everything fails", func() { issuer.Fail("", bearertest.Disconnect()) }, []int{503}, 0},
			{"keys work again", func() { issuer.Fail("/jwks", nil) }, []int{0}, 0},
			{"everything works again", func() { issuer.Fail("", nil) }, []int{200}, 200},
			{"the next ones", func() {
				issuer.FailNext("/jwks", bearertest.Respond(500, ""), nil)
				issuer.FailNext("/jwks", bearertest.Respond(429, ""))
			}, []int{500, 200, 429, 200}, 200},
			{"the next one of any path", func() { issuer.FailNext("", bearertest.Respond(500, "")) }, []int{500}, 200},
		}
		for _, step := range steps {
			step.do()
			var got []int
			for range step.jwks {
				got = append(got, status("/jwks"))
			}
			if diff := cmp.Diff(step.jwks, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
			if got := status(metadata); got != step.metadata {
				t.Errorf("%s: metadata %d, want %d", step.name, got, step.metadata)
			}
		}
		if diff := cmp.Diff(map[string]int{"/jwks": 11, metadata: 7}, issuer.Requests()); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
	})
}

func TestDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, nil)
		p.issuer.Fail("/token", bearertest.Delay(time.Minute))
		code, began := p.authorize().Get("code"), time.Now()
		status, response := p.redeem(code)
		p.rejected("a code that expires on the way", "invalid_grant", status, response)
		if waited := time.Since(began); waited != time.Minute {
			t.Error(waited)
		}

		client := p.issuer.Client()
		client.Timeout = time.Second
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer.URL()+"/token", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		slow, err := client.Do(r)
		if err == nil {
			_ = slow.Body.Close()
		}
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Error(err, time.Since(began))
		}
	})
}

func TestRespond(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	p.issuer.FailNext("/token", bearertest.Respond(400, `{"error":"slow_down"}`))
	status, response := p.post("/token")
	p.rejected("as the test says", "slow_down", status, response)
}

// On a socket, a Fault that disconnects closes the connection.
func TestDisconnectOnASocket(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	server := httptest.NewServer(issuer)
	defer server.Close()
	issuer.Fail("", bearertest.Disconnect())
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err == nil {
		_ = response.Body.Close()
		t.Error("there is a response:", response.Status)
	}
}

// A panic of a handler is not a closed connection: it must fail the test.
func TestPanicsOfHandlersAreNotHidden(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	issuer.Fail("", func(http.ResponseWriter, *http.Request, http.Handler) { panic("a defect") })
	defer func() {
		if cause := recover(); cause != "a defect" {
			t.Error(cause)
		}
	}()
	_, _ = issuer.Visit(t.Context(), issuer.URL())
}

func TestVisit(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	address := p.issuer.URL() + "/authorize?" + p.request().Encode()
	redirected, err := p.issuer.Visit(t.Context(), address)
	if err != nil || !strings.HasPrefix(redirected, callback+"?") {
		t.Error(redirected, err)
	}
	for _, address := range []string{p.issuer.URL() + "/authorize", "https://other.test/", "://"} {
		if redirected, err := p.issuer.Visit(t.Context(), address); err == nil {
			t.Errorf("%s: redirected to %s", address, redirected)
		}
	}
}

// The browser reaches the application and the issuer, and no other origin.
func TestBrowser(t *testing.T) {
	t.Parallel()
	p := newParty(t, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, p.issuer.URL()+"/authorize?"+p.request().Encode(), http.StatusFound)
	})
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("a")
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+cookie.Value+" "+r.Header.Get("Sec-Fetch-Site")+" "+r.Header.Get("Sec-Fetch-Dest"))
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.test/", http.StatusFound)
	})
	browser := p.issuer.Browser("https://shop.test", mux)
	open := func(method, place string) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), method, place, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := browser.Do(r)
		if err != nil {
			return "", err
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	if page, err := open(http.MethodGet, "https://shop.test/"); page != "GET shop.test b none document" {
		t.Error(page, err)
	}
	if page, err := open(http.MethodPost, callback); page != "POST shop.test b same-origin document" {
		t.Error(page, err)
	}
	for _, place := range []string{"https://shop.test/away", "https://shop.test:1/", "http://shop.test/"} {
		if page, err := open(http.MethodGet, place); err == nil {
			t.Errorf("%s: %s", place, page)
		}
	}
}

// Codes, refresh tokens and the rest are bounded in number: a new one replaces the oldest.
func TestIssuerBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bound = 10_000
		p := newParty(t, nil).as("cli", "")
		oldest, _ := p.startDevice()
		second, _ := p.startDevice()
		for range bound - 1 {
			p.startDevice()
		}
		if codes := p.issuer.WaitingDevices(); len(codes) != bound || codes[0] != second["user_code"] {
			t.Errorf("%d devices are waiting, want %d without the oldest", len(codes), bound)
		}
		status, response := p.post("/token", "grant_type", deviceGrant, "device_code", text(oldest["device_code"]))
		p.rejected("the oldest", "expired_token", status, response)
		status, response = p.post("/token", "grant_type", deviceGrant, "device_code", text(second["device_code"]))
		p.rejected("the second oldest", "authorization_pending", status, response)

		status, _, body := p.send(http.MethodPost, p.issuer.URL()+"/token", "a="+strings.Repeat("x", 64<<10))
		p.rejected("a large body", "invalid_request", status, members(t, body))
	})
}
