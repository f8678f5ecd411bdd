package testing

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// newAPIOf returns the API of the shop with a Consumer that trusts issuer.
func newAPIOf(t testing.TB, issuer *bearertest.Issuer) http.Handler {
	t.Helper()
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	api, err := newAPI(verifier)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// get returns the status of the response to a request with a token.
func get(t *testing.T, api http.Handler, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}

func TestTokens(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	api := newAPIOf(t, issuer)
	for name, test := range map[string]struct {
		token  *bearertest.Token
		status int
	}{
		"good":            {issuer.AccessToken().Set("scope", "orders:read"), http.StatusOK},
		"no scope":        {issuer.AccessToken(), http.StatusForbidden},
		"for another API": {issuer.AccessToken().Set("aud", "https://other.test"), http.StatusUnauthorized},
		"ID token":        {issuer.IDToken().Set("aud", "https://api.test"), http.StatusUnauthorized},
		"unsigned":        {issuer.AccessToken().SignWith("none", nil), http.StatusUnauthorized},
	} {
		if status := get(t, api, test.token.Sign()); status != test.status {
			t.Errorf("%s: status %d, want %d", name, status, test.status)
		}
	}
}

func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		api := newAPIOf(t, issuer)
		token := func() string {
			return issuer.AccessToken().Set("scope", "orders:read").Sign()
		}
		if status := get(t, api, token()); status != http.StatusOK {
			t.Fatal(status)
		}

		issuer.Fail("", bearertest.Disconnect()) // all requests to the issuer
		time.Sleep(time.Hour)
		if status := get(t, api, token()); status != http.StatusOK {
			t.Errorf("with the cached keys: status %d", status)
		}
		time.Sleep(72 * time.Hour)
		if status := get(t, api, token()); status != http.StatusServiceUnavailable {
			t.Errorf("without keys: status %d", status)
		}

		issuer.Fail("", nil)
		time.Sleep(time.Minute)
		if status := get(t, api, token()); status != http.StatusOK {
			t.Errorf("afterwards: status %d", status)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		api := newAPIOf(t, issuer)
		old := issuer.AccessToken().Set("scope", "orders:read").Sign()
		if status := get(t, api, old); status != http.StatusOK {
			t.Fatal(status)
		}

		issuer.Rotate() // without Announce, the API does not know the new key yet
		if status := get(t, api, issuer.AccessToken().Set("scope", "orders:read").Sign()); status != http.StatusOK {
			t.Errorf("the new key: status %d", status)
		}
		if status := get(t, api, old); status != http.StatusOK {
			t.Errorf("the old key: status %d", status)
		}
		if requests := issuer.Requests()["/jwks"]; requests != 2 {
			t.Errorf("%d requests for keys, want 2", requests)
		}
	})
}
