package weblogin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// fail writes the response to a sign-in or logout that failed, and logs err. Config.ErrorHandler writes it instead if
// there is one.
func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	// The default. For example, the response of the authorization server is not valid.
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, client.ErrCallback):
		status = http.StatusBadRequest
	case errors.Is(err, client.ErrAccessDenied):
		status = http.StatusForbidden
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, errStore):
		status = http.StatusServiceUnavailable
	}
	a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "sign-in or logout failed", slog.Int("status", status), slog.Any("error", err))
	if a.cfg.ErrorHandler != nil {
		a.cfg.ErrorHandler(w, r, status, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The page is plain text in HTML, so the policy allows nothing.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><title>Sign-in</title><p>That did not work. Please try again.</p>\n"))
}

// rejectFor writes the response to a script whose request failed with err, and logs err.
func (a *App) rejectFor(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(context.Cause(r.Context()), errSlow) {
		err = errSlow // err is only the operation that the timeout has interrupted
	}
	if !errors.Is(err, errNobody) { // every visitor causes this error before the first sign-in
		a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "request rejected", slog.Any("error", err))
	}
	switch {
	case errors.Is(err, errNobody), errors.Is(err, client.ErrNoToken):
		reject(w, http.StatusUnauthorized, "login_required")
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, errStore):
		reject(w, http.StatusServiceUnavailable, "temporarily_unavailable")
	case errors.Is(err, errSlow):
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close") // the server must not parse the rest of the upload as the next request
		}
		reject(w, http.StatusGatewayTimeout, "gateway_timeout")
	default:
		reject(w, http.StatusBadGateway, "bad_gateway")
	}
}

// reject writes an error as JSON: {"error": code}. Scripts of the application read the code.
func reject(w http.ResponseWriter, status int, code string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`+"\n", code)
}
