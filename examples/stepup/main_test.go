package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestStepUp runs the whole program. The first transfer needs another sign-in, and the second does not.
func TestStepUp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), nil, &out); err != nil {
		t.Fatal(err, out.String())
	}
	const want = `The user signs in with a password.
GET /balance: 200 balance of alice: 1,250 EUR
POST /transfers: 401 Bearer realm="api", error="insufficient_user_authentication", acr_values="phr", max_age="300"
The user signs in again: acr phr, at most 5m0s ago.
POST /transfers: 200 transfer of alice, confirmed with phr
POST /transfers: 200 transfer of alice, confirmed with phr
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}
