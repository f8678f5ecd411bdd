package benchmarks_test

import (
	"net/http"
	"testing"

	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
)

// echoJWT protects an echo route. Its own parser has no options. ParseTokenFunc therefore uses the parser of golang-jwt, which
// checks issuer and audience, with keys from keyfunc.
func echoJWT() peer {
	return peer{
		name:    "echo-jwt",
		modules: []string{"github.com/labstack/echo-jwt/v4"},
		handler: func(tb testing.TB, t trust, next http.Handler) http.Handler {
			parser, keys := golangJWTParser(t), golangJWTKeys(tb, t)
			e := echo.New()
			e.Use(echojwt.WithConfig(echojwt.Config{
				ParseTokenFunc: func(_ echo.Context, raw string) (any, error) { return parser.Parse(raw, keys) },
			}))
			e.GET("/", echo.WrapHandler(next))
			return e
		},
	}
}
