// Package fips lets the tests of a package pass in FIPS 140 mode (GODEBUG=fips140=on and fips140=only).
//
// A test that needs a key or an algorithm that FIPS 140 forbids has two choices. It can make the forbidden key inside
// [crypto/fips140.WithoutEnforcement] and check that the kit rejects it. Or, if the kit is supposed to accept it
// otherwise, it calls [Skip].
package fips

import (
	"crypto/fips140"
	"testing"
)

// Skip skips t if the process enforces FIPS 140 (GODEBUG=fips140=only). The parameter forbidden names what FIPS 140 does
// not allow, for example "SHA-1 in PBKDF2".
func Skip(t testing.TB, forbidden string) {
	t.Helper()
	if fips140.Enforced() {
		t.Skipf("FIPS 140 forbids %s", forbidden)
	}
}
