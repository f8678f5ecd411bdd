package auth0v3

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/bearerkit/bearerkit/examples/migration/report"
	"github.com/bearerkit/bearerkit/middleware"
)

// Both returns the API with the library that mode selects: "before", "report" or "after". With "report", go-jwt-middleware
// decides, and the log has a line for each request about which bearerkit decides differently.
func Both(issuer, mode string, logger *slog.Logger) (http.Handler, error) {
	check, err := newMiddleware(issuer)
	if err != nil {
		return nil, err
	}
	guard, err := newGuard(issuer)
	if err != nil {
		return nil, err
	}
	rule := middleware.Scopes("orders:read")
	var protect func(http.Handler) http.Handler
	switch mode {
	case "before":
		protect = check.CheckJWT
	case "report":
		protect = report.Middleware(check.CheckJWT, guard, logDifference(logger), rule)
	case "after":
		protect = guard.With(rule)
	default:
		return nil, errors.New("the mode must be before, report or after")
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", protect(http.HandlerFunc(orders)))
	return mux, nil
}

// orders serves all modes. The token of bearerkit is in the context only if it meets the rule.
func orders(w http.ResponseWriter, r *http.Request) {
	if _, ok := middleware.TokenFromContext(r.Context()); ok {
		ordersAfter(w, r)
		return
	}
	ordersBefore(w, r)
}

func logDifference(logger *slog.Logger) func(report.Difference) {
	return func(d report.Difference) {
		refusal := new(middleware.Refusal)
		if errors.As(d.After, &refusal) && refusal.Status == http.StatusForbidden {
			return // ordersBefore checks the scope, so the response is the same
		}
		logger.LogAttrs(d.Request.Context(), slog.LevelWarn, "decisions differ",
			slog.String("path", d.Request.URL.Path),
			slog.Bool("before", d.Before),
			slog.Bool("after", d.After == nil),
			slog.String("reason", string(refusal.Reason)),
			slog.String("detail", refusal.Detail))
	}
}
