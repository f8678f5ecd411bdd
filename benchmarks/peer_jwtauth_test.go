package benchmarks_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// jwtauthV5 is set up with one key, and with the Verifier and the Authenticator of its README.
func jwtauthV5() peer {
	return peer{
		name:     "jwtauth",
		modules:  []string{"github.com/go-chi/jwtauth/v5"},
		attempts: verifying(jwtauthVerify),
		handler: func(_ testing.TB, t trust, next http.Handler) http.Handler {
			auth := jwtauthNew(t)
			return jwtauth.Verifier(auth)(jwtauth.Authenticator(auth)(next))
		},
	}
}

func jwtauthVerify(_ testing.TB, t trust) verify {
	auth := jwtauthNew(t)
	return func(_ context.Context, raw string) error {
		_, err := jwtauth.VerifyToken(auth, raw)
		return err
	}
}

func jwtauthNew(t trust) *jwtauth.JWTAuth {
	options := []jwt.ValidateOption{jwt.WithIssuer(t.issuer), jwt.WithAudience(t.audience)}
	if t.alg == "HS256" {
		return jwtauth.New(t.alg, t.secret(), nil, options...)
	}
	return jwtauth.New(t.alg, nil, t.key, options...)
}
