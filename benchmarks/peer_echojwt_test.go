package benchmarks_test

import (
	"net/http"
	"testing"

	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
)

// echoJWT guards a route of echo. Its own parser takes no options, so issuer and audience are checked by the parser of
// golang-jwt, its JWT library, through ParseTokenFunc; the keys come from keyfunc.
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
