package echojwt

import (
	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearerkit/middleware"
)

// Report returns middleware that lets old decide about each request. It calls report for each request about which guard decides
// differently. err says why guard rejects the request, and is nil if it accepts it. If both accept a request, handlers can read
// the token of either.
func Report(
	old echo.MiddlewareFunc, guard *middleware.Guard, report func(c echo.Context, err error), rules ...middleware.Rule,
) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		decided := old(func(c echo.Context) error {
			if err, ok := c.Get(rejectedKey).(error); ok {
				report(c, err)
			}
			c.Set(acceptedKey, true)
			return next(c)
		})
		return func(c echo.Context) error {
			r, rejected := guard.Authenticate(c.Request(), rules...)
			if rejected == nil {
				c.SetRequest(r)
			} else {
				c.Set(rejectedKey, rejected)
			}
			err := decided(c)
			if rejected == nil && c.Get(acceptedKey) == nil {
				report(c, nil)
			}
			return err
		}
	}
}

const (
	rejectedKey = "report.rejected"
	acceptedKey = "report.accepted"
)
