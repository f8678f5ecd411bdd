// Package handlertest is for tests of HTTP handlers behind a Guard, and of the rules of their routes. It needs no issuer, no
// network and no signature.
//
// To test a handler alone, put a token in the context of its request. The handler reads it as it reads a
// verified token:
//
//	r := httptest.NewRequest("GET", "/orders", nil)
//	r = handlertest.WithToken(t, r, map[string]any{"sub": "bob", "scope": "orders:read"})
//	listOrders(recorder, r)
//
// To test a handler together with the Guard and its rules, create the Guard with a [Verifier]. It accepts only the
// credentials that its method Credential returns:
//
//	verifier := handlertest.NewVerifier(t)
//	api := newAPI(verifier) // the constructor of the application, which calls middleware.New with the Verifier
//
//	r := httptest.NewRequest("GET", "/orders", nil)
//	r.Header.Set("Authorization", "Bearer "+verifier.Credential(map[string]any{"scope": "orders:read"}))
//	api.ServeHTTP(recorder, r)
//
// Both work with every adapter of the kit. If a handler receives a context instead of a request, as the method of a gRPC service
// does, call [github.com/bearerkit/bearerkit/middleware.ContextWithToken] with the result of [Token].
//
// To test which tokens the API accepts, use package bearertest: its tokens are signed, and a Consumer verifies them.
//
// The package cannot be used in production by accident. Every function needs the [testing.TB] of a test, and panics in a program
// that is not a test binary. A Verifier always rejects the credentials of other Verifiers. After its test has ended, it rejects
// all.
package handlertest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// issuer is the `iss` of tokens without that claim.
const issuer = "https://issuer.test"

// Token returns a token with the given claims, as if a Verifier had verified it. Claims that the test does not set have these
// values: iss "https://issuer.test", sub "alice", aud "https://api.test", client_id "client", iat now, exp in five minutes, and a
// unique jti. A claim that is nil is omitted. The token has no scope unless the test sets one.
//
// If [consumer.NewToken] rejects the claims, the test fails, so call Token from the goroutine of the test. Token checks neither the
// times nor the audience.
func Token(tb testing.TB, claims map[string]any) *consumer.Token {
	tb.Helper()
	inTest()
	return newToken(tb, encode(tb, complete(claims)))
}

// encode returns the claims as JSON.
func encode(tb testing.TB, members map[string]any) []byte {
	tb.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		tb.Fatalf("handlertest: the claims cannot be encoded as JSON: %v", err)
	}
	return text
}

// newToken returns the token with exactly the claims in text.
func newToken(tb testing.TB, text []byte) *consumer.Token {
	tb.Helper()
	var named struct {
		Issuer string `json:"iss"`
	}
	_ = json.Unmarshal(text, &named) // NewToken reports the fault
	token, err := consumer.NewToken(named.Issuer, text)
	if err != nil {
		tb.Fatalf("handlertest: the claims are not those of a token: %v", err)
	}
	return token
}

// WithToken returns a copy of r with a token in its context, for a handler that is called without a Guard. claims are those of
// [Token]. A Guard ignores this token: to test with a Guard, use a [Verifier].
func WithToken(tb testing.TB, r *http.Request, claims map[string]any) *http.Request {
	tb.Helper()
	return r.WithContext(middleware.ContextWithToken(r.Context(), Token(tb, claims)))
}

// complete returns the claims with the defaults of Token.
func complete(claims map[string]any) map[string]any {
	now := time.Now()
	members := map[string]any{
		"iss": issuer, "sub": "alice", "aud": "https://api.test", "client_id": "client",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": rand.Text(),
	}
	for name, value := range claims {
		if value == nil {
			delete(members, name)
			continue
		}
		members[name] = value
	}
	return members
}

// inTest panics in a program that is not a test binary.
func inTest() {
	if !testing.Testing() {
		panic("handlertest: this package makes tokens that nobody has verified; use it only in tests") //nolint:forbidigo // a fault of the program
	}
}
