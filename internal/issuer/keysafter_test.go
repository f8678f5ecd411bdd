package issuer_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/jwks"
)

// A key that replaces another one under the same kid is found after a wrong signature, with a limited number of fetches.
func TestCaseJ8_KeyIsReplacedUnderItsKid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.connect(home, newIssuer(nil))
		r := newRemote(t, n, nil)
		before, err := r.Keys(t.Context(), "es256-1", "ES256")
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			if keys, err := r.KeysAfter(t.Context(), clock.Now(), "es256-1", "ES256", before); !errors.Is(err, jwks.ErrKeyNotFound) {
				t.Fatalf("no new key: %v, %v", keys, err)
			}
		}
		if got := n.count(home + "/jwks"); got != 2 {
			t.Errorf("%d fetches of the keys, want 2", got)
		}
		n.connect(home, newIssuer(nil)) // with another key under the same kid
		time.Sleep(10 * time.Second)
		after, err := r.KeysAfter(t.Context(), clock.Now(), "es256-1", "ES256", before)
		if err != nil || len(after) != 1 || after[0].Equal(before[0]) {
			t.Errorf("the new key: %v, %v", after, err)
		}
		if got := n.count(home + "/jwks"); got != 3 {
			t.Errorf("%d fetches of the keys, want 3", got)
		}
	})
}

func TestKeysAfterWithoutMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRemote(t, newNetwork(), func(cfg *issuer.Config) { cfg.KeysRequired = true })
		if _, err := r.KeysAfter(t.Context(), clock.Now(), "es256-1", "ES256", nil); !errors.Is(err, jwks.ErrUnavailable) {
			t.Errorf("error %v, want ErrUnavailable", err)
		}
	})
}
