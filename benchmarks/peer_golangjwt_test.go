package benchmarks_test

import (
	"context"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// golangJWT is golang-jwt with keyfunc, as in the README of keyfunc. For HS256 it uses a key function, as in the examples of
// golang-jwt.
func golangJWT() peer {
	return peer{
		name:     "golang-jwt",
		modules:  []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"},
		attempts: verifying(golangJWTVerify),
		keySet:   true,
	}
}

func golangJWTVerify(tb testing.TB, t trust) verify {
	parser, keys := golangJWTParser(t), golangJWTKeys(tb, t)
	return func(_ context.Context, raw string) error {
		_, err := parser.Parse(raw, keys)
		return err
	}
}

func golangJWTParser(t trust) *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{t.alg}),
		jwt.WithIssuer(t.issuer),
		jwt.WithAudience(t.audience),
		jwt.WithExpirationRequired(),
	)
}

func golangJWTKeys(tb testing.TB, t trust) jwt.Keyfunc {
	tb.Helper()
	if t.alg == "HS256" {
		secret := t.secret()
		return func(*jwt.Token) (any, error) { return secret, nil }
	}
	return must(keyfunc.NewDefaultCtx(tb.Context(), []string{t.jwksURI}))(tb).Keyfunc
}
