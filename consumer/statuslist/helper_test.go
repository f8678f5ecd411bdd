package statuslist_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
)

const audience = "https://api.test"

// world is an issuer with one list, a Lists that reads it, and a Consumer that uses the Lists.
type world struct {
	issuer   *bearertest.Issuer
	list     *bearertest.StatusList
	lists    *statuslist.Lists
	consumer *consumer.Consumer
}

// newWorld makes a world whose list has 64 statuses. edit may change the Config, and may be nil.
func newWorld(t testing.TB, bits int, edit func(*statuslist.Config)) *world {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience, Algorithms: []string{"ES256"}})
	w := &world{issuer: issuer, list: issuer.StatusList(bits, 64)}
	cfg := statuslist.Config{Issuer: issuer.URL(), Keys: keysOf(t, issuer), HTTPClient: issuer.Client(), Logger: logscan.Logger()}
	if edit != nil {
		edit(&cfg)
	}
	w.lists = newLists(t, cfg)
	w.consumer = newConsumer(t, issuer, w.lists)
	return w
}

func newLists(t testing.TB, cfg statuslist.Config) *statuslist.Lists {
	t.Helper()
	lists, err := statuslist.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

func newConsumer(t testing.TB, issuer *bearertest.Issuer, status consumer.TokenStatus) *consumer.Consumer {
	t.Helper()
	c, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{audience}, Keys: keysOf(t, issuer), Status: status, Logger: logscan.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keysOf(t testing.TB, issuer *bearertest.Issuer) jwks.Static {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// token returns a token with the given value of the claim status.
func (w *world) token(status any) string {
	raw := w.issuer.AccessToken().Set("status", status).Sign()
	logscan.Token(raw)
	return raw
}

// at returns a token with the status at index.
func (w *world) at(index int) string { return w.token(w.list.Claim(index)) }

// expect verifies raw and compares the reason of the rejection; "" means that raw must be accepted.
func (w *world) expect(t testing.TB, raw string, want consumer.Reason) {
	t.Helper()
	expect(t, w.consumer, raw, want)
}

func expect(t testing.TB, v consumer.Verifier, raw string, want consumer.Reason) {
	t.Helper()
	_, err := v.Verify(t.Context(), raw)
	var e *consumer.Error
	switch {
	case err == nil && want != "":
		t.Errorf("accepted, want %s", want)
	case err != nil && (!errors.As(err, &e) || e.Reason != want):
		t.Errorf("got %v, want %q", err, want)
	}
}

// requests returns how often the list was requested.
func (w *world) requests() int { return w.issuer.Requests()["/statuslists/1"] }

// roundTripper is a transport without a network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
