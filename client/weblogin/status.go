package weblogin

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// status is the session endpoint. It returns as JSON whether a user is signed in, their claims, and the scopes and expiry
// of the access token. The response contains no token.
func (a *App) status(w http.ResponseWriter, r *http.Request) {
	response := struct {
		SignedIn  bool           `json:"signed_in"`
		ExpiresAt time.Time      `json:"expires_at,omitzero"`
		Scopes    []string       `json:"scopes,omitzero"`
		Claims    map[string]any `json:"claims,omitzero"`
	}{}
	u, err := a.user(r.Context())
	switch {
	case err == nil:
		response.SignedIn, response.Claims = true, a.shown(u.login.Claims)
		// Load does not refresh the token, so a page may call this endpoint often. Without a token, the user is still signed
		// in, but there is no expiry and no scope to show.
		if token, err := a.tokens.Load(r.Context(), u.login.Key); err == nil {
			response.ExpiresAt, response.Scopes = token.Expiry, token.Scopes
		}
	// No user is not an error here: the response is signed_in: false.
	case !errors.Is(err, errNobody):
		a.rejectFor(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(response) // an error means that the browser is gone
}

// shown returns those of the claims that Config.Claims lists. A script can read only these.
func (a *App) shown(claims map[string]any) map[string]any {
	shown := make(map[string]any)
	for name, value := range claims {
		if slices.Contains(a.cfg.Claims, name) {
			shown[name] = value
		}
	}
	return shown
}

// refresh is the refresh endpoint. It refreshes the token of the user and writes the new status. If the server rejects
// the refresh token, the login ends.
func (a *App) refresh(w http.ResponseWriter, r *http.Request) {
	u, err := requestUser(r)
	if err == nil {
		err = u.endIfRejected(r.Context(), u.source.refresh(r.Context()))
	}
	if err != nil {
		a.rejectFor(w, r, err)
		return
	}
	a.status(w, r)
}
