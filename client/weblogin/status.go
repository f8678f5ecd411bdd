package weblogin

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// status tells a script who is signed in. The response contains no token.
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
		if token, err := a.tokens.Load(r.Context(), u.login.Key); err == nil {
			response.ExpiresAt, response.Scopes = token.Expiry, token.Scopes
		}
	case !errors.Is(err, errNobody):
		a.rejectFor(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(response) // an error means that the browser is gone
}

// shown returns the claims that Config.Claims lists.
func (a *App) shown(claims map[string]any) map[string]any {
	shown := make(map[string]any)
	for name, value := range claims {
		if slices.Contains(a.cfg.Claims, name) {
			shown[name] = value
		}
	}
	return shown
}

// refresh refreshes the token of the user and returns the new status.
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
