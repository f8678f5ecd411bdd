//go:build !go1.27 && !fips140v1.0

package fips

import (
	"crypto/fips140"
	"crypto/rand"
	"encoding/binary"
	"testing"
	"testing/cryptotest"
)

// Prepare makes random numbers available in the bubbles of testing/synctest. TestMain calls it before the tests run.
//
// In FIPS mode, Go 1.26 measures the jitter of the clock to seed its generator. In a bubble the clock stands still, so
// the measurement fails, and the process panics. Prepare replaces the generator by one that is seeded here, outside
// of any bubble. Without FIPS mode, and in later Go versions, it does nothing.
func Prepare() {
	if !fips140.Enabled() {
		return
	}
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	reader := rand.Reader
	cryptotest.SetGlobalRandom(new(testing.T), binary.NativeEndian.Uint64(seed[:]))
	rand.Reader = reader // the only reader that FIPS 140 allows; it reads from the new generator
}
