package statuslist_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/store"
)

// The Guard responds with 200, 401 or 503, and its response does not say why.
func TestResponsesOfTheGuard(t *testing.T) {
	t.Parallel()
	inBubble(t, nil, func(t *testing.T, w *world) {
		w.list.Set(1, 1)
		guard, err := middleware.New(middleware.Config{Verifier: w.consumer})
		if err != nil {
			t.Fatal(err)
		}
		handler := guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		respond := func(raw string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+raw)
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			return rec
		}
		rejected := respond(w.token(nil))
		second := w.issuer.StatusList(1, 8)
		w.issuer.Fail("/statuslists/2", func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) { rw.WriteHeader(http.StatusBadGateway) })
		for name, test := range map[string]struct {
			raw  string
			want int
		}{
			"valid":       {w.at(0), http.StatusOK},
			"revoked":     {w.at(1), http.StatusUnauthorized},
			"no such one": {w.at(1000), http.StatusUnauthorized},
			"malformed":   {w.token(1), http.StatusUnauthorized},
			"unavailable": {w.token(second.Claim(0)), http.StatusServiceUnavailable},
		} {
			got := respond(test.raw)
			if got.Code != test.want {
				t.Errorf("%s: status %d, want %d", name, got.Code, test.want)
			}
			if test.want == http.StatusUnauthorized && (got.Body.String() != rejected.Body.String() ||
				got.Header().Get("WWW-Authenticate") != rejected.Header().Get("WWW-Authenticate")) {
				t.Errorf("%s: the response differs from that for another reason: %s", name, got.Body)
			}
		}
	})
}

// Each kind of token without a status is logged, at most once per minute, and without its content.
func TestRejectedTokensAreLoggedSparingly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logging := func(c *statuslist.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	inBubble(t, logging, func(t *testing.T, w *world) {
		w.list.Set(1, 1)
		for range 100 {
			w.expect(t, w.token(reference(7, "https://evil.test/secret?secret=1")), "revoked")
			w.expect(t, w.token(reference("x", w.list.URL())), "revoked")
			w.expect(t, w.at(64), "revoked")
			w.expect(t, w.token(bearertest.Absent), "revoked")
			w.expect(t, w.at(1), "revoked")
		}
		if n := strings.Count(log.String(), "\n"); n != 4 {
			t.Errorf("%d lines, want 4:\n%s", n, log.String())
		}
		want := statuslist.Rejections{Invalid: 100, Unlisted: 100, Malformed: 100, NotAllowed: 100, OutOfRange: 100}
		if got := w.lists.Stats().Rejected; got != want {
			t.Errorf("Stats: %+v, want %+v", got, want)
		}
		if strings.Contains(log.String(), "secret") || !strings.Contains(log.String(), "evil.test") {
			t.Errorf("want the server of the list and no more of it:\n%s", log.String())
		}
	})
}

// Tokens that their status rejects are counted by status. Accepted ones are not counted.
func TestStats_RejectedByStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4, func(c *statuslist.Config) { c.AlsoActive = []statuslist.Status{3} })
	for index, status := range []uint8{0, 1, 2, 3, 4, 15} {
		w.list.Set(index, status)
	}
	for index, want := range []consumer.Reason{"", "revoked", "revoked", "", "revoked", "revoked"} {
		w.expect(t, w.at(index), want)
	}
	got := w.lists.Stats()
	if want := (statuslist.Rejections{Invalid: 1, Suspended: 1, Other: 2}); got.Rejected != want || got.Issuer != w.issuer.URL() {
		t.Errorf("Stats: %+v of %q, want %+v", got.Rejected, got.Issuer, want)
	}
}

// A Lists and a deny list together: either can reject a token.
func TestTogetherWithADenyList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, nil)
	w.list.Set(1, 1)
	denied := store.DenyList{Storage: store.NewMemory(10)}
	c := newConsumer(t, w.issuer, store.All(w.lists, denied))
	good := w.issuer.AccessToken().Set("status", w.list.Claim(0))
	bad := w.issuer.AccessToken().Set("status", w.list.Claim(0)).Set("jti", "denied")
	if err := denied.DenyToken(t.Context(), w.issuer.URL(), "denied", time.Time{}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, good.Sign(), "")
	expect(t, c, bad.Sign(), "revoked")
	expect(t, c, w.at(1), "revoked")
}
