package consumer_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

// Quirks of a key set are in the Refresh, in Health and in the log, once each.
func TestQuirksOfKeySet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		issuer.SetJWKS(bytes.Replace(issuer.JWKS(), []byte(`"kty"`), []byte(`"key_ops":null,"kty"`), 1))
		var lines bytes.Buffer
		var fromKeys, fromTokens []quirk.Quirk
		cfg := online(issuer)
		cfg.Logger = slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.KeyCache.OnRefresh = func(_ context.Context, r jwks.Refresh) { fromKeys = append(fromKeys, r.Quirks...) }
		cfg.OnVerify = func(_ context.Context, v consumer.Verification) { fromTokens = append(fromTokens, v.Quirks...) }
		c := newConsumer(t, cfg)
		for range 3 {
			accept(t, c, issuer.AccessToken().Sign())
			if err := c.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		want := []quirk.Quirk{{Name: quirk.NullMember, Place: "key key_ops", RFC: "RFC 7517 section 4.3"}}
		if diff := cmp.Diff(want, c.Health().Quirks); diff != "" {
			t.Errorf("Health.Quirks (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, fromKeys); diff != "" {
			t.Errorf("quirks of all Refreshes (-want +got):\n%s", diff)
		}
		if len(fromTokens) > 0 {
			t.Errorf("Verification.Quirks contains quirks of keys: %v", fromTokens)
		}
		if got := strings.Count(lines.String(), "deviation accepted"); got != 1 {
			t.Errorf("%d log lines about a quirk, want 1:\n%s", got, &lines)
		}
	})
}

// A token that is not verified causes no report: anybody can send one.
func TestQuirksOfForgedTokensAreNotReported(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	forger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: []string{"ES256"}})
	c := newConsumer(t, offline(t, issuer))
	reject(t, c, forger.AccessToken().Set("nbf", nil).Sign(), consumer.ReasonSignature)
	if got := c.Health().Quirks; got != nil {
		t.Errorf("Health.Quirks is %v after a forged token, want none", got)
	}
	accept(t, c, issuer.AccessToken().Set("nbf", nil).Sign())
	if got := c.Health().Quirks; len(got) != 1 {
		t.Errorf("Health.Quirks is %v after a verified token, want one", got)
	}
}
