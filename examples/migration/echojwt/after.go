package echojwt

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearerkit/adapters/echov4auth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// After returns the API with bearerkit.
func After(issuer string) (http.Handler, error) {
	guard, err := newGuard(issuer)
	if err != nil {
		return nil, err
	}
	e := echo.New()
	e.GET("/orders", ordersAfter, echov4auth.Middleware(guard, middleware.Scopes("orders:read")))
	return e, nil
}

func newGuard(issuer string) (*middleware.Guard, error) {
	verifier, err := consumer.New(consumer.Config{
		Issuer:         issuer,
		Audience:       []string{"https://api.example.com"},
		Algorithms:     []string{"RS256"},
		RequiredClaims: []string{"org"},
	})
	if err != nil {
		return nil, err
	}
	return middleware.New(middleware.Config{Verifier: verifier})
}

type claimsAfter struct {
	Org string `json:"org"`
}

func ordersAfter(c echo.Context) error {
	token, ok := echov4auth.Token(c)
	if !ok { // only if the route has no Guard
		return echo.ErrUnauthorized
	}
	claims, err := consumer.ClaimsAs[claimsAfter](token)
	if err != nil { // org is not a string
		return echo.ErrForbidden
	}
	return c.String(http.StatusOK, "orders of "+claims.Org+" for "+token.Subject()+"\n")
}
