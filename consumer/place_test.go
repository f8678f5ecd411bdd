package consumer_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// forAnHour lets what an issuer publishes be kept for as long as counts.
func forAnHour(issuer http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=3600")
		issuer.ServeHTTP(w, r)
	})
}

// However long keys are fresh, and however busy the API: keys that have moved are found where they are now, and those in
// the old place lose trust, when the place itself is due.
func TestK24_Attack33_LongLivedKeysMove(t *testing.T) {
	t.Parallel()
	for _, withRun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			issuer, elsewhere := newIssuer(), newTenant("https://keys.test")
			elsewhere.Rotate()
			elsewhere.Retire() // so that its kid is another one
			n := newNetwork()
			n.connect(issuerURL, forAnHour(issuer))
			n.connect("https://keys.test", forAnHour(elsewhere))
			c := through(t, n, issuer)
			if withRun {
				go func() { _ = c.Run(t.Context()) }()
			}
			accept(t, c, issuer.AccessToken().Sign())
			n.connect(issuerURL, bearertest.NewIssuer(bearertest.IssuerConfig{
				URL: issuerURL, Metadata: map[string]any{"jwks_uri": "https://keys.test/jwks"},
			}))
			for range 10 * 60 {
				_, _ = c.Verify(t.Context(), issuer.AccessToken().Sign()) // good until the move is noticed
				time.Sleep(time.Second)
			}
			reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonUnknownKey)
			accept(t, c, elsewhere.AccessToken().Set("iss", issuerURL).Sign())
		})
	}
}
