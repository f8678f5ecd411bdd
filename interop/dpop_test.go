package interop_test

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
)

// boundToken requests an access token that is bound to a new key (RFC 9449 section 5). Its `cnf` claim contains the thumbprint.
func (as authorizationServer) boundToken(t *testing.T, client, resource, scope string) string {
	t.Helper()
	proof := bearertest.NewProofKey("ES256").Proof(http.MethodPost, as.tokenEndpoint, "").Sign()
	g, err := as.ask(t.Context(), client, clientCredentials(resource, scope), http.Header{"Dpop": {proof}})
	if err != nil {
		t.Fatal(err)
	}
	if g.TokenType != "DPoP" {
		t.Fatalf("token_type is %q, want DPoP", g.TokenType)
	}
	return g.AccessToken
}
