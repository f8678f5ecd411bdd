//go:build !mldsa || !go1.27

package consumer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
)

// Without the build tag, New says how to get the algorithm.
func TestMLDSAIsOff(t *testing.T) {
	t.Parallel()
	cfg := offline(t, newIssuer())
	cfg.Algorithms = []string{"ES256", "ML-DSA-65"}
	_, err := consumer.New(cfg)
	const want = `consumer: Config.Algorithms: "ML-DSA-65" is only supported in programs that are built with Go 1.27 or later and -tags mldsa`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
