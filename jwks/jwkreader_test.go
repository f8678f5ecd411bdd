package jwks_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/jwks"
)

// A key with several faults is reported with the same detail each time, so that the report does not seem to change.
func TestCaseW5_DetailOfSeveralFaultsIsStable(t *testing.T) {
	t.Parallel()
	const text = `{"keys":[{"kty":"RSA","kty":"EC","n":"AQAB","n":"AQAC","e":"AQAB","e":"AQAC","x":"a","x":"b","crv":"c","crv":"d"}]}`
	_, first := jwks.ParseJWKS([]byte(text))
	if first == nil {
		t.Fatal("the key is accepted")
	}
	for range 50 {
		if _, err := jwks.ParseJWKS([]byte(text)); err == nil || err.Error() != first.Error() {
			t.Fatalf("error %v, and another time %v", first, err)
		}
	}
}
