package weblogin

import "net/http"

// own returns a handler that calls next only for requests from the application's own pages, and responds to all others
// with status 403. See isOwn.
func (a *App) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.isOwn(r) {
			reject(w, http.StatusForbidden, "cross_site")
			return
		}
		next(w, r)
	}
}

// isOwn reports whether a request comes from a page of the application, or from the user at the address bar. It checks
// the headers Sec-Fetch-Site and Origin, which browsers set. A request that carries neither passes only if its method is
// GET or HEAD.
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

// hasForeignOrigin reports whether the headers of a request name a page of another origin as its source. It returns false
// for a request without Origin, such as one that follows a link.
func (a *App) hasForeignOrigin(r *http.Request) bool {
	return len(r.Header.Values("Origin")) > 0 && !a.isOwn(r)
}

// isSafe reports whether r has a method for which handlers must not change anything: GET or HEAD. OPTIONS does not count
// as safe. Browsers send no preflight to a page's own origin, and a handler that does not check the method would act on
// it.
func isSafe(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }
