package bearertest

import (
	"net/http"
	"net/url"
)

// logout is the end session endpoint (OpenID Connect RP-Initiated Logout section 2). It ends the session of the user at the
// issuer, and redirects to a registered URI. It sends no logout token to other clients: see [Issuer.LogoutToken].
func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	p, err := checked(r.URL.Query())
	if r.Method == http.MethodPost {
		p, err = form(r)
	}
	if err != nil {
		writePage(w, http.StatusBadRequest, err.description)
		return
	}
	id := p.get("client_id")
	if hint := p.get("id_token_hint"); hint != "" { // it may have expired
		claims, ok := s.issuer.verifyOwn(hint)
		client, _ := claims["azp"].(string)
		if !ok || id != "" && id != client {
			writePage(w, http.StatusBadRequest, "id_token_hint is not an ID token of this issuer and client")
			return
		}
		id = client
	}
	redirect := p.get("post_logout_redirect_uri")
	if redirect != "" && !registered(s.clients[id].PostLogoutRedirectURIs, redirect) {
		writePage(w, http.StatusBadRequest, "post_logout_redirect_uri "+redirect+" is not one of Client.PostLogoutRedirectURIs of "+id)
		return
	}
	s.issuer.endSession()
	u, invalid := url.Parse(redirect)
	if redirect == "" || invalid != nil {
		writePage(w, http.StatusOK, "Signed out.")
		return
	}
	if state := p.get("state"); state != "" {
		query := u.Query()
		query.Set("state", state)
		u.RawQuery = query.Encode()
	}
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}
