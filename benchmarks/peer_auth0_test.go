package benchmarks_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
)

// auth0 is set up with the caching provider of its README, or for HS256 with the key function there.
func auth0() peer {
	return peer{
		name:     "auth0",
		modules:  []string{"github.com/auth0/go-jwt-middleware/v3"},
		attempts: verifying(auth0Verify),
		handler: func(tb testing.TB, t trust, next http.Handler) http.Handler {
			guard := must(jwtmiddleware.New(jwtmiddleware.WithValidator(auth0Validator(tb, t))))(tb)
			return guard.CheckJWT(next)
		},
		keySet: true,
	}
}

func auth0Verify(tb testing.TB, t trust) verify {
	v := auth0Validator(tb, t)
	return func(ctx context.Context, raw string) error {
		_, err := v.ValidateToken(ctx, raw)
		return err
	}
}

func auth0Validator(tb testing.TB, t trust) *validator.Validator {
	tb.Helper()
	return must(validator.New(
		validator.WithKeyFunc(auth0Keys(tb, t)),
		validator.WithAlgorithm(validator.SignatureAlgorithm(t.alg)),
		validator.WithIssuer(t.issuer),
		validator.WithAudience(t.audience),
	))(tb)
}

func auth0Keys(tb testing.TB, t trust) func(context.Context) (any, error) {
	tb.Helper()
	if t.alg == "HS256" {
		secret := t.secret()
		return func(context.Context) (any, error) { return secret, nil }
	}
	issuer := must(url.Parse(t.issuer))(tb)
	return must(jwks.NewCachingProvider(jwks.WithIssuerURL(issuer)))(tb).KeyFunc
}
