package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

// A client keeps the keys that it has until those at a new jwks_uri have been read.
func TestMovedKeySet_OldKeysStayUntilTheNewOnesAreThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const home, moved = "https://issuer.test", "https://keys.test"
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: home})
		hosts := new(hosts)
		hosts.handlers.Store(home, issuer)
		c, err := client.New(client.Config{Issuer: home, ClientID: "client", HTTPClient: &http.Client{Transport: hosts}})
		if err != nil {
			t.Fatal(err)
		}
		verify := func(raw string) error {
			_, err := c.VerifyIDToken(t.Context(), raw, client.IDTokenOptions{})
			return err
		}
		if err := verify(issuer.IDToken().Set("aud", "client").Set("azp", "client").Set("nonce", bearertest.Absent).Sign()); err != nil {
			t.Fatal(err)
		}
		movedTo := http.NewServeMux() // the old place still has the old keys
		movedTo.Handle("/", bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: home, Metadata: map[string]any{"jwks_uri": moved + "/jwks"},
		}))
		movedTo.Handle("/jwks", issuer)
		hosts.handlers.Store(home, movedTo)
		for range 180 { // metadata is fresh for an hour
			time.Sleep(time.Minute)
			if err := verify(issuer.IDToken().Set("aud", "client").Set("azp", "client").Set("nonce", bearertest.Absent).Sign()); err != nil {
				t.Fatal(err)
			}
		}
		elsewhere := bearertest.NewIssuer(bearertest.IssuerConfig{URL: moved})
		hosts.handlers.Store(moved, elsewhere)
		time.Sleep(2 * time.Minute)
		if err := verify(elsewhere.IDToken().Set("iss", home).Set("aud", "client").Set("azp", "client").Set("nonce", bearertest.Absent).Sign()); err != nil {
			t.Error(err)
		}
	})
}

// hosts serves several origins in memory. The others are down.
type hosts struct {
	handlers sync.Map // origin → http.Handler
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	handler, ok := h.handlers.Load(r.URL.Scheme + "://" + r.URL.Host)
	if !ok {
		return nil, errors.New("network is down")
	}
	w := httptest.NewRecorder()
	handler.(http.Handler).ServeHTTP(w, r)
	return w.Result(), nil
}
