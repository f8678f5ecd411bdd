package middleware_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// A rejected token of a load balancer of AWS is an invalid token (401) and not an invalid request (400), although it has
// padding in the middle, which is not a token68.
func TestPaddedTokens(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"signer"}, Profile: consumer.ProfileAWSALB, Keys: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard(t, middleware.Config{Verifier: verifier, TokenSources: []middleware.TokenSource{middleware.HeaderToken("X-Amzn-Oidc-Data")}})
	token := func(signer string) string {
		pad := func(segment []byte) []byte { return append(segment, strings.Repeat("=", (4-len(segment)%4)%4)...) }
		raw := issuer.AccessToken().SetHeader("typ", "JWT").SetHeader("signer", signer).SetHeader("client", "c").EditInput(func(input []byte) []byte {
			header, claims, _ := bytes.Cut(input, []byte("."))
			return slices.Concat(pad(slices.Clone(header)), []byte("."), pad(slices.Clone(claims)))
		}).Sign()
		return raw + "=="
	}
	for raw, want := range map[string]int{
		token("signer"): http.StatusOK, token("other"): http.StatusUnauthorized, token("signer") + " x": http.StatusBadRequest,
		token("signer") + "=": http.StatusBadRequest, "a=.b=.c=": http.StatusBadRequest,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.Header.Set("X-Amzn-Oidc-Data", raw)
		response := httptest.NewRecorder()
		g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(response, request)
		if response.Code != want {
			t.Errorf("%s: status %d, want %d", raw, response.Code, want)
		}
	}
}
