package doctor

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

// The record has the first 200 responses. Later ones are returned all the same.
func TestRecorderIsBounded(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	r := newRecorder(issuer.Client())
	for i := range 250 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.URL()+"/jwks", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := r.client().Do(request)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %v", i, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.all()); got != 200 {
		t.Errorf("%d responses are recorded, want 200", got)
	}
}
