package weblogin

import "net/http"

// own passes on only requests from the application's own pages.
func (a *App) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.isOwn(r) {
			reject(w, http.StatusForbidden, "cross_site")
			return
		}
		next(w, r)
	}
}

// isOwn reports whether a request comes from a page of the application, or from the user at the address bar. It reads what
// the browser says in Sec-Fetch-Site and in Origin. A request that carries neither passes only if it changes nothing.
func (a *App) isOwn(r *http.Request) bool {
	sites, origins := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	if len(sites) > 1 || len(origins) > 1 {
		return false // no browser sends one of them twice
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if len(sites) == 1 && site != "same-origin" && site != "none" {
		return false
	}
	if len(origins) == 1 {
		return a.isOwnOrigin(origins[0], site)
	}
	return isSafe(r) || site != ""
}

// isOwnOrigin reports whether Origin names the application. A page with the referrer policy no-referrer sends "null" with a
// form; then Sec-Fetch-Site decides, which a sandboxed or foreign page cannot set to same-origin (Fetch §3.2).
func (a *App) isOwnOrigin(origin, site string) bool {
	return origin == a.owner.origin() || origin == "null" && site == "same-origin"
}

// hasForeignOrigin reports whether a request says that a page of another origin has sent it. Navigation by a link carries no
// Origin.
func (a *App) hasForeignOrigin(r *http.Request) bool {
	return len(r.Header.Values("Origin")) > 0 && !a.isOwn(r)
}

// isSafe reports whether handlers of the application must not change anything for r. OPTIONS is not among the safe methods:
// a page never sends it to its own origin as a preflight, and a handler that ignores the method would do its work.
func isSafe(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
