package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

func TestHTTPClient(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	issued := 0
	var calls []string
	base := roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Host == "login.test" {
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			issued++
			if r.Form.Get("grant_type") != "client_credentials" || r.Form.Get("scope") != "orders:read" {
				t.Error(r.Form)
			}
			return written(200, fmt.Sprintf(`{"access_token":"at%d","token_type":"Bearer","expires_in":3600}`, issued), nil).Result(), nil
		}
		calls = append(calls, r.URL.Host+" "+r.Header.Get("Authorization"))
		switch {
		case r.URL.Path == "/download":
			return written(302, "", map[string]string{"Location": "https://files.test/"}).Result(), nil
		case r.URL.Host == "api.test" && r.Header.Get("Authorization") == "Bearer at1":
			return written(401, "", nil).Result(), nil
		}
		return written(200, "", nil).Result(), nil
	})
	c := newClient(t, nil, func(cfg *client.Config) {
		cfg.HTTPClient, cfg.Scopes = &http.Client{Transport: base}, []string{"orders:read"}
	})
	api, err := c.HTTPClient("https://api.test", "https://second.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"https://second.test/", "https://api.test/", "https://api.test/download"} {
		resp, err := get(t, api, target)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Error(target, resp.Status)
		}
	}
	if resp, err := get(t, api, "https://files.test/"); !errors.Is(err, client.ErrOrigin) {
		_ = resp.Body.Close()
		t.Error(err)
	}
	want := []string{"second.test Bearer at1", "api.test Bearer at1", "api.test Bearer at2", "api.test Bearer at2", "files.test "}
	if got := strings.Join(calls, "\n"); got != strings.Join(want, "\n") {
		t.Error(got)
	}
}

func TestCaseU3_HTTPClientChecksItsOrigins(t *testing.T) {
	t.Parallel()
	c := newClient(t, says(200, good), nil)
	for _, origins := range [][]string{
		nil, {}, {""}, {"api.test"}, {"https://api.test/v1"}, {"https://api.test", "//api.test"}, {"http://api.test"}, {"https://api.test?x"},
	} {
		if api, err := c.HTTPClient(origins...); err == nil || api != nil || !strings.Contains(err.Error(), "origins") {
			t.Errorf("%q: %v", origins, err)
		}
	}
	_, err := c.HTTPClient("a", "https://api.test", "b")
	if err == nil || !strings.Contains(err.Error(), "origins[0]") || !strings.Contains(err.Error(), "origins[2]") {
		t.Errorf("the error does not name all faults: %v", err)
	}
}

// The paths of the MFA API would become a part of a query in MFAURL.
func TestCaseU3_MFAURLHasNoQuery(t *testing.T) {
	t.Parallel()
	for place, valid := range map[string]bool{
		"https://login.test/mfa": true, "https://login.test/mfa/": true, "": true,
		"https://login.test/mfa?": false, "https://login.test/mfa?tenant=a": false, "login.test/mfa": false,
	} {
		_, err := client.New(client.Config{Issuer: issuerURL, ClientID: "app", MFAURL: place})
		if valid != (err == nil) || err != nil && !strings.Contains(err.Error(), "Config.MFAURL") {
			t.Errorf("%q: %v", place, err)
		}
	}
}

// Endpoints are complete URLs, and every part of them is used. New rejects one without a scheme or a host.
func TestCaseU3_EndpointsAreChecked(t *testing.T) {
	t.Parallel()
	for endpoint, valid := range map[string]bool{
		"https://login.test/token": true, "https://login.test": true, "https://login.test/token?tenant=a": true, "http://127.0.0.1:8080/token": true,
		"login.test/token": false, "//login.test/token": false, "/token": false, "https:/token": false, "https:login.test/token": false,
		"https://:443/token": false, "https://login.test/token#x": false, "https://u@login.test/token": false, "http://login.test/token": false,
	} {
		if u, err := url.Parse(endpoint); err != nil {
			t.Fatal(u, err)
		}
		for _, name := range []string{"token_endpoint", "userinfo_endpoint", "end_session_endpoint"} {
			_, err := client.New(client.Config{Issuer: issuerURL, ClientID: "app", Endpoints: map[string]string{name: endpoint}})
			if valid != (err == nil) || err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%s %q: %v", name, endpoint, err)
			}
		}
	}
}
