package dpop_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

func TestG1_ProofOfEachAlgorithm(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	for alg, k := range keys() {
		for _, pass := range []string{"parsed key", "cached key"} {
			use, err := check(c, newDraft(alg).sign(), want(k.jwk))
			if err != nil {
				t.Errorf("%s with a %s: %v", alg, pass, err)
				continue
			}
			use.ID = ""
			expected := dpop.Use{Key: thumbprint(k.jwk), From: now.Add(-time.Minute), Until: now.Add(time.Minute)}
			if diff := cmp.Diff(expected, use); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", alg, diff)
			}
		}
	}
}
