package weblogin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearerkit/client"
)

// fail writes the response to a sign-in or logout that failed, and logs err. Config.ErrorHandler writes it instead if
// there is one.
func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) { a.failPending(w, r, err, nil) }

// failPending does what fail does. If pending is not nil, the link of the default error page starts that sign-in again.
func (a *App) failPending(w http.ResponseWriter, r *http.Request, err error, pending *client.PendingAuthorization) {
	status := statusOf(err)
	if status != http.StatusUnauthorized { // a step-up is not a failure
		a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "sign-in or logout failed", slog.Int("status", status), slog.Any("error", err))
	}
	if a.cfg.ErrorHandler != nil {
		a.cfg.ErrorHandler(w, r, status, err)
		return
	}
	a.showError(w, r, status, err, pending)
}

// statusOf returns the status of the response to a sign-in or logout that failed with err. The errors of Config.OnSignIn come
// first, because an application may return any error from it.
func statusOf(err error) int {
	switch _, stepUp := errors.AsType[*StepUpError](err); {
	case errors.Is(err, errNotAccepted), errors.Is(err, errUnmet):
		return http.StatusForbidden
	case errors.Is(err, errHook), errors.Is(err, errOptions):
		return http.StatusInternalServerError
	case stepUp:
		return http.StatusUnauthorized
	case errors.Is(err, client.ErrCallback), errors.Is(err, errParams):
		return http.StatusBadRequest
	case isDeclined(err), needsUser(err):
		return http.StatusForbidden
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, errStore):
		return http.StatusServiceUnavailable
	default: // for example, the response of the authorization server is not valid
		return http.StatusBadGateway
	}
}

// rejectFor writes the response to a script whose request failed with err, and logs err.
func (a *App) rejectFor(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(context.Cause(r.Context()), errSlow) {
		err = errSlow // err is only the operation that the timeout has interrupted
	}
	if stepUp, ok := errors.AsType[*StepUpError](err); ok {
		a.requireStepUp(w, r, stepUp)
		return
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

// requireStepUp writes the response if an API requires another sign-in. A page gets a link, and a script gets the URL.
func (a *App) requireStepUp(w http.ResponseWriter, r *http.Request, err *StepUpError) {
	received, ok := r.Context().Value(receivedKey{}).(*http.Request)
	if ok && opensPage(received) {
		back := url.Values{"return_to": {received.URL.RequestURI()}}.Encode()
		a.fail(w, received, &StepUpError{Login: err.Login + "&" + back})
		return
	}
	rejectAs(w, http.StatusUnauthorized, problem{Error: "insufficient_user_authentication", Login: err.Login})
}

// problem is the body of an error response that a script reads.
type problem struct {
	Error string `json:"error"`
	Login string `json:"login,omitzero"` // the local URL that the script must open
}

// reject writes an error as JSON: {"error": code}. Scripts of the application read the code.
func reject(w http.ResponseWriter, status int, code string) {
	rejectAs(w, status, problem{Error: code})
}

// rejectAs writes an error as JSON.
func rejectAs(w http.ResponseWriter, status int, body problem) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the browser is gone
}
