// Package echojwt is the API of docs/migrate/echo-jwt.md.
package echojwt

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"
)

// Before returns the API with echo-jwt.
func Before(ctx context.Context, issuer string) (http.Handler, error) {
	check, err := newMiddleware(ctx, issuer)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.GET("/orders", ordersBefore, check)
	return e, nil
}

func newMiddleware(ctx context.Context, issuer string) (echo.MiddlewareFunc, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer + "/jwks"})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience("https://api.example.com"),
	)
	return echojwt.Config{
		ParseTokenFunc: func(_ echo.Context, raw string) (any, error) {
			return parser.ParseWithClaims(raw, new(claimsBefore), keys.Keyfunc)
		},
	}.ToMiddleware()
}

type claimsBefore struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"`
	Org   string `json:"org"`
}

// Validate is called by the parser.
func (c *claimsBefore) Validate() error {
	if c.Org == "" {
		return errors.New("org is missing")
	}
	return nil
}

func ordersBefore(c echo.Context) error {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return echo.ErrUnauthorized
	}
	claims, ok := token.Claims.(*claimsBefore)
	if !ok || !slices.Contains(strings.Fields(claims.Scope), "orders:read") {
		return echo.ErrForbidden
	}
	return c.String(http.StatusOK, "orders of "+claims.Org+" for "+claims.Subject+"\n")
}
