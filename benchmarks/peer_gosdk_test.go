package benchmarks_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/auth"
)

// goSDK is RequireBearerToken. The user provides the TokenVerifier. This one uses golang-jwt with keyfunc, and returns the
// fields that the example in the documentation returns.
func goSDK() peer {
	return peer{
		name:    "mcp-go-sdk",
		modules: []string{"github.com/modelcontextprotocol/go-sdk"},
		handler: func(tb testing.TB, t trust, next http.Handler) http.Handler {
			return auth.RequireBearerToken(goSDKVerifier(tb, t), nil)(next)
		},
	}
}

func goSDKVerifier(tb testing.TB, t trust) auth.TokenVerifier {
	parser, keys := golangJWTParser(t), golangJWTKeys(tb, t)
	return func(_ context.Context, raw string, _ *http.Request) (*auth.TokenInfo, error) {
		token, err := parser.Parse(raw, keys)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		claims := token.Claims.(jwt.MapClaims)
		expiry, err := claims.GetExpirationTime()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		scope, _ := claims["scope"].(string)
		subject, _ := claims["sub"].(string)
		return &auth.TokenInfo{Scopes: strings.Fields(scope), Expiration: expiry.Time, UserID: subject}, nil
	}
}
